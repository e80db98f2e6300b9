public import Core
import Digests
public import Engine
import Synchronization

/// Which agent a key belongs to, by the key's SHA-256. Read on event loops at every upgrade, so it never waits for
/// anything but its own short lock; brought up to date after each commit that changes a key.
public final class KeyTable: Sendable {
    /// The longest key that is hashed; a longer one is nobody's. Keys have 42 bytes.
    public static let maximumKeyByteCount = 256

    private struct Keys: Sendable {
        var owners: [[UInt8]: AgentID] = [:]
        var digests: [AgentID: [UInt8]] = [:]

        mutating func set(_ digest: [UInt8]?, of agent: AgentID) {
            if let former = digests[agent] { owners[former] = nil }
            digests[agent] = digest
            if let digest { owners[digest] = agent }
        }
    }

    private let keys = Mutex(Keys())

    /// A table without keys: every upgrade is refused.
    public init() {}

    /// Takes over the keys of all agents of a state, in place of what was known.
    public func publish(_ state: borrowing Fleet.State) {
        var fresh = Keys()
        state.agents.forEach { id, agent in
            if agent.keyDigest.count == Digest.byteCount { fresh.set(agent.keyDigest, of: id) }
        }
        keys.withLock { $0 = fresh }
    }

    /// Takes over what a commit changed.
    public func apply(_ recorded: [Recorded<Fleet.Message>]) {
        for item in recorded where item.role == .answer {
            guard case .accepted(let acceptance, _) = item.entry.message else { continue }
            switch acceptance {
            case .agentCreated(let id, _, let digest), .keyRotated(let id, let digest):
                keys.withLock { $0.set(digest, of: id) }
            case .agentDeleted(let id):
                keys.withLock { $0.set(nil, of: id) }
            case .agentRenamed, .agentConfigured, .targetCreated, .targetChanged, .targetDeleted, .jobCreated,
                .jobChanged, .jobDeleted, .runQueued, .cancelRequested, .runDeletionRequested, .tokenIssued,
                .runLocked, .runUnlocked, .checkCreated, .checkChanged, .checkDeleted, .checkRunRequested,
                .tokenCreated,
                .tokenDeleted, .policyChanged, .alertAcknowledged, .clockConfirmed, .repeated:
                continue
            }
        }
    }

    /// The agent whose key this is; nil when it is nobody's.
    public func agent(withKey key: some StringProtocol) -> AgentID? { admission(withKey: key)?.agent }

    /// Who comes with this key, and for how long; nil when it is nobody's.
    func admission(withKey key: some StringProtocol) -> Admission? {
        guard (1...Self.maximumKeyByteCount).contains(key.utf8.count) else { return nil }
        let digest = SHA256.digest(of: Array(key.utf8)).bytes
        return keys.withLock { $0.owners[digest] }.map { Admission(agent: $0, keyDigest: digest, keys: self) }
    }

    fileprivate func isKey(_ digest: [UInt8], of agent: AgentID) -> Bool {
        keys.withLock { $0.owners[digest] == agent }
    }
}

/// An agent that was let in with a key.
struct Admission: Sendable {
    let agent: AgentID
    fileprivate let keyDigest: [UInt8]
    fileprivate let keys: KeyTable

    /// Whether the key still is the agent's.
    var isValid: Bool { keys.isKey(keyDigest, of: agent) }
}
