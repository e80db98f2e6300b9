public import Core
public import Engine
import Glibc
import Synchronization

/// Reads a data directory's log from any thread or process, also beside a running server. Needs no writer's lock.
public final class SQLiteLogReader: LogReader, Sendable {
    private let path: String
    private let vfs: String?
    private let connection: Mutex<Connection>

    /// Opens `log.sqlite` of a data directory for reading.
    ///
    /// - Throws: ``Engine/LogError/unusable(path:problem:)`` when there is none, it is no log, or of another version.
    public convenience init(directory: String) throws(LogError) {
        try self.init(path: directory + "/" + SQLiteEventLog.fileName)
    }

    init(path: String, vfs: String? = nil) throws(LogError) {
        guard access(path, F_OK) == 0 else {
            throw .unusable(path: path, problem: "there is no such file; name the data directory of a server")
        }
        self.path = path
        self.vfs = vfs
        connection = Mutex(try Self.open(path, vfs))
    }

    private static func open(_ path: String, _ vfs: String?) throws(LogError) -> Connection {
        do throws(SQLiteFailure) {
            do throws(SQLiteFailure) {
                let connection = try Connection(path: path, mode: .readOnly, vfs: vfs)
                try LogSchema.checkForReading(connection)
                return connection
            } catch {
                // WAL needs a file of shared memory beside the log. Where none can be made (a copy on a medium for
                // reading only) and no writer has left a WAL, the file stands still and can be read without.
                guard access(path + "-wal", F_OK) != 0 else { throw error }
                let connection = try Connection(path: path, mode: .immutable, vfs: vfs)
                try LogSchema.checkForReading(connection)
                return connection
            }
        } catch {
            if let problem = WriteAheadLog.damage(beside: path) {
                throw .damaged(path: path, position: Position.start.next, problem: problem)
            }
            throw Unusable.logError(error, path: path)
        }
    }

    /// Entries behind a position, oldest first, at most `limit` of them and about 16 MiB. Checks the CRC of each one.
    public func read(after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        try connection.withLock { connection throws(LogError) in
            try LogReading(connection: connection).read(after: position, limit: limit)
        }
    }

    /// Entries of one stream behind a position, oldest first, at most `limit` of them and about 16 MiB.
    public func read(stream: Core.Stream, after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        try connection.withLock { connection throws(LogError) in
            try LogReading(connection: connection).read(stream: stream, after: position, limit: limit)
        }
    }

    /// The last committed position.
    public func lastPosition() throws(LogError) -> Position {
        try connection.withLock { connection throws(LogError) in
            try LogReading(connection: connection).lastPosition()
        }
    }

    /// The last commit that ends at or before a position.
    public func commit(upTo position: Position) throws(LogError) -> CommitEnd {
        try connection.withLock { connection throws(LogError) in
            try LogReading(connection: connection).commit(upTo: position)
        }
    }

    /// Checks the whole log, in bounded memory: the CRC of each entry, positions without holes, revisions without holes
    /// in each stream, `recordedAt` that never decreases, and the link of each commit.
    ///
    /// A log that was cut off exactly behind a commit, together with that commit's row, is a sound shorter log: compare
    /// ``LogReport/link`` with one noted before.
    ///
    /// - Parameter progress: called with the position reached after each commit.
    /// - Throws: ``Engine/LogError/damaged(path:position:problem:)`` with the first position that is not what was written.
    public func verify(progress: (Position) -> Void = { _ in }) throws(LogError) -> LogReport {
        // On a connection of its own: other reads go on meanwhile.
        var verification = LogVerification(try Self.open(path, vfs))
        return try verification.run(progress: progress)
    }
}
