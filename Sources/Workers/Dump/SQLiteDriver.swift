import Foundation
public import Wire

/// Dumps SQLite databases as plain database files: the decrypted object opens with `sqlite3`.
public struct SQLiteDriver: DumpDriver {
    /// A driver; it has no state.
    public init() {}

    /// `sqlite`.
    public var types: [String] { ["sqlite"] }

    /// `sqlite`: the library is a part of the agent.
    public var capabilities: [String] { types }

    /// Whether the path names a regular file that SQLite can read.
    public func validate(_ target: StationSettings.Target, mayGoOn: () -> Bool) throws {
        func failure(_ problem: String) -> RunFailure { RunFailure("pipeline: validate stage: sqlite: \(problem)") }
        let path = target.database
        guard !path.isEmpty else { throw failure("the target names no database file") }
        guard !path.utf8.contains(0) else { throw failure("the path holds a zero byte") }
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw failure("\(path): \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw failure("\(path): not a regular file") }
        guard status.st_size > 0 else { throw failure("\(path): the file is empty") }
        // By SQLite, never by opening the file beside it: closing any descriptor of a file gives up all of this process's
        // locks on it, and with them the snapshot of another dump. Source: sqlite.org, “How To Corrupt”, 2.2.
        do throws(SQLiteFailure) {
            try SQLiteSnapshot.check(path: path)
        } catch {
            throw failure(
                "\(path): " + (error.isNoDatabase ? "not a SQLite database, or an encrypted one" : "\(error)"))
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
