import Core
import Engine

/// The disk of one process: a log that outlives it.
struct ModelDisk: Sendable {
    let memory: MemoryDisk
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

    /// Folds what is on the disk.
    func kernel<M: Machine>(_ codec: AnyCodec<M.Message>) -> Kernel<M, MemoryLog, AnyCodec<M.Message>> {
        do {
            return try Kernel(log: MemoryLog(disk: memory), codec: codec)
        } catch {
            preconditionFailure("a log that was audited can be folded: \(error)")
        }
    }
}
