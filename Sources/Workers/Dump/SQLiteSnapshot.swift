import CSQLite
import CSQLiteStream
import Synchronization

/// One consistent image of a live SQLite database, streamed in page order in bounded memory, without a plaintext copy
/// on any disk.
///
/// A read transaction pins the snapshot, also of a WAL database whose application goes on writing; nothing restarts when
/// it does. (A database in rollback mode lets nobody commit while it is read; that is SQLite's rule.) SQLite's own
/// online backup copies the pages of that snapshot into a database that exists only as a function: its pager writes each
/// page once, oldest first, as its small cache fills. Only page 1 would come last, since a pager never lets go of it;
/// it is therefore taken from the source, and compared with the one that comes at the end.
///
/// The virtual table `sqlite_dbpage` would do the same in one query, but Debian's SQLite is built without it.
/// For one thread at a time.
final class SQLiteSnapshot {
    /// The library that reads, such as `3.40.1`.
    static var libraryVersion: String { String(cString: sqlite3_libversion()) }

    private static let registrationCount = Atomic<Int>(0)
    /// What the sink's pager may hold before it writes, in KiB.
    private static let sinkCacheKibibytes = 1_024

    private let source: OpaquePointer
    private var connection: OpaquePointer?
    private let name: String

    /// Opens the database for reading only and pins the snapshot.
    ///
    /// - Parameter mayGoOn: asked several times a second while the database is locked by its application.
    init(path: String, mayGoOn: () -> Bool) throws(SQLiteFailure) {
        name = "backupy-\(Self.registrationCount.add(1, ordering: .relaxed).newValue)"
        guard let source = backupy_source_register("\(name)-source") else {
            throw SQLiteFailure(operation: "register", code: SQLITE_NOMEM, message: "out of memory")
        }
        self.source = source
        let opened = sqlite3_open_v2(
            Self.plain(path), &connection, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, "\(name)-source")
        guard opened == SQLITE_OK else {
            let failure = SQLiteFailure(connection, "open", code: opened)
            close()
            throw failure
        }
        sqlite3_extended_result_codes(connection, 1)
        sqlite3_busy_timeout(connection, 200)
        do throws(SQLiteFailure) {
            try Self.execute(connection, "BEGIN")
            while true {
                do throws(SQLiteFailure) {
                    _ = try Self.number(connection, "PRAGMA schema_version")
                    break
                } catch {
                    guard error.isBusy, mayGoOn() else { throw error }
                }
            }
        } catch {
            close()
            throw error
        }
    }

    deinit { close() }

    private func close() {
        guard let open = connection else { return }
        sqlite3_close_v2(open)
        connection = nil
        backupy_source_unregister(source)
    }

    /// Whether SQLite can read the file. One that is locked just now can be.
    static func check(path: String) throws(SQLiteFailure) {
        var connection: OpaquePointer?
        defer { sqlite3_close_v2(connection) }
        let opened = sqlite3_open_v2(plain(path), &connection, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nil)
        guard opened == SQLITE_OK else { throw SQLiteFailure(connection, "open", code: opened) }
        do throws(SQLiteFailure) {
            _ = try number(connection, "PRAGMA schema_version")
        } catch {
            guard error.isBusy else { throw error }
        }
    }

    /// The path as a name that is never taken for a URI.
    private static func plain(_ path: String) -> String { path.hasPrefix("/") ? path : "./\(path)" }

    /// Streams the whole image.
    ///
    /// - Parameters:
    ///   - progress: gets percent, each slice of pages; false stops with ``SQLiteFailure/isInterrupted``.
    ///   - output: gets the bytes in order. What it throws comes out of here.
    func stream(progress: (Int) -> Bool, to output: (UnsafeRawBufferPointer) throws -> Void) throws {
        backupy_source_stop_watching(source)
        let pageCount = try Self.number(connection, "PRAGMA page_count")
        var byteCount: Int32 = 0
        guard let base = backupy_source_first_page(source, &byteCount), pageCount > 0 else {
            throw SQLiteFailure(operation: "read", code: SQLITE_NOTADB, message: "the database has no page")
        }
        var firstPage = [UInt8](UnsafeBufferPointer(start: base, count: Int(byteCount)))
        let pageByteCount = firstPage.count
        PageOne.settle(&firstPage, pageCount: UInt32(clamping: pageCount))
        // The closures are lent for the time of the copy, which ends before this function does.
        try withoutActuallyEscaping(output) { output in
            let order = PageOrder(firstPage: firstPage, output: output)
            try copy(into: order, progress: progress)
            try order.finish(byteCount: pageCount * Int64(pageByteCount))
        }
    }

    private func copy(into order: PageOrder, progress: (Int) -> Bool) throws {
        let context = Unmanaged.passUnretained(order)
        guard
            let sink = backupy_sink_register(
                "\(name)-sink",
                { context, bytes, count, offset in
                    guard let context else { return 1 }
                    let order = Unmanaged<PageOrder>.fromOpaque(context).takeUnretainedValue()
                    return order.accept(UnsafeRawBufferPointer(start: bytes, count: Int(count)), at: offset) ? 0 : 1
                }, context.toOpaque())
        else { throw SQLiteFailure(operation: "register", code: SQLITE_NOMEM, message: "out of memory") }
        defer { backupy_sink_unregister(sink) }
        var destination: OpaquePointer?
        defer { sqlite3_close_v2(destination) }
        let opened = sqlite3_open_v2(
            "image", &destination, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, "\(name)-sink")
        guard opened == SQLITE_OK else { throw SQLiteFailure(destination, "open image", code: opened) }
        try Self.execute(destination, "PRAGMA journal_mode=OFF")
        try Self.execute(destination, "PRAGMA cache_size=-\(Self.sinkCacheKibibytes)")
        guard let backup = sqlite3_backup_init(destination, "main", connection, "main") else {
            throw SQLiteFailure(destination, "backup", code: sqlite3_errcode(destination))
        }
        var result = SQLITE_OK
        while result == SQLITE_OK {
            result = sqlite3_backup_step(backup, 256)
            let total = max(1, Int(sqlite3_backup_pagecount(backup)))
            let done = total - Int(sqlite3_backup_remaining(backup))
            if result == SQLITE_OK, !progress(done * 100 / total) { result = SQLITE_INTERRUPT }
        }
        let finished = sqlite3_backup_finish(backup)
        if let failure = order.failure { throw failure }
        guard result == SQLITE_DONE, finished == SQLITE_OK else {
            throw SQLiteFailure(destination, "backup", code: result == SQLITE_DONE ? finished : result)
        }
    }

    private static func execute(_ connection: OpaquePointer?, _ statement: String) throws(SQLiteFailure) {
        let code = sqlite3_exec(connection, statement, nil, nil, nil)
        guard code == SQLITE_OK else { throw SQLiteFailure(connection, statement, code: code) }
    }

    private static func number(_ connection: OpaquePointer?, _ query: String) throws(SQLiteFailure) -> Int64 {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        var code = sqlite3_prepare_v2(connection, query, -1, &statement, nil)
        if code == SQLITE_OK { code = sqlite3_step(statement) }
        guard code == SQLITE_ROW else { throw SQLiteFailure(connection, query, code: code) }
        return sqlite3_column_int64(statement, 0)
    }
}

/// SQLite refused something.
struct SQLiteFailure: Error, Hashable, CustomStringConvertible {
    var operation: String
    var code: Int32
    var message: String

    init(operation: String, code: Int32, message: String) {
        self.operation = operation
        self.code = code
        self.message = message
    }

    init(_ connection: OpaquePointer?, _ operation: String, code: Int32) {
        self.init(
            operation: operation, code: code,
            message: connection.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code)))
    }

    /// Another connection holds a lock.
    var isBusy: Bool { code & 0xFF == SQLITE_BUSY }
    /// The file is something else.
    var isNoDatabase: Bool { code & 0xFF == SQLITE_NOTADB }
    /// The progress function asked to stop.
    var isInterrupted: Bool { code == SQLITE_INTERRUPT }

    var description: String {
        let advice =
            switch code & 0xFF {
            case SQLITE_BUSY: ". Its application holds a lock; try again when it is idle"
            case SQLITE_CANTOPEN: ". The agent's user needs to read the file, and its -wal and -shm files"
            case SQLITE_READONLY: ". It was left by a crash; open it with its application once"
            case SQLITE_NOTADB: ". It is no SQLite database, or is encrypted"
            case SQLITE_CORRUPT: ". The database itself is damaged"
            default: ""
            }
        return "sqlite: \(operation): \(message) (code \(code))\(advice)"
    }
}
