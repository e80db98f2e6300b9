import CSQLite
import Glibc

/// What SQLite answered when it could not do an operation. Names the operation, never a value.
struct SQLiteFailure: Error {
    /// The extended result code.
    var code: Int32
    /// The system's `errno` behind an I/O error; 0 when there is none.
    var systemCode: Int32
    /// What was being done, such as “insert an entry”.
    var operation: String
    /// SQLite's own words.
    var message: String

    /// The result code without its extension.
    var primaryCode: Int32 { code & 0xFF }

    /// Whether the file is not what SQLite once wrote. A row that claims to be longer than SQLite allows was not, either.
    var isCorruption: Bool { [SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_TOOBIG].contains(primaryCode) }

    /// Whether there was no room, and nothing else is wrong. A sync that fails is another matter, whatever the reason.
    var isFull: Bool {
        // SQLITE_IOERR_FSYNC and SQLITE_IOERR_DIR_FSYNC.
        let isSync = code == (SQLITE_IOERR | 4 << 8) || code == (SQLITE_IOERR | 5 << 8)
        let isNoSpace = systemCode == ENOSPC || systemCode == EDQUOT
        return primaryCode == SQLITE_FULL || primaryCode == SQLITE_IOERR && isNoSpace && !isSync
    }

    /// For a person: operation, message and code.
    var problem: String { "\(operation): \(message) (SQLite code \(code))" }
}

/// One SQLite handle. Not for several threads at once: whoever owns it guards it.
final class Connection {
    /// How a file is opened.
    enum Mode {
        /// For writing; the file is created when it is missing.
        case readWrite
        /// For reading, beside a writer.
        case readOnly
        /// For reading a file that nobody writes, in a folder that nobody may write to.
        case immutable
    }

    let path: String
    /// The name of the SQLite VFS that files are opened through; nil is the default one. Tests have one that fails.
    let vfs: String?
    let handle: OpaquePointer
    private var cache: [String: Statement] = [:]

    init(path: String, mode: Mode, vfs: String? = nil) throws(SQLiteFailure) {
        self.path = path
        self.vfs = vfs
        var name = path
        // The caller guards the handle, so SQLite's own mutexes are left out.
        var flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        switch mode {
        case .readWrite: flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
        case .readOnly: flags |= SQLITE_OPEN_READONLY
        case .immutable:
            flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
            name = "file:\(Self.escaped(path))?immutable=1"
        }
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(name, &opened, flags, vfs)
        guard code == SQLITE_OK, let opened else {
            let failure = SQLiteFailure(
                code: code, systemCode: opened.map { sqlite3_system_errno($0) } ?? 0, operation: "open the file",
                message: String(cString: sqlite3_errstr(code)))
            sqlite3_close_v2(opened)
            throw failure
        }
        handle = opened
        // A writer and its readers meet only for moments, at checkpoints and while a log is recovered.
        sqlite3_busy_timeout(handle, 5_000)
    }

    deinit {
        cache.removeAll()
        sqlite3_close_v2(handle)
    }

    /// Runs statements that have no parameters and whose rows nobody wants.
    func execute(_ operation: String, _ sql: String) throws(SQLiteFailure) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw Self.failure(handle, code, operation) }
    }

    /// Prepares a statement to be kept and used again.
    func prepare(_ operation: String, _ sql: String) throws(SQLiteFailure) -> Statement {
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw Self.failure(handle, code, operation) }
        return Statement(handle: prepared, operation: operation)
    }

    /// The statement with this text, prepared on first use. The texts a program uses are few.
    func cached(_ operation: String, _ sql: String) throws(SQLiteFailure) -> Statement {
        if let known = cache[sql] { return known }
        let statement = try prepare(operation, sql)
        cache[sql] = statement
        return statement
    }

    /// The number that a query answers with in its first row and column; nil when there is none.
    func number(_ operation: String, _ sql: String) throws(SQLiteFailure) -> Int64? {
        let statement = try prepare(operation, sql)
        return try statement.step() ? statement.optionalInteger(0) : nil
    }

    /// The text that a query answers with in its first row and column; nil when there is none.
    func text(_ operation: String, _ sql: String) throws(SQLiteFailure) -> String? {
        let statement = try prepare(operation, sql)
        return try statement.step() ? statement.text(0) : nil
    }

    /// Does the body within one transaction; rolls back when it throws.
    func transaction(_ body: () throws(SQLiteFailure) -> Void) throws(SQLiteFailure) {
        try cached("begin", "BEGIN IMMEDIATE").run()
        do throws(SQLiteFailure) {
            try body()
            try cached("commit", "COMMIT").run()
        } catch {
            rollback()
            throw error
        }
    }

    /// Ends a transaction that failed. SQLite ends some by itself.
    ///
    /// - Returns: whether no transaction is open any more.
    @discardableResult
    func rollback() -> Bool {
        if sqlite3_get_autocommit(handle) == 0 { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
        return sqlite3_get_autocommit(handle) != 0
    }

    /// How many rows the last statement changed.
    var changedCount: Int32 { sqlite3_changes(handle) }

    /// The row id that the last insertion made.
    var lastRowID: Int64 { sqlite3_last_insert_rowid(handle) }

    static func failure(_ handle: OpaquePointer?, _ code: Int32, _ operation: String) -> SQLiteFailure {
        SQLiteFailure(
            code: code, systemCode: sqlite3_system_errno(handle), operation: operation,
            message: String(cString: sqlite3_errmsg(handle)))
    }

    private static func escaped(_ path: String) -> String {
        var text = ""
        for character in path {
            switch character {
            case "%": text += "%25"
            case "?": text += "%3f"
            case "#": text += "%23"
            default: text.append(character)
            }
        }
        return text
    }
}
