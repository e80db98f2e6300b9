import Core
import Engine

/// The disk of one process: a log that outlives it, and snapshots.
struct ModelDisk: Sendable {
    let memory: MemoryDisk
    let snapshots = MemorySnapshots()
    private let reader: any LogReader & Sendable

    init() {
        memory = MemoryDisk()
        do {
            reader = try MemoryLog(disk: memory).makeReader()
        } catch {
            preconditionFailure("a new disk can be opened: \(error)")
        }
    }

    /// The last committed position.
    var lastPosition: Position {
        do { return try reader.lastPosition() } catch { preconditionFailure("memory can be read: \(error)") }
    }

    /// All committed entries behind a position.
    func entries(after position: Position) -> [EncodedEntry] {
        var entries: [EncodedEntry] = []
        do {
            while true {
                let more = try reader.read(after: entries.last?.position ?? position, limit: .max)
                if more.isEmpty { return entries }
                entries += more
            }
        } catch {
            preconditionFailure("memory can be read: \(error)")
        }
    }

    /// Folds what is on the disk, from the newest snapshot on.
    func kernel<M: Machine>(_ codec: AnyCodec<M.Message>) -> Kernel<M, MemoryLog, AnyCodec<M.Message>>
    where M.State: Restorable {
        do {
            let snapshots = Snapshots<M, AnyCodec<M.Message>>(store: snapshots, codec: codec)
            return try Kernel(
                log: MemoryLog(disk: memory), codec: codec, start: FoldStart { snapshots.restore(from: $0) })
        } catch {
            preconditionFailure("a log that was audited can be folded: \(error)")
        }
    }

    /// Keeps what a commit has ended with.
    func keep<M: Machine>(_ folded: Folded<M>?, _ codec: AnyCodec<M.Message>) where M.State: Restorable {
        guard let folded else { return }
        do {
            try Snapshots<M, AnyCodec<M.Message>>(store: snapshots, codec: codec).save(folded, in: reader)
        } catch {
            preconditionFailure("a commit can be kept in memory: \(error)")
        }
    }
}
