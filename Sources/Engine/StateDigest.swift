public import Core
public import Digests

/// What two states have in common when they are equal, on any machine and in any build of the same state version.
///
/// SHA-256 over the state's ``CanonicalBytes``, in which each entity stands as its id and its own digest.
public struct StateDigest: Hashable, Sendable, CustomStringConvertible {
    /// Raised whenever the canonical encoding of a state changes.
    public static let version = 5

    /// The digest itself.
    public let digest: Digest

    /// The digest of a state.
    public init(of state: borrowing some Canonical) { digest = SHA256.digest(of: CanonicalBytes.fields(of: state)) }

    /// The state version and the digest in hexadecimal: `s5:…`.
    public var description: String { "s\(Self.version):\(digest.hex)" }
}
