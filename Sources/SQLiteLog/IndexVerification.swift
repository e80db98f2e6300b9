import CSQLite
import Core
import Engine

/// Compares the index of streams, the tables `blocks` and `streams`, with the entries it was made from.
struct IndexVerification {
    private let connection: Connection
    /// The rows of `blocks` in order; the statement stands on the next one.
    private var rows: Statement?
    private var next: (block: UInt64, stream: String, positions: [UInt8])?
    /// The entries since the last block, as the writer had them. Kept while a block is still to come.
    private var tail = LogTail(start: .start)

    init(_ connection: Connection) { self.connection = connection }

    mutating func begin() throws(LogError) {
        rows = try guarded { connection throws(SQLiteFailure) in
            try connection.prepare("read blocks", "SELECT block, stream, positions FROM blocks ORDER BY block, stream")
        }
        try step()
    }

    /// An entry whose revision is known to follow.
    mutating func add(_ entry: EncodedEntry) {
        if next != nil { tail.append(stream: entry.stream, revision: entry.revision) }
    }

    /// A block ends where a commit does.
    mutating func endCommit(at position: Position) throws(LogError) {
        guard let block = next?.block, block <= position.number else { return }
        guard block == position.number else { throw damaged(block, "a block of it does not end where a commit does") }
        for stream in tail.streams.sorted(by: { $0.name < $1.name }) {
            guard let run = tail.runs[stream] else { continue }
            guard let row = next, row.block == block, row.stream == stream.name.string,
                row.positions == StreamIndex.distances(tail.positions(of: run), from: block)
            else { throw damaged(block, "its block does not hold the entries of \(stream)") }
            try step()
        }
        guard next?.block != block else { throw damaged(block, "its block holds a stream without entries") }
        tail.clear()
    }

    /// Each stream's row must name its first entry, and its last one within the blocks.
    mutating func end(at end: Position) throws(LogError) {
        rows = nil
        if let next { throw damaged(next.block, "a block ends where no entry is") }
        let covered = tail.start.number
        let (wrong, sum) = try guarded { connection throws(SQLiteFailure) in
            (
                try connection.number(
                    "check the index of streams",
                    """
                    SELECT s.last_position FROM streams s LEFT JOIN entries l ON l.position = s.last_position
                    LEFT JOIN entries f ON f.position = s.first_position
                    WHERE l.stream IS NOT s.stream OR l.revision IS NOT s.revision OR s.last_position > \(covered)
                    OR f.stream IS NOT s.stream OR f.revision IS NOT 1 LIMIT 1
                    """),
                try connection.number("count the index of streams", "SELECT ifnull(sum(revision), 0) FROM streams")
            )
        }
        if let wrong { throw damaged(UInt64(clamping: wrong), "it names an entry that is not there") }
        // Every entry within the blocks counts once: a row that is missing, or behind, makes the sum too small.
        guard sum == Int64(clamping: covered) else { throw damaged(covered, "a stream is missing, or ends too early") }
    }

    private mutating func step() throws(LogError) {
        guard let row = rows else { return }
        guard try guarded({ (_) throws(SQLiteFailure) in try row.step() }) else {
            next = nil
            return
        }
        // Before the values are read, since reading a name as text makes it one, and what looks for it by that finds none.
        let hasItsTypes =
            row.type(0) == SQLITE_INTEGER && row.type(1) == SQLITE_TEXT && row.type(2) == SQLITE_BLOB
        let block = UInt64(clamping: row.integer(0))
        guard hasItsTypes else { throw damaged(block, "a column is not of its type") }
        next = (block, row.text(1), row.bytes(2))
    }

    private func damaged(_ position: UInt64, _ problem: String) -> LogError {
        .damaged(path: connection.path, position: Position(position), problem: "the index of streams: \(problem)")
    }

    private func guarded<Result>(_ body: (Connection) throws(SQLiteFailure) -> Result) throws(LogError) -> Result {
        do throws(SQLiteFailure) {
            return try body(connection)
        } catch {
            throw .reading(error, path: connection.path, at: Position(tail.end.number))
        }
    }
}
