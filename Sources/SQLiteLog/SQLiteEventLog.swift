import CSQLite
public import Core
import Digests
public import Engine
import Glibc

/// The log in SQLite: file `log.sqlite` of a data directory, WAL, each commit synchronized before it returns.
///
/// Owned by one thread. It holds the directory's writer lock for as long as it lives.
public final class SQLiteEventLog: EventLog {
    /// The file's name within the data directory.
    public static let fileName = "log.sqlite"

    /// Where the log stands after the last commit that succeeded.
    public private(set) var head: LogHead

    private let lock: WriterLock
    let connection: Connection
    private let begin: Statement
    private let insertEntry: Statement
    private let insertCommit: Statement
    private let end: Statement
    private var tail: LogTail
    private var failure: LogError?

    /// Opens the log of a data directory, or creates both, and verifies its tail: the entries and links of the last
    /// commits, 16 384 entries and more where there are as many.
    ///
    /// - Throws: ``Engine/LogError``: `.locked` while another process has the directory, `.unusable` when the file cannot
    ///   be opened or is not such a log, `.damaged` when the tail is not what was written, `.full`.
    public convenience init(directory: String) throws(LogError) { try self.init(directory: directory, pageLimit: nil) }

    /// - Parameter pageLimit: the file never grows beyond so many pages of 8 KiB: for tests of a full disk.
    init(directory: String, pageLimit: Int?) throws(LogError) {
        lock = try WriterLock(directory: directory)
        let path = directory + "/" + Self.fileName
        do throws(SQLiteFailure) {
            connection = try Connection(path: path, mode: .readWrite)
        } catch {
            throw Unusable.logError(error, path: path)
        }
        try LogSchema.prepare(connection)
        let start: Position
        do throws(SQLiteFailure) {
            if let pageLimit { try connection.execute("limit the file", "PRAGMA max_page_count=\(pageLimit)") }
            begin = try connection.prepare("begin", "BEGIN IMMEDIATE")
            insertEntry = try connection.prepare(
                "insert an entry", "INSERT INTO entries(\(EntryRow.columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
            insertCommit = try connection.prepare("insert a commit", "INSERT INTO commits VALUES (?, ?, ?)")
            end = try connection.prepare("commit", "COMMIT")
            start = try StreamIndex.end(in: connection)
        } catch {
            throw .reading(error, path: path, at: .start)
        }
        var tail = LogTail(start: start)
        var walk = try LogWalk(connection, after: start)
        while try walk.next({ entry throws(LogError) in
            if let last = tail.runs[entry.stream]?.last, entry.revision != last.next {
                throw .damaged(
                    path: path, position: entry.position,
                    problem: "it is revision \(entry.revision) of \(entry.stream), where \(last.next) follows")
            }
            tail.append(stream: entry.stream, revision: entry.revision)
        }) {}
        self.tail = tail
        head = walk.head
    }

    /// The file.
    public var path: String { connection.path }

    /// A closed log is one file again: whoever copies `log.sqlite` alone then has all of it, and a damaged write-ahead log
    /// cannot take its end away. Best effort: whatever stays there is read at the next start.
    deinit {
        if failure == nil { try? connection.execute("checkpoint", "PRAGMA wal_checkpoint(TRUNCATE)") }
    }

    /// Commits a batch of whole turns: all or nothing, durable once this returns.
    ///
    /// After `.failed` every later commit fails alike. Traps when the batch is empty or leaves a hole between positions,
    /// which is a mistake of the writer's.
    public func commit(_ batch: borrowing Batch) throws(LogError) {
        if let failure { throw failure }
        let entries = batch.entries
        guard let first = entries.first, let last = entries.last else {
            preconditionFailure("a commit without entries")
        }
        precondition(first.position == head.position.next, "position \(first.position) behind \(head.position)")
        let link = batch.link()
        let isBlockDue = tail.count >= LogTail.blockEntryCount
        do throws(SQLiteFailure) {
            try begin.run()
            if isBlockDue { try StreamIndex.write(tail, to: connection) }
            let row = insertEntry.handle
            var code = SQLITE_DONE
            batch.lendEach {
                code = EntryRow.insert($0, with: row)
                return code == SQLITE_DONE
            }
            guard code == SQLITE_DONE else { throw insertEntry.failure(code) }
            insertCommit.bind(1, first.position.number)
            insertCommit.bind(2, last.position.number)
            insertCommit.bind(3, bytes: link.bytes)
            try insertCommit.run()
            try end.run()
        } catch {
            throw undo(after: error)
        }
        if isBlockDue { tail.clear() }
        for entry in entries { tail.append(stream: entry.stream, revision: entry.revision) }
        head = LogHead(position: last.position, recordedAt: last.recordedAt, link: link)
    }

    /// Rolls back and says what the failure leaves behind.
    private func undo(after problem: SQLiteFailure) -> LogError {
        let path = connection.path
        let isRolledBack = connection.rollback()
        // A failed write of a frame leaves a WAL that ends before this commit; only a failed fsync leaves that open.
        let isSync = problem.code == (SQLITE_IOERR | 4 << 8) || problem.code == (SQLITE_IOERR | 5 << 8)
        let isNoSpace = problem.systemCode == ENOSPC || problem.systemCode == EDQUOT
        switch problem.primaryCode {
        case SQLITE_FULL where isRolledBack: return .full(path: path)
        case SQLITE_IOERR where isRolledBack && isNoSpace && !isSync: return .full(path: path)
        case SQLITE_BUSY where isRolledBack: return .locked(path: path)
        default:
            let error = LogError.failed(path: path, code: problem.code, operation: problem.operation)
            failure = error
            return error
        }
    }

    /// The last revision of a stream; ``Core/Revision/none`` when it has no entry.
    public func lastRevision(of stream: Core.Stream) throws(LogError) -> Revision {
        if let run = tail.runs[stream] { return run.last }
        return try reading.guarded(head.position) { () throws(SQLiteFailure) in
            try StreamIndex.lastRevision(of: stream, in: connection)
        }
    }

    /// A second, independent reader for another thread.
    public func makeReader() throws(LogError) -> any LogReader & Sendable { try SQLiteLogReader(path: connection.path) }

    /// Entries behind a position, oldest first, at most `limit` of them and about 16 MiB. Checks the CRC of each one.
    public func read(after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        try reading.read(after: position, limit: limit)
    }

    /// Entries of one stream behind a position, oldest first, at most `limit` of them and about 16 MiB.
    public func read(stream: Core.Stream, after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        try reading.read(stream: stream, after: position, limit: limit)
    }

    /// The last committed position.
    public func lastPosition() -> Position { head.position }

    /// The last commit that ends at or before a position.
    public func commit(upTo position: Position) throws(LogError) -> CommitEnd { try reading.commit(upTo: position) }

    private var reading: LogReading { LogReading(connection: connection) }
}
