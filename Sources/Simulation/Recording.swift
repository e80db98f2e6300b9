import Core
public import Engine

extension World {
    /// The control plane's log as it was committed, a batch a commit, for a recording that `backupy replay` opens. Whole
    /// only in a world that keeps its log.
    ///
    /// - Throws: `LogError` when a bit of it is turned at the moment.
    public var commits: [Batch] {
        get throws(LogError) {
            var batches: [Batch] = []
            for record in server.disk.records where record.isWhole {
                var batch = Batch(after: record.previousLink)
                for entry in try record.entries(after: .start) { batch.append(entry) }
                batches.append(batch)
            }
            return batches
        }
    }

    /// The control plane's log, a line an entry: position, time, stream, kind, cause.
    ///
    /// - Throws: `LogError` when a bit of it is turned at the moment.
    public var log: [String] {
        get throws(LogError) {
            try server.disk.entries(after: server.disk.base).map {
                "\($0.position) \($0.recordedAt) \($0.stream) \($0.kind) \($0.cause.map(\.description) ?? "")"
            }
        }
    }
}
