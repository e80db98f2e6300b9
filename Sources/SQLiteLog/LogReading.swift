import Core
import Digests
import Engine

/// The reads that the writer and other readers share, each on its own connection.
struct LogReading {
    let connection: Connection

    func read(after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        let rows = try guarded(position.next) { () throws(SQLiteFailure) in
            try connection.cached(
                "read entries", "SELECT \(EntryRow.columns) FROM entries WHERE position > ? ORDER BY position LIMIT ?")
        }
        defer { rows.reset() }
        rows.bind(1, Int64(clamping: position.number))
        rows.bind(2, Int64(max(0, limit)))
        var found: [EncodedEntry] = []
        var encoding: [UInt8] = []
        var byteCount = 0
        var expected = position.next
        while byteCount < LogReadLimit.bodyByteCount,
            try guarded(expected, { () throws(SQLiteFailure) in try rows.step() })
        {
            let entry = try EntryRow.read(rows, at: expected, path: connection.path, encoding: &encoding)
            byteCount += entry.body.count
            found.append(entry)
            expected = expected.next
        }
        return found
    }

    func read(stream: Stream, after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        // The index and the entries are read in one snapshot.
        try guarded(position.next) { () throws(SQLiteFailure) in try connection.cached("begin", "BEGIN").run() }
        defer { connection.rollback() }
        let positions = try guarded(position.next) { () throws(SQLiteFailure) in
            try StreamIndex.positions(of: stream, after: position, limit: limit, in: connection)
        }
        let row = try guarded(position.next) { () throws(SQLiteFailure) in
            try connection.cached("read an entry", "SELECT \(EntryRow.columns) FROM entries WHERE position = ?")
        }
        var found: [EncodedEntry] = []
        var encoding: [UInt8] = []
        var byteCount = 0
        for position in positions where byteCount < LogReadLimit.bodyByteCount {
            defer { row.reset() }
            row.bind(1, position.number)
            guard try guarded(position, { () throws(SQLiteFailure) in try row.step() }) else {
                throw damaged(position, "the entry is missing")
            }
            let entry = try EntryRow.read(row, at: position, path: connection.path, encoding: &encoding)
            guard entry.stream == stream, found.last.map({ $0.revision.next == entry.revision }) ?? true else {
                throw damaged(position, "the index of streams does not fit it")
            }
            byteCount += entry.body.count
            found.append(entry)
        }
        return found
    }

    func lastPosition() throws(LogError) -> Position {
        try guarded(.start) { () throws(SQLiteFailure) in
            let row = try connection.cached("find the last commit", "SELECT max(last_position) FROM commits")
            defer { row.reset() }
            return Position(UInt64(clamping: try row.step() ? row.integer(0) : 0))
        }
    }

    func commit(upTo position: Position) throws(LogError) -> CommitEnd {
        let found: (Int64, [UInt8])? = try guarded(position) { () throws(SQLiteFailure) in
            let row = try connection.cached(
                "find a commit",
                "SELECT last_position, link FROM commits WHERE last_position <= ? ORDER BY last_position DESC LIMIT 1")
            defer { row.reset() }
            row.bind(1, Int64(clamping: position.number))
            return try row.step() ? (row.integer(0), row.bytes(1)) : nil
        }
        guard let (number, bytes) = found else { return .start }
        let end = Position(UInt64(clamping: number))
        guard let link = Digest(bytes) else { throw damaged(end, "a link has \(bytes.count) bytes, not 32") }
        return CommitEnd(position: end, link: link)
    }

    func guarded<Result>(
        _ position: Position, _ body: () throws(SQLiteFailure) -> Result
    ) throws(LogError) -> Result {
        do throws(SQLiteFailure) {
            return try body()
        } catch {
            throw .reading(error, path: connection.path, at: position)
        }
    }

    private func damaged(_ position: Position, _ problem: String) -> LogError {
        .damaged(path: connection.path, position: position, problem: problem)
    }
}
