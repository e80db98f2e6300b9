import CSQLite

/// A prepared statement, kept for as long as its connection.
final class Statement {
    let handle: OpaquePointer
    let operation: String

    init(handle: OpaquePointer, operation: String) {
        self.handle = handle
        self.operation = operation
    }

    deinit { sqlite3_finalize(handle) }

    /// What SQLite said about a result code of this statement.
    func failure(_ code: Int32) -> SQLiteFailure { Connection.failure(sqlite3_db_handle(handle), code, operation) }

    /// Moves to the next row; false when there is none.
    func step() throws(SQLiteFailure) -> Bool {
        let code = sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw failure(code)
        }
    }

    /// Makes the statement ready for its next use.
    func reset() { sqlite3_reset(handle) }

    /// Does a statement without rows.
    func run() throws(SQLiteFailure) {
        defer { reset() }
        while try step() {}
    }

    // Binding these small values cannot fail for an index that the statement has.

    func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(handle, index, value) }

    func bind(_ index: Int32, _ value: UInt64) { sqlite3_bind_int64(handle, index, Int64(bitPattern: value)) }

    /// Binds a copy of the text.
    func bind(_ index: Int32, _ value: String) {
        var copy = value
        copy.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                _ = sqlite3_bind_text(handle, index, $0.baseAddress, Int32(clamping: $0.count), Self.transient)
            }
        }
    }

    /// Binds a copy of the bytes.
    func bind(_ index: Int32, bytes: [UInt8]) {
        if bytes.isEmpty {
            sqlite3_bind_zeroblob(handle, index, 0)  // a blob at a null pointer would be NULL
        } else {
            sqlite3_bind_blob(handle, index, bytes, Int32(clamping: bytes.count), Self.transient)
        }
    }

    /// Binds a copy of UTF-8 bytes as text.
    func bind(_ index: Int32, utf8: [UInt8]) {
        utf8.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                _ = sqlite3_bind_text(handle, index, $0.baseAddress, Int32(clamping: $0.count), Self.transient)
            }
        }
    }

    func type(_ column: Int32) -> Int32 { sqlite3_column_type(handle, column) }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func optionalInteger(_ column: Int32) -> Int64? { type(column) == SQLITE_NULL ? nil : integer(column) }

    /// The column's text; bytes that are not UTF-8 are replaced.
    func text(_ column: Int32) -> String {
        guard let start = sqlite3_column_text(handle, column) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }

    /// Tells SQLite to copy what is bound. The C macro is a cast, which Swift does not import.
    private static var transient: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }
}
