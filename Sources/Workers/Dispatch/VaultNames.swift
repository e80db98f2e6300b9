public import Core

/// The names under which the control plane keeps things in its vault. Passwords have names of their own, drawn at the
/// door.
public enum VaultNames {
    /// Starts the names of data keys.
    public static let dataKeyPrefix = "key:"
    /// Starts the names of former passwords: `former:AGENT:MILLISECONDS:RANDOM`. The door keeps them for some days.
    public static let formerPasswordPrefix = "former:"
    /// The public half of the recovery key, 32 bytes: all that sealing needs.
    public static let recoveryPublicKey = "recovery:public"
    /// The SHA-256 of the administrator's token, 32 bytes.
    public static let adminTokenDigest = "token:admin"

    /// The data key of an attempt, 32 bytes.
    public static func dataKey(_ run: RunID, _ attempt: Attempt) -> String {
        dataKeyPrefix + WireRunID(run, attempt).text.string
    }
}
