/// Where secrets rest, wrapped under the master key: passwords and one data key per attempt. The log holds only names.
///
/// Deleting a secret makes it unreadable for good; the log still verifies.
public protocol Vault: Sendable {
    /// Keeps a secret under a name, durably, before this returns. An existing one of that name is replaced.
    ///
    /// - Parameter name: at most 200 bytes, such as `secret:…` or `key:run_…-1`.
    func store(_ secret: [UInt8], as name: String) throws(VaultError)

    /// The secret of that name; nil when there is none (or no more).
    func reveal(_ name: String) throws(VaultError) -> [UInt8]?

    /// Deletes the secret, so that no trace stays in the file. Nothing happens when there is none.
    func delete(_ name: String) throws(VaultError)

    /// The names that start with a prefix, in byte order.
    func names(withPrefix prefix: String) throws(VaultError) -> [String]
}

/// Why the vault could not do what it was asked to. Never holds a secret.
public enum VaultError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file cannot be opened, read or written.
    case failed(path: String, problem: String)
    /// A secret does not open under this master key.
    case wrongKey(path: String, name: String)

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .failed(let path, let problem): "\(path): \(problem)"
        case .wrongKey(let path, let name):
            "\(path): “\(name)” does not open with this master key. Start with the master key it was written under."
        }
    }
}
