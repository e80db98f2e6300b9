import CSQLite
import Core
import Digests
import Engine

/// An entry as a row: written without copying, read with every doubt.
enum EntryRow {
    static let columns = "position, recorded_at, stream, revision, cause, kind, body, crc"

    /// Inserts the entry; the statement's parameters are ``columns`` in order.
    ///
    /// - Returns: SQLite's result code.
    static func insert(_ entry: Batch.Lent, with statement: OpaquePointer) -> Int32 {
        sqlite3_bind_int64(statement, 1, Int64(bitPattern: entry.position))
        sqlite3_bind_int64(statement, 2, Int64(bitPattern: entry.recordedAt))
        bind(3, text: entry.stream, to: statement)
        sqlite3_bind_int64(statement, 4, Int64(bitPattern: entry.revision))
        if entry.cause == 0 {
            sqlite3_bind_null(statement, 5)
        } else {
            sqlite3_bind_int64(statement, 5, Int64(bitPattern: entry.cause))
        }
        bind(6, text: entry.kind, to: statement)
        // What is bound is only lent to SQLite: the step follows at once. An empty buffer still has an address, so an
        // empty body is no NULL.
        sqlite3_bind_blob(statement, 7, entry.body.baseAddress, Int32(clamping: entry.body.count), nil)
        sqlite3_bind_int64(statement, 8, Int64(entry.checksum))
        let code = sqlite3_step(statement)
        sqlite3_reset(statement)
        return code
    }

    private static func bind(_ index: Int32, text: UnsafeRawBufferPointer, to statement: OpaquePointer) {
        let start = text.baseAddress?.assumingMemoryBound(to: CChar.self)
        sqlite3_bind_text(statement, index, start, Int32(clamping: text.count), nil)
    }

    /// Reads the row that the statement stands on (its columns are ``columns``) and checks it against its CRC.
    ///
    /// - Parameters:
    ///   - expected: the position that must stand here.
    ///   - encoding: replaced by the entry's encoding, for whoever hashes it.
    static func read(
        _ row: Statement, at expected: Position, path: String, encoding: inout [UInt8]
    ) throws(LogError) -> EncodedEntry {
        let number = row.integer(0)
        guard number > 0 else {
            throw .damaged(path: path, position: expected, problem: "a row has position \(number)")
        }
        let position = Position(UInt64(number))
        guard position == expected else {
            throw .damaged(path: path, position: expected, problem: "the entry is missing")
        }
        let cause = row.optionalInteger(4)
        guard row.type(1) == SQLITE_INTEGER, row.type(2) == SQLITE_TEXT, row.type(3) == SQLITE_INTEGER,
            cause == nil || row.type(4) == SQLITE_INTEGER && cause != 0,  // absent is NULL and encoded as 0
            row.type(5) == SQLITE_TEXT, row.type(6) == SQLITE_BLOB, row.type(7) == SQLITE_INTEGER
        else { throw .damaged(path: path, position: position, problem: "a column is not of its type") }
        let entry = EncodedEntry(
            position: position, recordedAt: Timestamp(milliseconds: row.integer(1)), stream: Stream(Text(row.text(2))),
            revision: Revision(UInt64(bitPattern: row.integer(3))),
            cause: cause.map { Position(UInt64(bitPattern: $0)) },
            kind: Text(row.text(5)), body: row.bytes(6))
        encoding.removeAll(keepingCapacity: true)
        entry.encode(into: &encoding)
        guard Int64(CRC32C.checksum(of: encoding)) == row.integer(7) else {
            throw .damaged(path: path, position: position, problem: "the entry does not fit its CRC-32C")
        }
        return entry
    }
}

extension LogError {
    /// What a failed read means: damage where SQLite finds its file damaged or unreadable, else a failure.
    static func reading(_ failure: SQLiteFailure, path: String, at position: Position) -> LogError {
        if failure.isCorruption || failure.code == (SQLITE_IOERR | 2 << 8) {  // SQLITE_IOERR_SHORT_READ
            return .damaged(path: path, position: position, problem: "the file cannot be read here: \(failure.problem)")
        }
        return .failed(path: path, code: failure.code, operation: failure.operation)
    }
}
