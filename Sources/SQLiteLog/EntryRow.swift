import CSQLite
import Core
import Digests
import Engine

/// An entry as a row: written without copying, read with every doubt.
enum EntryRow {
    static let columns = "position, recorded_at, stream, revision, cause, kind, body, crc"

    /// Inserts the entry; the statement's parameters are ``columns`` in order.
    static func insert(_ entry: EncodedEntry, checksum: UInt32, with statement: OpaquePointer) -> Int32 {
        sqlite3_bind_int64(statement, 1, Int64(bitPattern: entry.position.number))
        sqlite3_bind_int64(statement, 2, entry.recordedAt.milliseconds)
        sqlite3_bind_int64(statement, 4, Int64(bitPattern: entry.revision.number))
        if let cause = entry.cause {
            sqlite3_bind_int64(statement, 5, Int64(bitPattern: cause.number))
        } else {
            sqlite3_bind_null(statement, 5)
        }
        sqlite3_bind_int64(statement, 8, Int64(checksum))
        // What is bound is only lent to SQLite: the step happens inside.
        return withUTF8(entry.stream.name.string) { stream in
            withUTF8(entry.kind.string) { kind in
                entry.body.withUnsafeBytes { body in
                    sqlite3_bind_text(statement, 3, stream.baseAddress, Int32(clamping: stream.count), nil)
                    sqlite3_bind_text(statement, 6, kind.baseAddress, Int32(clamping: kind.count), nil)
                    if body.isEmpty {
                        sqlite3_bind_zeroblob(statement, 7, 0)  // a blob at a null pointer would be NULL
                    } else {
                        sqlite3_bind_blob(statement, 7, body.baseAddress, Int32(clamping: body.count), nil)
                    }
                    let code = sqlite3_step(statement)
                    sqlite3_reset(statement)
                    return code
                }
            }
        }
    }

    /// Reads the row that the statement stands on (its columns are ``columns``) and checks it against its CRC.
    ///
    /// - Parameter encoding: replaced by the entry's encoding, for whoever hashes it.
    static func read(
        _ row: Statement, path: String, encoding: inout [UInt8]
    ) throws(LogError) -> EncodedEntry {
        let number = row.integer(0)
        guard number > 0 else { throw .damaged(path: path, position: .start, problem: "a row has position \(number)") }
        let position = Position(UInt64(number))
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

    private static func withUTF8(_ text: String, _ body: (UnsafeBufferPointer<CChar>) -> Int32) -> Int32 {
        if let code = text.utf8.withContiguousStorageIfAvailable({ $0.withMemoryRebound(to: CChar.self, body) }) {
            return code
        }
        var copy = text
        return copy.withUTF8 { $0.withMemoryRebound(to: CChar.self, body) }
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
