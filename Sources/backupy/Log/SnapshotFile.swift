import Core
import Digests
import Engine
import SQLiteLog
import Server

/// A snapshot of a data directory, as `backupy log stat` shows it.
struct SnapshotFile {
    private let position: Position
    private let byteCount: Int
    private let digest: String?
    /// Why a start would pass over it; nil when it would not.
    private let problem: String?

    /// All of a directory, the newest first, looked at as a start does: only whether the state can be restored is left
    /// to the start.
    static func all(in directory: String, of log: SQLiteLogReader) throws -> [SnapshotFile] {
        let store = SnapshotDirectory(path: directory + "/" + SnapshotDirectory.folderName)
        return try store.positions().map { SnapshotFile($0, in: store, of: log) }
    }

    private init(_ position: Position, in store: SnapshotDirectory, of log: SQLiteLogReader) {
        self.position = position
        var byteCount = 0
        var digest: String?
        do {
            let bytes = try store.read(position)
            byteCount = bytes.count
            let snapshot = try Snapshot(bytes)
            digest = "s\(snapshot.header.stateVersion):\(snapshot.header.digest.hex)"
            try snapshot.check(Fleet.self, at: position, in: log)
            problem = nil
        } catch {
            problem = "\(error)"
        }
        self.byteCount = byteCount
        self.digest = digest
    }

    /// For a person.
    var line: String {
        "at position \(position), \(byteCount) bytes" + (digest.map { ", \($0)" } ?? "")
            + (problem.map { "; not usable: \($0)" } ?? "")
    }

    /// For a program.
    var json: JSON {
        [
            "position": .integer(position.number), "bytes": .integer(byteCount), "digest": .optional(digest),
            "problem": .optional(problem),
        ]
    }
}
