import Core
import Engine

/// The index of streams in `log.sqlite`: written a block at a time, read with the tail behind it.
///
/// Rows of a block lie behind those of all earlier blocks, so each of their pages is written once.
/// A row of `streams` changes once a block, however many entries the stream has in it.
enum StreamIndex {
    /// Writes the tail as a block, within the transaction of a commit.
    static func write(_ tail: LogTail, to connection: Connection) throws(SQLiteFailure) {
        let block = try connection.cached("index a block", "INSERT INTO blocks VALUES (?, ?, ?)")
        let begin = try connection.cached("index a new stream", "INSERT INTO streams VALUES (?, ?, ?, ?)")
        let extend = try connection.cached(
            "index a stream",
            "UPDATE streams SET last_position = ?2, revision = ?3 WHERE stream = ?1 AND revision = ?4")
        let end = tail.end.number
        for stream in tail.streams {
            guard let run = tail.runs[stream] else { continue }
            let positions = tail.positions(of: run)
            guard let first = positions.first, let last = positions.last else { continue }
            block.bind(1, end)
            block.bind(2, stream.name.string)
            block.bind(3, bytes: distances(positions, from: end))
            try block.run()
            if run.first == Revision(1) {
                begin.bind(1, stream.name.string)
                begin.bind(2, first.number)
                begin.bind(3, last.number)
                begin.bind(4, run.last.number)
                try begin.run()
            } else {
                extend.bind(1, stream.name.string)
                extend.bind(2, last.number)
                extend.bind(3, run.last.number)
                extend.bind(4, run.first.number &- 1)
                try extend.run()
                guard connection.changedCount == 1 else {
                    throw Unusable.error("revision \(run.first) of \(stream) does not continue the stream")
                }
            }
        }
    }

    /// How a block's row holds positions: as distances back from the block's end.
    static func distances(_ positions: [Position], from end: UInt64) -> [UInt8] {
        var distances: [UInt8] = []
        distances.reserveCapacity(positions.count * 4)
        for position in positions {
            withUnsafeBytes(of: UInt32(truncatingIfNeeded: end &- position.number).bigEndian) {
                distances.append(contentsOf: $0)
            }
        }
        return distances
    }

    /// The last position that the index covers; the rest is the tail.
    static func end(in connection: Connection) throws(SQLiteFailure) -> Position {
        let statement = try connection.cached("find the last block", "SELECT max(block) FROM blocks")
        defer { statement.reset() }
        return Position(UInt64(clamping: try statement.step() ? statement.integer(0) : 0))
    }

    /// The stream's last revision within the blocks.
    static func lastRevision(of stream: Stream, in connection: Connection) throws(SQLiteFailure) -> Revision {
        let statement = try connection.cached("find a stream", "SELECT revision FROM streams WHERE stream = ?")
        defer { statement.reset() }
        statement.bind(1, stream.name.string)
        return try statement.step() ? Revision(UInt64(clamping: statement.integer(0))) : .none
    }

    /// Positions of a stream's entries behind a position, oldest first, at most `limit` of them.
    static func positions(
        of stream: Stream, after: Position, limit: Int, in connection: Connection
    ) throws(SQLiteFailure) -> [Position] {
        var found: [Position] = []
        let bounds = try connection.cached(
            "find a stream", "SELECT first_position, last_position FROM streams WHERE stream = ?")
        defer { bounds.reset() }
        bounds.bind(1, stream.name.string)
        if try bounds.step() {
            let first = UInt64(clamping: bounds.integer(0))
            let last = UInt64(clamping: bounds.integer(1))
            // The first block that may matter ends at or behind both the stream's first entry and what is asked for.
            var lowest = max(first, after.next.number)
            while lowest <= last, found.count < limit, let block = try nextBlock(atLeast: lowest, in: connection) {
                let positions = try self.positions(of: stream, block: block, in: connection)
                found.append(contentsOf: positions.lazy.filter { $0 > after })
                lowest = block &+ 1
            }
        }
        if found.count < limit {
            let tail = try connection.cached(
                "search the tail", "SELECT position FROM entries WHERE position > ? AND stream = ? ORDER BY position")
            defer { tail.reset() }
            tail.bind(1, max(after, try end(in: connection)).number)
            tail.bind(2, stream.name.string)
            while found.count < limit, try tail.step() { found.append(Position(UInt64(clamping: tail.integer(0)))) }
        }
        return Array(found.prefix(max(0, limit)))
    }

    private static func nextBlock(atLeast lowest: UInt64, in connection: Connection) throws(SQLiteFailure) -> UInt64? {
        let statement = try connection.cached("find a block", "SELECT min(block) FROM blocks WHERE block >= ?")
        defer { statement.reset() }
        statement.bind(1, lowest)
        guard try statement.step(), let block = statement.optionalInteger(0) else { return nil }
        return UInt64(clamping: block)
    }

    private static func positions(
        of stream: Stream, block: UInt64, in connection: Connection
    ) throws(SQLiteFailure) -> [Position] {
        let statement = try connection.cached(
            "read a block", "SELECT positions FROM blocks WHERE block = ? AND stream = ?")
        defer { statement.reset() }
        statement.bind(1, block)
        statement.bind(2, stream.name.string)
        guard try statement.step() else { return [] }
        let distances = statement.bytes(0)
        return stride(from: 0, to: distances.count - distances.count % 4, by: 4).map { start in
            let distance = distances[start..<start + 4].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return Position(block &- distance)
        }
    }
}
