import Core
import Digests
import Engine

/// Data keys of runs whose completion is not confirmed, in the agent's own vault.
struct SealedKeys: Sendable {
    let vault: any Vault

    /// Run ids are any text, so the name is made of their digest.
    private func name(_ run: Text) -> String { "key:" + SHA256.digest(of: Array(run.string.utf8)).hex }

    func store(_ key: [UInt8], of run: Text) throws(VaultError) { try vault.store(key, as: name(run)) }

    /// No bytes when there is none (any more).
    func reveal(_ run: Text) throws(VaultError) -> [UInt8] { try vault.reveal(name(run)) ?? [] }

    func delete(_ run: Text) throws(VaultError) { try vault.delete(name(run)) }
}
