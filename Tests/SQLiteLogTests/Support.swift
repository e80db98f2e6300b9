import CSQLite
import Core
import Digests
import Engine
import Foundation

@testable import SQLiteLog

/// A folder that is gone with this object.
final class TemporaryDirectory {
    let path: String

    /// - Parameter inMemory: on a file system without a disk, where there is one; for what is not about the disk.
    init(inMemory: Bool = false) throws {
        let memory = "/dev/shm"
        let root =
            inMemory && access(memory, W_OK) == 0
            ? URL(fileURLWithPath: memory) : FileManager.default.temporaryDirectory
        let url = root.appendingPathComponent("backupy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    /// The bytes of every file in it.
    func contents() throws -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            found[name] = Array(try Data(contentsOf: URL(fileURLWithPath: file(name))))
        }
        return found
    }
}

/// The stream of this name.
func stream(_ name: String) -> Core.Stream { Core.Stream(Text(name)) }

/// Makes batches that continue a log.
struct Feed {
    var head: LogHead
    var revisions: [Core.Stream: Revision] = [:]

    init(after head: LogHead = LogHead(position: .start, recordedAt: nil, link: Batch.linkBeforeFirst)) {
        self.head = head
    }

    /// A batch with an entry for each stream named, in order.
    mutating func batch(_ streams: [String], byteCount: Int = 20) -> Batch {
        var batch = Batch(after: head.link)
        for name in streams {
            let stream = Core.Stream(Text(name))
            let position = head.position.next
            let revision = revisions[stream, default: .none].next
            let recordedAt = Timestamp(milliseconds: 1_700_000_000_000 + Int64(position.number))
            batch.append(
                EncodedEntry(
                    position: position, recordedAt: recordedAt, stream: stream, revision: revision,
                    cause: position.number % 2 == 0 ? Position(position.number - 1) : nil, kind: "frame.heartbeat",
                    body: (0..<byteCount).map { UInt8(truncatingIfNeeded: UInt64($0) &+ position.number) }))
            head.position = position
            head.recordedAt = recordedAt
            revisions[stream] = revision
        }
        head.link = batch.link()
        return batch
    }

    /// Commits whole batches and gives back all entries.
    @discardableResult
    mutating func commit(_ batches: [[String]], to log: inout some EventLog) throws -> [EncodedEntry] {
        var entries: [EncodedEntry] = []
        for streams in batches {
            let batch = batch(streams)
            entries += batch.entries
            try log.commit(batch)
        }
        return entries
    }
}

/// Changes a log's file behind its back, as a person with the `sqlite3` shell would.
func tamper(_ path: String, _ sql: String) throws {
    let connection = try Connection(path: path, mode: .readWrite)
    let triggers = ["entries_keep", "entries_stay", "commits_keep", "commits_stay"]
    for trigger in triggers { try connection.execute("tamper", "DROP TRIGGER IF EXISTS \(trigger)") }
    try connection.execute("tamper", sql)
}

/// The position that a damaged log names; nil when it is found sound.
func damagedPosition(_ body: () throws -> Void) throws -> UInt64? {
    do {
        try body()
        return nil
    } catch LogError.damaged(_, let position, _) {
        return position.number
    }
}
