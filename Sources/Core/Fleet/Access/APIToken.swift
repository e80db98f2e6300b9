/// A token of the REST interface: who holds its text may come in.
public struct APIToken: Hashable, Sendable {
    /// How many there may be.
    public static let limit = 1_000

    /// What it is called by people.
    public internal(set) var name: Text
    /// What it may do.
    public internal(set) var role: Role
    /// SHA-256 of its text, 32 bytes.
    public internal(set) var digest: [UInt8]
    /// When it was made.
    public internal(set) var createdAt: Timestamp
    /// From when on it is worth nothing, by the wall clock; nil: never. It stays on the list until it is deleted.
    public internal(set) var expiresAt: Timestamp?
}

extension APIToken: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("name", name)
        encoder.encode("role", word: Optional(role))
        encoder.encode("digest", bytes: digest)
        encoder.encode("created_at", createdAt)
        encoder.encode("expires_at", expiresAt)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        name = try decoder.decode("name")
        role = try decoder.decodeWord("role")
        digest = try decoder.decodeBytes("digest")
        createdAt = try decoder.decode("created_at")
        expiresAt = try decoder.decode("expires_at")
    }
}

/// What somebody wants a token to be.
public struct APITokenSpec: Hashable, Sendable {
    /// What it is called by people.
    public var name: Text
    /// What it may do.
    public var role: Role
    /// SHA-256 of its text, 32 bytes.
    public var digest: [UInt8]
    /// From when on it is worth nothing; nil: never.
    public var expiresAt: Timestamp?

    /// A wish with all its parts.
    public init(name: Text, role: Role, digest: [UInt8], expiresAt: Timestamp?) {
        self.name = name
        self.role = role
        self.digest = digest
        self.expiresAt = expiresAt
    }

    /// What is wrong with it at a moment; nil when nothing is.
    func problem(at moment: Timestamp) -> Refusal? {
        if name.isEmpty || name.byteCount > 200 {
            return Refusal(code: .validation, field: "name", text: "must have 1 to 200 bytes")
        }
        if let expiresAt, expiresAt <= moment {
            return Refusal(code: .validation, field: "expires_at", text: "must lie in the future")
        }
        return nil
    }
}
