import Core
import Digests
import Engine
import Logging
import Synchronization
import Wire

/// Keeps the vault in step with the targets: a password is in the vault before the request that names it is submitted,
/// and becomes a former one once no target names it. Former ones are kept for a while, since agents may deliver old reports
/// late, also after a restart, and what is in them must be known to be redacted.
public final class SecretKeeper: Sendable {
    /// Only names of this kind are ever deleted: others keep secrets in the vault too.
    static let prefix = "secret:target-"
    /// Starts the names of former passwords: `former:AGENT:MILLISECONDS:RANDOM`, with 15 digits of time.
    static let formerPrefix = "former:"
    /// How long a former password is kept.
    static let formerSpan = Milliseconds.hours(7 * 24)
    /// How many are kept of one agent.
    static let formerLimit = 32

    private let vault: any Vault
    private let state: any FleetStateReader
    private let clock: any Clock
    private let logger: Logger
    /// Names that no target may have yet.
    private let drafts = Mutex<Set<String>>([])

    init(vault: any Vault, state: any FleetStateReader, clock: any Clock, logger: Logger) {
        self.vault = vault
        self.state = state
        self.clock = clock
        self.logger = logger
    }

    /// Keeps a password of an agent under a new name.
    func keep(_ password: Text, of agent: AgentID?) async throws -> Text {
        let name = Self.prefix + (agent.map { "\($0):" } ?? "") + Hex.encode(SecureRandom.bytes(16))
        _ = drafts.withLock { $0.insert(name) }
        let vault = vault
        try await blocking { try vault.store(Array(password.string.utf8), as: name) }
        return Text(name)
    }

    /// The request that named it was answered, and the state shows the answer.
    func settle(_ name: Text) {
        _ = drafts.withLock { $0.remove(name.string) }
    }

    /// The request that named it was refused: nobody was told the password.
    func discard(_ name: Text) async {
        do {
            let vault = vault
            try await blocking { try vault.delete(name.string) }
        } catch {
            logger.error("a password that was refused stays in the vault for now: \(error)")
        }
        settle(name)
    }

    /// The passwords of an agent's targets that are in the vault.
    func passwords(of agent: AgentID) async throws -> [[UInt8]] {
        let vault = vault
        return try await blocking {
            try vault.names(withPrefix: "\(Self.prefix)\(agent):").compactMap { try vault.reveal($0) }
        }
    }

    /// Takes out of use what no target names and no request under way will name, and deletes former passwords whose time is
    /// over. A failure is only told: the next sweep finds the same again.
    ///
    /// Done after each change of a password; also to be called at a start and from time to time, when the state has been
    /// folded up to the log's end.
    public func sweep() async {
        do {
            let vault = vault
            // In this order: what becomes a draft after the listing is not in the list.
            let names = try await blocking { try vault.names(withPrefix: Self.prefix) }
            let drafts = drafts.withLock { $0 }
            let used = state.read { state in
                var used: Set<String> = []
                state.targets.forEach { _, target in
                    if case .vault(let name) = target.spec.password { used.insert(name.string) }
                }
                return used
            }
            let unused = names.filter { !used.contains($0) && !drafts.contains($0) }
            let now = clock.wallTime()
            let agents = state.read { state in
                var agents: Set<String> = []
                state.agents.forEach { id, _ in agents.insert("\(id)") }
                return agents
            }
            try await blocking {
                for name in unused { try Self.retire(name, in: vault, now) }
                try Self.expire(in: vault, now, agents)
            }
        } catch {
            logger.error("passwords that are no longer used stay in the vault for now: \(error)")
        }
    }

    private static func retire(_ name: String, in vault: any Vault, _ now: Timestamp) throws {
        let parts = name.dropFirst(prefix.count).split(separator: ":")
        if parts.count == 2, let password = try vault.reveal(name) {
            let digits = String(max(0, now.milliseconds))
            let time = String(repeating: "0", count: max(0, 15 - digits.count)) + digits
            try vault.store(password, as: "\(formerPrefix)\(parts[0]):\(time):\(parts[1])")
        }
        try vault.delete(name)
    }

    /// Deletes former passwords that are too old or too many, and those of agents that are gone and report no more.
    private static func expire(in vault: any Vault, _ now: Timestamp, _ agents: Set<String>) throws {
        var counts: [Substring: Int] = [:]
        // By agent and time, the newest first.
        for name in try vault.names(withPrefix: formerPrefix).reversed() {
            let parts = name.split(separator: ":")
            guard parts.count == 4, let time = Int64(parts[2]) else { continue }
            counts[parts[1], default: 0] += 1
            let isOld = time < now.milliseconds &- formerSpan.count
            if isOld || !agents.contains(String(parts[1])) || counts[parts[1], default: 0] > formerLimit {
                try vault.delete(name)
            }
        }
    }
}
