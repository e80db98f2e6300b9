public import Core
public import Digests
public import Engine
import Synchronization

/// The tokens of the REST interface: the administrator's, which is in `admin.token`, and those on the log. Brought up to
/// date after each commit that changes one, before anybody hears of it.
///
/// When a token was used is kept in memory only, and begins anew with each start.
public final class TokenBook: TokenTable {
    private struct Holders: Sendable {
        var byDigest: [[UInt8]: TokenHolder] = [:]
        var digests: [TokenID: [UInt8]] = [:]
        var lastUses: [Text: Timestamp] = [:]

        mutating func set(_ id: TokenID, _ digest: [UInt8], _ holder: TokenHolder) {
            guard digest.count == Digest.byteCount else { return }
            digests[id] = digest
            byDigest[digest] = holder
        }

        mutating func remove(_ id: TokenID) {
            if let digest = digests.removeValue(forKey: id) { byDigest[digest] = nil }
            lastUses[id.text] = nil
        }
    }

    private let admin: [UInt8]
    private let holders = Mutex(Holders())

    /// A book with the administrator's token only.
    ///
    /// - Parameter admin: SHA-256 of that token.
    public init(admin: Digest) { self.admin = admin.bytes }

    /// Takes over the tokens of a state, in place of what was known.
    public func publish(_ state: borrowing Fleet.State) {
        var fresh = Holders()
        state.tokens.forEach { id, token in
            fresh.set(
                id, token.digest, TokenHolder(name: id.text, role: token.role, expiresAt: token.expiresAt))
        }
        holders.withLock { $0 = fresh }
    }

    /// Takes over what a commit changed.
    public func apply(_ recorded: [Recorded<Fleet.Message>]) {
        for item in recorded where item.role == .answer {
            guard case .accepted(let acceptance, _) = item.entry.message else { continue }
            if case .tokenCreated(let id, let spec) = acceptance {
                let holder = TokenHolder(name: id.text, role: spec.role, expiresAt: spec.expiresAt)
                holders.withLock { $0.set(id, spec.digest, holder) }
            } else if case .tokenDeleted(let id) = acceptance {
                holders.withLock { $0.remove(id) }
            }
        }
    }

    /// Who has the token with this SHA-256. That the table is found by the digest tells nothing of use about it, since
    /// whoever asks knows the digest of what he sends anyway, and cannot choose it.
    public func holder(of digest: Digest) -> TokenHolder? {
        let bytes = digest.bytes
        if constantTimeEqual(admin, bytes) { return TokenHolder(name: "admin", role: .admin) }
        return holders.withLock { $0.byDigest[bytes] }
    }

    /// A token was used at a moment.
    public func used(_ name: Text, at moment: Timestamp) { holders.withLock { $0.lastUses[name] = moment } }

    /// When a token was used last since the start.
    public func lastUse(of name: Text) -> Timestamp? { holders.withLock { $0.lastUses[name] } }
}
