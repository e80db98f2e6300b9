import Core
import Digests
import Engine
import Logging
import Objects

/// What is asked of the store: whether an object is there, and to delete it.
struct ObjectWork: Sendable {
    let resources: FleetWorker.Resources

    /// Looks at an attempt's object and freezes its name. What is found gets its sidecar, so that the bucket and the
    /// recovery key suffice to read it.
    func observe(_ run: RunID, _ attempt: Attempt) async -> CommandOutcome.Result {
        let order = resources.fleet.read { $0.runs[run].map { ($0.order.agent, $0.order.job) } }
        guard let (agent, job) = order, let name = name(agent, job, run, attempt) else {
            return .undone("there is no such run")
        }
        do {
            guard case .found(let byteCount, let digest) = try await resources.store.observe(name, freezing: true)
            else {
                return .missing
            }
            guard try await seal(name, digest, run, attempt) else {
                resources.logger.error("\(name) has no data key and cannot be read: it does not count as a backup")
                return .missing
            }
            return .found(byteCount: byteCount, digest: digest?.bytes)
        } catch {
            resources.logger.error("\(name) cannot be observed: \(error)")
            return .undone(Text("\(error)"))
        }
    }

    /// Deletes an attempt's object with all that is kept beside it, then its key: the backup is unreadable for good. Its
    /// name is frozen first, so that a late upload does not bring the object back.
    func delete(_ key: ObjectKey) async -> CommandOutcome.Result {
        let owner = resources.fleet.read { $0.deletions[key].map { ($0.agent, $0.job) } }
        guard let (agent, job) = owner, let name = name(agent, job, key.run, key.attempt) else {
            return .undone("nobody has decided to delete such an object")
        }
        do {
            _ = try await resources.store.observe(name, freezing: true)
            try await resources.store.delete(name)
            try await resources.vault.aside { try $0.delete(VaultNames.dataKey(key.run, key.attempt)) }
            return .done
        } catch {
            resources.logger.error("\(name) cannot be deleted: \(error)")
            return .undone(Text("\(error)"))
        }
    }

    private func name(_ agent: AgentID, _ job: JobID, _ run: RunID, _ attempt: Attempt) -> ObjectName? {
        ObjectName(ObjectNames.name(agent: agent, job: job, run: run, attempt: attempt).string)
    }

    /// Writes the sidecar; false when there is no data key.
    private func seal(_ name: ObjectName, _ digest: Digest?, _ run: RunID, _ attempt: Attempt) async throws -> Bool {
        let (key, bytes) = try await resources.vault.aside { vault in
            (
                try vault.reveal(VaultNames.dataKey(run, attempt)), try vault.reveal(VaultNames.recoveryPublicKey)
            )
        }
        guard let key, key.count == AESGCM.keyByteCount else { return false }
        guard let bytes, let publicKey = X25519.PublicKey(bytes),
            let sidecar = Sidecar(sealing: key, for: name, sha256: digest, to: publicKey)
        else { throw ObjectStoreError.failed(reason: "the vault has no public half of the recovery key") }
        try await resources.store.putSidecar(sidecar.bytes, for: name)
        return true
    }
}
