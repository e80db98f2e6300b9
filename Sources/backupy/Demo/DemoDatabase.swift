import CSQLite

/// A small shop in SQLite.
enum DemoDatabase {
    /// Makes the database and leaves its last rows in the write-ahead log, where a copy of the file would miss them.
    ///
    /// - Returns: How many rows it has.
    static func make(at path: String) throws -> Int {
        let connection = try Connection(path)
        try connection.execute(
            """
            PRAGMA journal_mode=WAL;
            PRAGMA wal_autocheckpoint=0;
            CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT);
            CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers(id), amount REAL, note BLOB);
            CREATE INDEX orders_by_customer ON orders(customer);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
              INSERT INTO customers SELECT i, 'Customer ' || i, 'City ' || (i % 50) FROM n;
            PRAGMA wal_checkpoint(TRUNCATE);
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
              INSERT INTO orders SELECT i, 1 + i % 2000, i * 1.25, randomblob(100) FROM n;
            """)
        // Closing would move the rows out of the write-ahead log.
        connection.leaveOpen()
        return 10_000
    }

    /// How many rows are equal in both, both ways. Also runs the restored one's integrity check.
    static func compare(_ original: String, _ restored: String) throws -> Int {
        let connection = try Connection(restored)
        guard try connection.text("PRAGMA integrity_check") == "ok" else {
            throw Failure(text: "the restored database fails its integrity check", code: Failure.verification)
        }
        try connection.execute("ATTACH '\(original.replacing("'", with: "''"))' AS original")
        var count = 0
        for table in ["customers", "orders"] {
            for (left, right) in [("main", "original"), ("original", "main")] {
                let difference = try connection.text(
                    "SELECT count(*) FROM (SELECT * FROM \(left).\(table) EXCEPT SELECT * FROM \(right).\(table))")
                guard difference == "0" else {
                    throw Failure(
                        text: "\(difference) rows of \(table) differ from the source", code: Failure.verification)
                }
            }
            count += Int(try connection.text("SELECT count(*) FROM main.\(table)")) ?? 0
        }
        return count
    }

    /// A connection of the demo's own.
    private final class Connection {
        private var handle: OpaquePointer?

        init(_ path: String) throws {
            guard sqlite3_open(path, &handle) == SQLITE_OK else { throw Failure(text: "\(path) cannot be opened") }
        }

        deinit { sqlite3_close_v2(handle) }

        func leaveOpen() { handle = nil }

        func execute(_ sql: String) throws {
            guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else {
                throw Failure(text: String(cString: sqlite3_errmsg(handle)))
            }
        }

        /// The first column of the first row.
        func text(_ sql: String) throws -> String {
            var statement: OpaquePointer?
            defer { sqlite3_finalize(statement) }
            guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK,
                sqlite3_step(statement) == SQLITE_ROW, let text = sqlite3_column_text(statement, 0)
            else { throw Failure(text: String(cString: sqlite3_errmsg(handle))) }
            return String(cString: text)
        }
    }
}
