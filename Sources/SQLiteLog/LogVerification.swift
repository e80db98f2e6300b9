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
    /// The last revision of streams seen lately; when there are many, they move to a temporary table.
    private var revisions: [Stream: Revision] = [:]
    private var isSpilled = false
    private static let revisionLimit = 65_536

    init(_ connection: Connection) { self.connection = connection }

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
        var walk = try LogWalk(connection, after: .start)
        while try walk.next({ entry throws(LogError) in try check(entry) }) { progress(walk.head.position) }
        try checkIndex(end: walk.head.position)
        return LogReport(
            entryCount: walk.head.position.number, commitCount: walk.commitCount, link: walk.head.link,
            lastRecordedAt: walk.head.recordedAt)
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

    /// The index of streams is derived, and checked where it is used; here only that it names what is there.
    private func checkIndex(end: Position) throws(LogError) {
        let wrong = try guarded(at: end.next) { connection throws(SQLiteFailure) -> Int64? in
            try connection.number(
                "check the index of streams",
                """
                SELECT s.last_position FROM streams s LEFT JOIN entries e ON e.position = s.last_position
                WHERE e.stream IS NOT s.stream OR e.revision IS NOT s.revision LIMIT 1
                """)
        }
        guard let wrong else { return }
        throw .damaged(
            path: connection.path, position: Position(UInt64(clamping: wrong)),
            problem: "the index of streams names an entry that is not there")
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
