import Core
import Digests
import Engine
import Logging
import Synchronization

/// Keeps the vault in step with the targets: a password is in the vault before the request that names it is submitted,
/// and leaves once no target names it.
final class SecretKeeper: Sendable {
    /// Only names of this kind are ever deleted: others keep secrets in the vault too.
    static let prefix = "secret:target-"

    private let vault: any Vault
    private let state: any FleetStateReader
    private let logger: Logger
    /// Names that no target may have yet.
    private let drafts = Mutex<Set<String>>([])

    init(vault: any Vault, state: any FleetStateReader, logger: Logger) {
        self.vault = vault
        self.state = state
        self.logger = logger
    }

    /// Keeps a password under a new name.
    func keep(_ password: Text) async throws -> Text {
        let name = Self.prefix + Hex.encode(SecureRandom.bytes(16))
        _ = drafts.withLock { $0.insert(name) }
        let vault = vault
        try await blocking { try vault.store(Array(password.string.utf8), as: name) }
        return Text(name)
    }

    /// The request that named it was answered, and the state shows the answer.
    func settle(_ name: Text) {
        _ = drafts.withLock { $0.remove(name.string) }
    }

    /// Deletes what no target names and no request under way will name. A failure is only told: the next sweep finds
    /// the same again.
    func sweep() async {
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
            guard !unused.isEmpty else { return }
            try await blocking { for name in unused { try vault.delete(name) } }
        } catch {
            logger.error("passwords that are no longer used stay in the vault for now: \(error)")
        }
    }
}
