import CSQLite
import Digests
public import Engine
import Glibc
import Synchronization

/// The vault in SQLite: file `vault.sqlite`, mode 0600. Each secret is sealed by AES-256-GCM with its name as additional
/// data, under a key derived from the master key.
///
/// After a deletion no file holds even the sealed bytes. Deleted content is overwritten with zeros (`secure_delete`). But
/// when SQLite balances its tree, it moves rows and leaves what they were in the gaps of a page; so sealed bytes lie in
/// overflow pages only, which never move. The journal is a file that exists only during a change; a WAL would keep the
/// bytes until a checkpoint that a reader can hold up.
public final class SQLiteVault: Vault {
    /// The file's name within the data directory.
    public static let fileName = "vault.sqlite"
    /// The longest name in bytes.
    public static let nameByteLimit = 200

    private struct Contents: ~Copyable {
        let connection: Connection
        var wrapping: AESGCM
        var keyID: [UInt8]
    }

    private let path: String
    private let contents: Mutex<Contents>

    /// Names the file's kind in its header: “BkVa”.
    private static let applicationID: Int64 = 0x426B_5661
    private static let version: Int64 = 1
    /// Bytes before the sealed ones in each row. SQLite keeps at most 102 bytes of a longer row of such a table in the tree
    /// when pages have 512 bytes; the rest goes to overflow pages. Source: SQLite documentation, “Database File Format”, 1.6.
    private static let roomByteCount = 102
    private static let checkName = "check"
    private static let checkText = Array("backupy vault".utf8)

    /// Opens the vault of a data directory, or makes a new one.
    ///
    /// - Throws: ``Engine/VaultError/wrongKey(path:name:)`` when it was made under another master key,
    ///   ``Engine/VaultError/failed(path:problem:)`` when the file cannot be opened or is no vault.
    public init(directory: String, masterKey: MasterKey) throws(VaultError) {
        let path = directory + "/" + Self.fileName
        let (wrapping, keyID) = Self.wrapping(masterKey)
        try Self.restrict(path)
        let connection: Connection
        do throws(SQLiteFailure) {
            connection = try Connection(path: path, mode: .readWrite)
            try Self.prepare(connection)
        } catch {
            throw .failed(path: path, problem: Unusable.problem(error))
        }
        let opened = Contents(connection: connection, wrapping: wrapping, keyID: keyID)
        // The check row tells a wrong master key at once, not at the first secret that somebody needs.
        if let text = try Self.reveal(Self.checkName, kind: .check, in: opened, path: path) {
            guard text == Self.checkText else { throw .wrongKey(path: path, name: Self.checkName) }
        } else {
            try Self.store(Self.checkText, as: Self.checkName, kind: .check, in: opened, path: path)
        }
        self.path = path
        contents = Mutex(opened)
    }

    /// Whether the directory has a vault; not whether it opens.
    public static func exists(in directory: String) -> Bool { access(directory + "/" + fileName, F_OK) == 0 }

    /// Seals everything anew under another master key, in one transaction: after a crash everything is under one of the
    /// two. Nothing sealed under the former key stays in the file.
    ///
    /// - Returns: How many secrets there are.
    func rewrap(under masterKey: MasterKey) throws(VaultError) -> Int {
        try contents.withLock { contents throws(VaultError) in
            let (wrapping, keyID) = Self.wrapping(masterKey)
            let rows = try Self.rows(in: contents, path: path)
            try Self.guarded(path) { () throws(SQLiteFailure) in
                try contents.connection.cached("begin", "BEGIN IMMEDIATE").run()
            }
            do throws(VaultError) {
                let anew = Contents(connection: contents.connection, wrapping: wrapping, keyID: keyID)
                for (kind, name) in rows {
                    guard let secret = try Self.reveal(name, kind: kind, in: contents, path: path) else { continue }
                    try Self.store(secret, as: name, kind: kind, in: anew, path: path)
                }
                try Self.guarded(path) { () throws(SQLiteFailure) in
                    try contents.connection.cached("commit", "COMMIT").run()
                }
            } catch {
                contents.connection.rollback()
                throw error
            }
            contents.wrapping = wrapping
            contents.keyID = keyID
            return rows.count { $0.kind == .secret }
        }
    }

    /// Keeps a secret under a name, durably, before this returns. An existing one of that name is replaced, without trace.
    public func store(_ secret: [UInt8], as name: String) throws(VaultError) {
        guard (1...Self.nameByteLimit).contains(name.utf8.count) else {
            throw .failed(path: path, problem: "a name has 1 to \(Self.nameByteLimit) bytes, not \(name.utf8.count)")
        }
        try contents.withLock { contents throws(VaultError) in
            try Self.store(secret, as: name, kind: .secret, in: contents, path: path)
        }
    }

    /// The secret of that name; nil when there is none (or no more).
    public func reveal(_ name: String) throws(VaultError) -> [UInt8]? {
        try contents.withLock { contents throws(VaultError) in
            try Self.reveal(name, kind: .secret, in: contents, path: path)
        }
    }

    /// Deletes the secret, so that no trace stays in the file. Nothing happens when there is none.
    public func delete(_ name: String) throws(VaultError) {
        try contents.withLock { contents throws(VaultError) in
            try Self.guarded(path) { () throws(SQLiteFailure) in
                let statement = try contents.connection.cached(
                    "delete a secret", "DELETE FROM secrets WHERE kind = 1 AND name = ?")
                statement.bind(1, name)
                try statement.run()
            }
        }
    }

    /// The names that start with a prefix, in byte order.
    public func names(withPrefix prefix: String) throws(VaultError) -> [String] {
        try contents.withLock { contents throws(VaultError) in
            try Self.guarded(path) { () throws(SQLiteFailure) in
                let statement = try contents.connection.cached(
                    "list names",
                    """
                    SELECT name FROM secrets
                    WHERE kind = 1 AND name >= ?1 AND substr(CAST(name AS BLOB), 1, ?2) = CAST(?1 AS BLOB) ORDER BY name
                    """)
                defer { statement.reset() }
                statement.bind(1, prefix)
                statement.bind(2, Int64(prefix.utf8.count))
                var names: [String] = []
                while try statement.step() { names.append(statement.text(0)) }
                return names
            }
        }
    }
}

extension SQLiteVault {
    /// The check row lives apart from all names that anyone may choose.
    private enum Kind: Int64 {
        case check = 0
        case secret = 1
    }

    /// What wraps under a master key, and the key's name in each row.
    private static func wrapping(_ masterKey: MasterKey) -> (AESGCM, keyID: [UInt8]) {
        guard let wrapping = AESGCM(key: masterKey.derive(.wrapping)) else {
            preconditionFailure("a derived key has not 32 bytes")
        }
        return (wrapping, masterKey.id)
    }

    private static func rows(
        in contents: borrowing Contents, path: String
    ) throws(VaultError) -> [(kind: Kind, name: String)] {
        let connection = contents.connection
        return try guarded(path) { () throws(SQLiteFailure) in
            let statement = try connection.cached("list all rows", "SELECT kind, name FROM secrets ORDER BY kind, name")
            defer { statement.reset() }
            var rows: [(kind: Kind, name: String)] = []
            while try statement.step() {
                guard let kind = Kind(rawValue: statement.integer(0)) else {
                    throw Unusable.error("holds a row of an unknown kind; use the version that wrote it")
                }
                rows.append((kind, statement.text(1)))
            }
            return rows
        }
    }

    /// Makes the file readable for its owner only before SQLite sees it; the journal inherits its mode.
    private static func restrict(_ path: String) throws(VaultError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .failed(path: path, problem: "cannot be opened: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        guard fchmod(descriptor, 0o600) == 0 else {
            throw .failed(path: path, problem: "cannot be set to mode 600: \(String(cString: strerror(errno)))")
        }
    }

    private static func prepare(_ connection: Connection) throws(SQLiteFailure) {
        let identifier = try connection.number("read the header", "PRAGMA application_id") ?? 0
        let version = try connection.number("read the version", "PRAGMA user_version") ?? 0
        guard identifier == applicationID || (identifier == 0 && version == 0) else {
            throw Unusable.error("is a database, but not a vault; choose another data directory")
        }
        guard version <= Self.version else {
            throw Unusable.error("was written by a newer version; start that version or a newer one")
        }
        try connection.execute("set the page size", "PRAGMA page_size=512")
        let mode = try connection.text("set the journal mode", "PRAGMA journal_mode=DELETE")
        guard mode == "delete" else { throw Unusable.error("its journal cannot be kept out of the way") }
        try connection.execute(
            "set up", "PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY")
        guard try connection.number("read synchronous", "PRAGMA synchronous") == 2,
            try connection.number("read secure_delete", "PRAGMA secure_delete") == 1
        else { throw Unusable.error("SQLite does not accept synchronous=FULL and secure_delete=ON") }
        guard version == 0 else { return }
        try connection.transaction { () throws(SQLiteFailure) in
            try connection.execute(
                "create the table",
                """
                -- kind 1 is a secret, 0 the check row. key_id: the first 8 bytes of the wrapping key's SHA-256.
                CREATE TABLE secrets(
                    kind   INTEGER NOT NULL,
                    name   TEXT    NOT NULL,
                    key_id BLOB    NOT NULL,
                    nonce  BLOB    NOT NULL,
                    room   BLOB    NOT NULL, -- zeros: keep sealed out of the tree, whose rows move and leave traces
                    sealed BLOB    NOT NULL,
                    PRIMARY KEY (kind, name)
                ) WITHOUT ROWID;
                PRAGMA application_id=\(applicationID);
                PRAGMA user_version=\(Self.version);
                """)
        }
    }

    private static func store(
        _ secret: [UInt8], as name: String, kind: Kind, in contents: borrowing Contents, path: String
    ) throws(VaultError) {
        let nonce = SecureRandom.bytes(AESGCM.nonceByteCount)
        var sealed: [UInt8] = []
        contents.wrapping.seal(secret, nonce: nonce, additionalData: additionalData(name, kind), appendingTo: &sealed)
        let connection = contents.connection
        let keyID = contents.keyID
        try guarded(path) { () throws(SQLiteFailure) in
            let statement = try connection.cached(
                "store a secret",
                """
                INSERT INTO secrets VALUES (?, ?, ?, ?, zeroblob(\(roomByteCount)), ?)
                ON CONFLICT DO UPDATE SET key_id = excluded.key_id, nonce = excluded.nonce, sealed = excluded.sealed
                """)
            statement.bind(1, kind.rawValue)
            statement.bind(2, name)
            statement.bind(3, bytes: keyID)
            statement.bind(4, bytes: nonce)
            statement.bind(5, bytes: sealed)
            try statement.run()
        }
    }

    private static func reveal(
        _ name: String, kind: Kind, in contents: borrowing Contents, path: String
    ) throws(VaultError) -> [UInt8]? {
        let connection = contents.connection
        let row = try guarded(path) { () throws(SQLiteFailure) -> (keyID: [UInt8], nonce: [UInt8], sealed: [UInt8])? in
            let statement = try connection.cached(
                "read a secret", "SELECT key_id, nonce, sealed FROM secrets WHERE kind = ? AND name = ?")
            defer { statement.reset() }
            statement.bind(1, kind.rawValue)
            statement.bind(2, name)
            return try statement.step() ? (statement.bytes(0), statement.bytes(1), statement.bytes(2)) : nil
        }
        guard let row else { return nil }
        guard row.keyID == contents.keyID else { throw .wrongKey(path: path, name: name) }
        do throws(AESGCMError) {
            return try contents.wrapping.open(
                row.sealed, nonce: row.nonce, additionalData: additionalData(name, kind))
        } catch {
            throw .failed(path: path, problem: "“\(name)” is damaged (\(error)); restore the file from a copy")
        }
    }

    private static func additionalData(_ name: String, _ kind: Kind) -> [UInt8] {
        [UInt8(truncatingIfNeeded: kind.rawValue)] + Array(name.utf8)
    }

    private static func guarded<Result>(
        _ path: String, _ body: () throws(SQLiteFailure) -> Result
    ) throws(VaultError) -> Result {
        do throws(SQLiteFailure) {
            return try body()
        } catch {
            throw .failed(path: path, problem: Unusable.problem(error))
        }
    }
}
