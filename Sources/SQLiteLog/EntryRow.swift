import CSQLite
import Core
import Digests
import Engine

/// An entry as a row, read with every doubt. ``BatchLending`` writes it.
enum EntryRow {
    static let columns = "position, " + columnsAfterPosition
    static let columnsAfterPosition = "recorded_at, stream, revision, cause, kind, body, crc"

    /// Reads the row that the statement stands on (its columns are ``columns``) and checks it against its CRC.
    ///
    /// - Parameters:
    ///   - expected: the position that must stand here.
    ///   - encoding: replaced by the entry's encoding, for whoever hashes it.
    static func read(
        _ row: Statement, at expected: Position, path: String, encoding: inout [UInt8]
    ) throws(LogError) -> EncodedEntry {
        let number = row.integer(0)
        guard number > 0 else { throw .damaged(path: path, position: expected, problem: "a row has position \(number)") }
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
