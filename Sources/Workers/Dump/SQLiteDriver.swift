import Foundation
public import Wire

/// Dumps SQLite databases as plain database files: the decrypted object opens with `sqlite3`.
public struct SQLiteDriver: DumpDriver {
    private static let magic = Array("SQLite format 3\0".utf8)

    /// A driver; it has no state.
    public init() {}

    /// `sqlite`.
    public var types: [String] { ["sqlite"] }

    /// Whether the path names a regular file that starts like a SQLite database.
    public func validate(_ target: StationSettings.Target) throws(RunFailure) {
        func failure(_ problem: String) -> RunFailure { RunFailure("pipeline: validate stage: sqlite: \(problem)") }
        let path = target.database
        guard !path.isEmpty else { throw failure("the target names no database file") }
        guard !path.utf8.contains(0) else { throw failure("the path holds a zero byte") }
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw failure("\(path): \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw failure("\(path): not a regular file") }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var head = [UInt8](repeating: 0, count: Self.magic.count)
        let count = pread(descriptor, &head, head.count, 0)
        guard count != 0 else { throw failure("\(path): the file is empty") }
        guard count == head.count, head == Self.magic else {
            throw failure("\(path): not a SQLite database, or an encrypted one")
        }
    }

    /// Streams one consistent image of the live database.
    public func dump(
        _ target: StationSettings.Target, progress: (Int) -> Bool, to output: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> String {
        let snapshot = try SQLiteSnapshot(path: target.database) { progress(0) }
        try snapshot.stream(progress: progress, to: output)
        return "SQLite \(SQLiteSnapshot.libraryVersion)"
    }
}
