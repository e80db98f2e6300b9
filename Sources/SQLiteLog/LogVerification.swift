public import Core
public import Digests
import Engine

/// What a whole, sound log holds.
public struct LogReport: Hashable, Sendable {
    /// How many entries; also the last position.
    public var entryCount: UInt64
    /// How many commits.
    public var commitCount: UInt64
    /// The last commit's link. Whoever noted it elsewhere can tell later that nothing was cut off the end.
    public var link: Digest
    /// When the last entry was recorded; nil in an empty log.
    public var lastRecordedAt: Timestamp?
}

/// Checks a whole log: see ``SQLiteLogReader/verify(progress:)``.
struct LogVerification {
    private let connection: Connection
    private var index: IndexVerification
    /// The last revision of streams seen lately; when there are many, they move to a temporary table.
    private var revisions: [Stream: Revision] = [:]
    private var isSpilled = false
    private static let revisionLimit = 65_536

    init(_ connection: Connection) {
        self.connection = connection
        index = IndexVerification(connection)
    }

    mutating func run(progress: (Position) -> Void) throws(LogError) -> LogReport {
        try guarded(at: .start) { connection throws(SQLiteFailure) in
            // One snapshot, so that a server that goes on writing does not matter.
            try connection.execute("begin", "BEGIN")
            try connection.execute(
                "prepare",
                """
                CREATE TEMP TABLE IF NOT EXISTS verified(stream TEXT PRIMARY KEY, revision INTEGER) WITHOUT ROWID;
                DELETE FROM temp.verified;
                """)
        }
        defer { connection.rollback() }
        try checkTables()
        var walk = try LogWalk(connection, after: .start)
        try index.begin()
        while try walk.next({ entry throws(LogError) in
            try check(entry)
            index.add(entry)
        }) {
            try index.endCommit(at: walk.head.position)
            progress(walk.head.position)
        }
        try index.end(at: walk.head.position)
        try checkForm(end: walk.head.position)
        if let problem = WriteAheadLog.damage(beside: connection.path) {
            throw .damaged(path: connection.path, position: walk.head.position.next, problem: problem)
        }
        return LogReport(
            entryCount: walk.head.position.number, commitCount: walk.commitCount, link: walk.head.link,
            lastRecordedAt: walk.head.recordedAt)
    }

    /// Checks what is around the rows.
    func checkForm(end: Position) throws(LogError) {
        try checkStructure(end: end)
        try checkDefinitions(end: end) { _ in true }
    }

    private mutating func check(_ entry: EncodedEntry) throws(LogError) {
        let last: Revision
        if let known = revisions[entry.stream] {
            last = known
        } else {
            last = isSpilled ? try spilledRevision(of: entry) : .none
            if revisions.count >= Self.revisionLimit { try spill(at: entry.position) }
        }
        guard entry.revision == last.next else {
            throw .damaged(
                path: connection.path, position: entry.position,
                problem: "it is revision \(entry.revision) of \(entry.stream), where \(last.next) follows")
        }
        revisions[entry.stream] = entry.revision
    }

    private func spilledRevision(of entry: EncodedEntry) throws(LogError) -> Revision {
        try guarded(at: entry.position) { connection throws(SQLiteFailure) in
            let statement = try connection.cached(
                "look a revision up", "SELECT revision FROM temp.verified WHERE stream = ?")
            defer { statement.reset() }
            statement.bind(1, entry.stream.name.string)
            return try statement.step() ? Revision(UInt64(clamping: statement.integer(0))) : .none
        }
    }

    private mutating func spill(at position: Position) throws(LogError) {
        let known = revisions
        try guarded(at: position) { connection throws(SQLiteFailure) in
            let statement = try connection.cached(
                "note a revision", "INSERT OR REPLACE INTO temp.verified VALUES (?, ?)")
            for (stream, revision) in known {
                statement.bind(1, stream.name.string)
                statement.bind(2, revision.number)
                try statement.run()
            }
        }
        revisions.removeAll(keepingCapacity: true)
        isSpilled = true
    }

    /// What reading in order does not see: inner pages that lead a search astray, rows that are not in order, pages that
    /// are lost or used twice. Source: SQLite documentation, “PRAGMA integrity_check”.
    private func checkStructure(end: Position) throws(LogError) {
        let message = try guarded(at: end.next) { connection throws(SQLiteFailure) in
            try connection.text("check the structure", "PRAGMA integrity_check(1)")
        }
        guard message != "ok" else { return }
        // Every entry was read in order. Which is the first that cannot be found by its position?
        var position = Position.start.next
        while position <= end, try canFind(position) { position = position.next }
        throw .damaged(
            path: connection.path, position: position,
            problem: "the structure of the file is not sound: \(message ?? "it cannot be checked")")
    }

    private func canFind(_ position: Position) throws(LogError) -> Bool {
        try guarded(at: position) { connection throws(SQLiteFailure) in
            let row = try connection.cached("find an entry", "SELECT position FROM entries WHERE position = ?")
            defer { row.reset() }
            row.bind(1, position.number)
            return try row.step()
        }
    }

    /// Without its tables as they were made, nothing of a log can be read with any meaning.
    func checkTables() throws(LogError) { try checkDefinitions(end: .start) { $0.hasPrefix("table") } }

    /// Tables and triggers must be those that the migrations made, word for word.
    private func checkDefinitions(end: Position, of isMeant: (String) -> Bool) throws(LogError) {
        let (found, made) = try guarded(at: end.next) { connection throws(SQLiteFailure) in
            (try LogSchema.definitions(in: connection), try LogSchema.definitions())
        }
        let wrong = Set(found.keys).union(made.keys).filter { isMeant($0) && found[$0] != made[$0] }.min()
        guard let wrong else { return }
        throw .damaged(
            path: connection.path, position: end.next,
            problem: "“\(wrong)” in the table of tables is not as it was made")
    }

    private func guarded<Result>(
        at position: Position, _ body: (Connection) throws(SQLiteFailure) -> Result
    ) throws(LogError) -> Result {
        do throws(SQLiteFailure) {
            return try body(connection)
        } catch {
            throw .reading(error, path: connection.path, at: position)
        }
    }
}
