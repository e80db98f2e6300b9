import CSQLite
import Core
import Digests
import Engine

/// Goes through a log from a commit boundary to its end, in bounded memory, and checks each entry and each link.
struct LogWalk {
    /// Where the walk is, and after it: where the log ends.
    private(set) var head: LogHead
    /// Commits seen.
    private(set) var commitCount: UInt64 = 0

    private let path: String
    private let entries: Statement
    private let commits: Statement
    private var encoding: [UInt8] = []

    /// Begins behind a position that is the start or the last of a commit.
    init(_ connection: Connection, after position: Position) throws(LogError) {
        path = connection.path
        do throws(SQLiteFailure) {
            entries = try connection.prepare(
                "read entries", "SELECT \(EntryRow.columns) FROM entries WHERE position > ? ORDER BY position")
            commits = try connection.prepare(
                "read commits",
                "SELECT first_position, last_position, link FROM commits WHERE last_position > ? ORDER BY last_position"
            )
        } catch {
            throw .reading(error, path: connection.path, at: position.next)
        }
        // From the very start no row is left out, not even one with an impossible position.
        let behind = position == .start ? Int64.min : Int64(clamping: position.number)
        entries.bind(1, behind)
        commits.bind(1, behind)
        head = LogHead(position: position, recordedAt: nil, link: Batch.linkBeforeFirst)
        if position > .start { head = try Self.boundary(connection, position) }
    }

    /// Checks the next commit whole; false when the log ends here.
    mutating func next(_ visit: (EncodedEntry) throws(LogError) -> Void) throws(LogError) -> Bool {
        let first = head.position.next
        guard try step(commits) else {
            guard try step(entries) else { return false }
            throw damaged(first, "an entry belongs to no commit: it was added, or its commit was dropped")
        }
        let last = Position(UInt64(clamping: commits.integer(1)))
        guard commits.type(0) == SQLITE_INTEGER, commits.type(2) == SQLITE_BLOB,
            commits.integer(0) == Int64(clamping: first.number), last >= first,
            let link = Digest(commits.bytes(2))
        else {
            throw damaged(
                first, "the commit of entries \(commits.integer(0)) to \(last) does not follow the one before")
        }
        var hash = SHA256()
        head.link.withUnsafeBytes { hash.update($0) }
        while head.position < last {
            try checkNextEntry(visit)
            hash.update(encoding)
        }
        guard hash.finalize() == link else {
            throw damaged(
                first, "the link of the commit of entries \(first) to \(last) does not fit what is before and in it")
        }
        head.link = link
        commitCount += 1
        return true
    }

    private mutating func checkNextEntry(_ visit: (EncodedEntry) throws(LogError) -> Void) throws(LogError) {
        let expected = head.position.next
        guard try step(entries) else { throw damaged(expected, "the entry is missing") }
        let entry = try EntryRow.read(entries, at: expected, path: path, encoding: &encoding)
        if let before = head.recordedAt, entry.recordedAt < before {
            throw damaged(expected, "it was recorded at \(entry.recordedAt), before its predecessor (\(before))")
        }
        head.position = expected
        head.recordedAt = entry.recordedAt
        try visit(entry)
    }

    private func step(_ statement: Statement) throws(LogError) -> Bool {
        do throws(SQLiteFailure) {
            return try statement.step()
        } catch {
            throw .reading(error, path: path, at: head.position.next)
        }
    }

    private func damaged(_ position: Position, _ problem: String) -> LogError {
        .damaged(path: path, position: position, problem: problem)
    }

    /// Where the log stood at the end of a commit.
    private static func boundary(_ connection: Connection, _ position: Position) throws(LogError) -> LogHead {
        do throws(SQLiteFailure) {
            let row = try connection.prepare(
                "read a commit",
                "SELECT link, recorded_at FROM commits JOIN entries ON position = last_position WHERE last_position = ?"
            )
            row.bind(1, position.number)
            if try row.step(), let link = Digest(row.bytes(0)) {
                return LogHead(position: position, recordedAt: Timestamp(milliseconds: row.integer(1)), link: link)
            }
        } catch {
            throw .reading(error, path: connection.path, at: position)
        }
        throw .damaged(path: connection.path, position: position, problem: "the end of a block is no end of a commit")
    }
}
