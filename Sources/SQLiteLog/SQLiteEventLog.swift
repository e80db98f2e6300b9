import CSQLite
import CSQLiteBatch
public import Core
import Digests
public import Engine

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
    private let insertEntries: Statement
    private let lending = BatchLending()
    private let insertCommit: Statement
    private let end: Statement
    private let blockEntryCount: Int
    private var tail: LogTail
    private var failure: LogError?

    /// Opens the log of a data directory, or creates both, and verifies its tail: the entries and links of the last
    /// commits, 16 384 entries and more where there are as many.
    ///
    /// - Throws: ``Engine/LogError``: `.locked` while another process has the directory, `.unusable` when the file cannot
    ///   be opened or is not such a log, `.damaged` when the tail is not what was written, `.full`.
    public convenience init(directory: String) throws(LogError) { try self.init(directory: directory, vfs: nil) }

    /// - Parameters:
    ///   - vfs: the SQLite VFS to open the file through; nil is the default one.
    ///   - pageLimit: the file never grows beyond so many pages of 8 KiB.
    ///   - blockEntryCount: from so many entries on, the next commit first turns them into a block of the index.
    init(
        directory: String, vfs: String?, pageLimit: Int? = nil, blockEntryCount: Int = LogTail.blockEntryCount
    ) throws(LogError) {
        self.blockEntryCount = blockEntryCount
        lock = try WriterLock(directory: directory)
        let path = directory + "/" + Self.fileName
        try Self.refuseDamage(path, vfs)
        do throws(SQLiteFailure) {
            connection = try Connection(path: path, mode: .readWrite, vfs: vfs)
        } catch {
            throw Unusable.logError(error, path: path)
        }
        try LogSchema.prepare(connection)
        let start: Position
        do throws(SQLiteFailure) {
            if let pageLimit { try connection.execute("limit the file", "PRAGMA max_page_count=\(pageLimit)") }
            begin = try connection.prepare("begin", "BEGIN IMMEDIATE")
            try lending.register(on: connection)
            insertEntries = try connection.prepare(
                "insert the entries",
                // Without the position, which SQLite makes one more than the last: it then need not look for a place.
                "INSERT INTO entries(\(EntryRow.columnsAfterPosition)) "
                    + "SELECT \(EntryRow.columnsAfterPosition) FROM \(BatchLending.table)")
            insertCommit = try connection.prepare("insert a commit", "INSERT INTO commits VALUES (?, ?, ?)")
            end = try connection.prepare("commit", "COMMIT")
            start = try StreamIndex.end(in: connection)
            try WriteAheadLog.renew(connection)
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

    /// Opening a damaged write-ahead log for writing would cut it off where it can still be read.
    private static func refuseDamage(_ path: String, _ vfs: String?) throws(LogError) {
        guard let problem = WriteAheadLog.damage(beside: path) else { return }
        let end = try SQLiteLogReader(path: path, vfs: vfs).lastPosition()
        throw .damaged(path: path, position: end.next, problem: problem)
    }

    /// The file.
    public var path: String { connection.path }

    /// A closed log is one file again: whoever copies `log.sqlite` alone then has all of it, and a damaged write-ahead log
    /// cannot take its end away. Best effort: whatever stays there is read at the next start.
    deinit {
        guard failure == nil else { return }
        // A reader may be at work for minutes; nobody is to wait for it.
        sqlite3_busy_timeout(connection.handle, 0)
        try? connection.execute("checkpoint", "PRAGMA wal_checkpoint(TRUNCATE)")
    }

    /// Commits a batch of whole turns: all or nothing, durable once this returns.
    ///
    /// After `.failed` every later commit fails alike. Traps when the batch is empty or leaves a hole between positions,
    /// which is a mistake of the writer's.
    public func commit(_ batch: borrowing Batch) throws(LogError) {
        if let failure { throw failure }
        guard let first = batch.first, let last = batch.last else { preconditionFailure("a commit without entries") }
        precondition(first == head.position.next, "position \(first) behind \(head.position)")
        let link = batch.link()
        let isBlockDue = tail.count >= blockEntryCount
        do throws(SQLiteFailure) {
            try begin.run()
            if isBlockDue { try StreamIndex.write(tail, to: connection) }
            try lending.lend(batch) { () throws(SQLiteFailure) in try insertEntries.run() }
            guard Int(connection.changedCount) == batch.count,
                connection.lastRowID == Int64(clamping: last.position.number)
            else { throw insertEntries.failure(SQLITE_INTERNAL) }
            insertCommit.bind(1, first.number)
            insertCommit.bind(2, last.position.number)
            insertCommit.bind(3, bytes: link.bytes)
            try insertCommit.run()
            try end.run()
        } catch {
            throw undo(after: error)
        }
        if isBlockDue { tail.clear() }
        for place in batch.places { tail.append(stream: place.stream, revision: place.revision) }
        head = LogHead(position: last.position, recordedAt: last.recordedAt, link: link)
    }

    /// Rolls back and says what the failure leaves behind.
    private func undo(after problem: SQLiteFailure) -> LogError {
        let path = connection.path
        let isRolledBack = connection.rollback()
        // A failed write of a frame leaves a WAL that ends before this commit; only a failed fsync leaves that open.
        switch problem.primaryCode {
        case _ where isRolledBack && problem.isFull: return .full(path: path)
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
    public func makeReader() throws(LogError) -> any LogReader & Sendable {
        try SQLiteLogReader(path: connection.path, vfs: connection.vfs)
    }

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
