public import Core
public import Engine
import Synchronization
public import Wire

/// What must not be found in agents' frames: passwords that were sent to them, and the data keys of their open runs.
/// Kept in memory only.
///
/// Whoever sends a secret to an agent enters it here first, so that no answer can come before it is known. A password
/// stays known after it was changed, because agents deliver old reports late.
public final class SecretBook: SecretSource {
    /// How many former passwords are remembered for one agent; the oldest go first. Those in force are all known.
    static let formerPasswordLimit = 64

    private struct Page: Sendable {
        /// Those in force.
        var passwords: Set<[UInt8]> = []
        /// Those that were in force, the oldest first.
        var former: [[UInt8]] = []
        /// Data keys, and what in the addresses for uploads is secret.
        var keys: [(run: RunID, bytes: [UInt8])] = []
        /// Made at the first frame after a change.
        var redactor: Redactor?
    }

    private struct Pages: Sendable {
        var pages: [AgentID: Page] = [:]
        var owners: [RunID: AgentID] = [:]
    }

    private let book = Mutex(Pages())
    private let plain = Redactor()

    /// An empty book.
    public init() {}

    /// Enters what the vault holds for a state: after a start, reports may come about all of it.
    ///
    /// - Throws: ``Engine/VaultError`` when the vault cannot be read.
    public func load(_ state: borrowing Fleet.State, from vault: any Vault) throws(VaultError) {
        var names: [(AgentID, String)] = []
        state.targets.forEach { _, target in
            if case .vault(let name) = target.spec.password { names.append((target.agent, name.string)) }
        }
        var passwords: [AgentID: [[UInt8]]] = [:]
        for (agent, name) in names {
            if let password = try vault.reveal(name) { passwords[agent, default: []].append(password) }
        }
        for name in try vault.names(withPrefix: VaultNames.formerPasswordPrefix) {
            let parts = name.split(separator: ":")
            guard parts.count == 4, let password = try vault.reveal(name) else { continue }
            remember(former: password, of: AgentID(Text(String(parts[1]))))
        }
        for (agent, passwords) in passwords { put(passwords: passwords, of: agent) }
        var attempts: [(AgentID, RunID, UInt32)] = []
        state.runs.forEach { id, run in
            if run.isOpen, !run.isCaptured { attempts.append((run.order.agent, id, run.attempt.number)) }
        }
        for (agent, run, last) in attempts where last > 0 {
            for number in 1...last {
                if let key = try vault.reveal(VaultNames.dataKey(run, Attempt(number))) {
                    add(key: key, of: run, agent)
                }
            }
        }
    }

    /// All passwords that are about to be sent to an agent, in place of those it was sent before, which become former
    /// ones.
    public func put(passwords: [[UInt8]], of agent: AgentID) {
        book.withLock { book in
            var page = book.pages[agent, default: Page()]
            let current = Set(passwords)
            guard current != page.passwords else { return }
            page.former.removeAll { current.contains($0) }
            page.former += page.passwords.subtracting(current)
            page.former.removeFirst(max(0, page.former.count - Self.formerPasswordLimit))
            page.passwords = current
            page.redactor = nil
            book.pages[agent] = page
        }
    }

    private func remember(former password: [UInt8], of agent: AgentID) {
        book.withLock { book in
            book.pages[agent, default: Page()].former.append(password)
            book.pages[agent]?.redactor = nil
        }
    }

    /// The secret parts of an address that is about to be sent to an agent. Known while this process lives: later, such
    /// an address is still recognised by its looks.
    public func add(uploadURL: String, of run: RunID, _ agent: AgentID) {
        for secret in Redactor.secrets(inURL: uploadURL) { add(key: secret, of: run, agent) }
    }

    /// A data key that is about to be sent to an agent.
    public func add(key: [UInt8], of run: RunID, _ agent: AgentID) {
        book.withLock { book in
            var page = book.pages[agent, default: Page()]
            guard !page.keys.contains(where: { $0.bytes == key }) else { return }
            page.keys.append((run, key))
            page.redactor = nil
            book.pages[agent] = page
            book.owners[run] = agent
        }
    }

    /// Takes over what a commit changed: the keys of runs that have ended go.
    public func apply(_ recorded: [Recorded<Fleet.Message>]) {
        for item in recorded where item.role == .decision {
            guard case .decided(let run, .closed) = item.entry.message else { continue }
            book.withLock { book in
                guard let agent = book.owners.removeValue(forKey: run) else { return }
                book.pages[agent]?.keys.removeAll { $0.run == run }
                book.pages[agent]?.redactor = nil
            }
        }
    }

    /// A redactor for the agent's next frame.
    public func redactor(for agent: AgentID) -> Redactor {
        book.withLock { book in
            guard let page = book.pages[agent] else { return plain }
            if let redactor = page.redactor { return redactor }
            let redactor = Redactor(secrets: page.passwords + page.former + page.keys.map(\.bytes))
            book.pages[agent]?.redactor = redactor
            return redactor
        }
    }
}
