import CSQLite
import Engine

/// The tables of `log.sqlite`, as `docs/log-format.md` describes them.
enum LogSchema {
    /// Names the file's kind in its header: “BkLg”.
    static let applicationID: Int64 = 0x426B_4C67

    /// A frozen step from one version of the tables to the next. A shipped one is never changed.
    struct Migration {
        let name: String
        let sql: String
    }

    /// All steps; `user_version` counts those a file has seen.
    static let migrations = [
        Migration(
            name: "entries, commits, index of streams",
            sql: """
                -- The truth: one row an entry, in order. crc is the CRC-32C of the entry's one encoding.
                CREATE TABLE entries(
                    position    INTEGER PRIMARY KEY,
                    recorded_at INTEGER NOT NULL,
                    stream      TEXT    NOT NULL,
                    revision    INTEGER NOT NULL,
                    cause       INTEGER,
                    kind        TEXT    NOT NULL,
                    body        BLOB    NOT NULL,
                    crc         INTEGER NOT NULL
                );
                -- One row a commit. link is SHA-256(previous link, encodings of the entries).
                CREATE TABLE commits(
                    first_position INTEGER NOT NULL,
                    last_position  INTEGER PRIMARY KEY,
                    link           BLOB    NOT NULL
                );
                -- Derived from entries, a block of at least 16384 at a time: see LogTail.
                -- block is its last position; positions are distances back from it, 4 bytes big-endian each.
                CREATE TABLE blocks(
                    block     INTEGER NOT NULL,
                    stream    TEXT    NOT NULL,
                    positions BLOB    NOT NULL,
                    PRIMARY KEY (block, stream)
                ) WITHOUT ROWID;
                -- Derived: where each stream began, and stood at the end of the last block.
                CREATE TABLE streams(
                    stream         TEXT    PRIMARY KEY,
                    first_position INTEGER NOT NULL,
                    last_position  INTEGER NOT NULL,
                    revision       INTEGER NOT NULL
                ) WITHOUT ROWID;
                CREATE TRIGGER entries_keep BEFORE UPDATE ON entries BEGIN
                    SELECT RAISE(ABORT, 'the log is append-only: an entry is never changed');
                END;
                CREATE TRIGGER entries_stay BEFORE DELETE ON entries BEGIN
                    SELECT RAISE(ABORT, 'the log is append-only: an entry is never deleted');
                END;
                CREATE TRIGGER commits_keep BEFORE UPDATE ON commits BEGIN
                    SELECT RAISE(ABORT, 'the log is append-only: a commit is never changed');
                END;
                CREATE TRIGGER commits_stay BEFORE DELETE ON commits BEGIN
                    SELECT RAISE(ABORT, 'the log is append-only: a commit is never deleted');
                END;
                """)
    ]

    /// Sets a writer's connection up and brings the tables to the newest version.
    static func prepare(_ connection: Connection) throws(LogError) {
        let path = connection.path
        do throws(SQLiteFailure) {
            // Both before the first table; without effect on a file that has tables.
            try connection.execute("set the page size", "PRAGMA page_size=8192")
            let version = try check(connection)
            let mode = try connection.text("turn WAL on", "PRAGMA journal_mode=WAL")
            guard mode == "wal" else {
                throw Unusable.error(
                    "the file system does not support SQLite's WAL (journal mode is \(mode ?? "unknown"))")
            }
            // A reader of the whole log keeps the write-ahead log growing; behind it the file gets small again.
            try connection.execute(
                "set up", "PRAGMA synchronous=FULL; PRAGMA secure_delete=OFF; PRAGMA journal_size_limit=67108864")
            guard try connection.number("read synchronous", "PRAGMA synchronous") == 2 else {
                throw Unusable.error("SQLite does not accept synchronous=FULL, so commits would not be durable")
            }
            guard version < migrations.count else { return }
            try connection.transaction { () throws(SQLiteFailure) in
                for migration in migrations[version...] { try connection.execute(migration.name, migration.sql) }
                try connection.execute(
                    "name the file",
                    "PRAGMA application_id=\(applicationID); PRAGMA user_version=\(migrations.count)")
            }
        } catch {
            throw Unusable.logError(error, path: path)
        }
    }

    /// Checks that a reader's file is such a log, in the version that this program knows.
    static func checkForReading(_ connection: Connection) throws(SQLiteFailure) {
        guard try check(connection) == migrations.count else {
            throw Unusable.error("holds no log of this version yet; start the server on it once")
        }
    }

    /// Name and SQL of each table and trigger in a file.
    static func definitions(in connection: Connection) throws(SQLiteFailure) -> [String: String] {
        let row = try connection.prepare(
            "read the tables", "SELECT type || ' ' || name || ' of ' || tbl_name, coalesce(sql, '') FROM sqlite_schema")
        var found: [String: String] = [:]
        while try row.step() { found[row.text(0)] = row.text(1) }
        return found
    }

    /// Name and SQL of each table and trigger that the migrations make.
    static func definitions() throws(SQLiteFailure) -> [String: String] {
        let model = try Connection(path: ":memory:", mode: .readWrite)
        for migration in migrations { try model.execute(migration.name, migration.sql) }
        return try definitions(in: model)
    }

    /// How many migrations the file has seen.
    private static func check(_ connection: Connection) throws(SQLiteFailure) -> Int {
        let identifier = try connection.number("read the header", "PRAGMA application_id") ?? 0
        let version = try connection.number("read the version", "PRAGMA user_version") ?? 0
        let tableCount = try connection.number("read the tables", "SELECT count(*) FROM sqlite_schema") ?? 0
        let isNew = identifier == 0 && version == 0 && tableCount == 0
        guard isNew || identifier == applicationID else {
            throw Unusable.error("is a database, but not a Backupy log; choose another data directory")
        }
        guard (0...Int64(migrations.count)).contains(version) else {
            throw Unusable.error(
                "was written by a newer version (tables \(version), this program knows \(migrations.count)); "
                    + "start that version or a newer one")
        }
        return Int(version)
    }
}

/// Turns what happens while a file is opened into words.
enum Unusable {
    private static let ownCode: Int32 = -1

    /// A finding of our own, thrown among SQLite's.
    static func error(_ problem: String) -> SQLiteFailure {
        SQLiteFailure(code: ownCode, systemCode: 0, operation: "", message: problem)
    }

    static func problem(_ failure: SQLiteFailure) -> String {
        switch failure.primaryCode {
        case ownCode & 0xFF where failure.code == ownCode: failure.message
        case SQLITE_NOTADB: "is not a database file; restore it from a copy, or choose another data directory"
        case SQLITE_CORRUPT: "is damaged so that not even its tables can be read; restore it from a copy"
        case SQLITE_CANTOPEN:
            "cannot be opened; check that it exists and that this user may read and write its directory"
        case SQLITE_READONLY: "cannot be written; check the permissions of the file and its directory"
        default: failure.problem
        }
    }

    static func logError(_ failure: SQLiteFailure, path: String) -> LogError {
        switch failure.primaryCode {
        case SQLITE_FULL: .full(path: path)
        case SQLITE_BUSY: .locked(path: path)
        default: .unusable(path: path, problem: problem(failure))
        }
    }
}
