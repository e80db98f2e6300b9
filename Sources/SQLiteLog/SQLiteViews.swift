import CSQLite
public import Core
import Digests
public import Engine
import Glibc
import Synchronization

/// Views in SQLite: one table a collection, one file. Only derived, so a file that does not fit is made anew, empty.
///
/// The follower writes; readers use connections of their own and see whole transactions only.
public final class SQLiteViews: Views {
    /// The usual name of the file within the data directory.
    public static let fileName = "views.sqlite"

    private let path: String
    private let tables: [String: ViewsTable]
    private let writer: Mutex<Connection>
    private let readers: [Reader]
    private let next = Atomic<Int>(0)
    /// What was found to be wrong with the file itself. Whoever comes after that gets the same answer, the follower too.
    private let damage = Mutex<ViewsError?>(nil)

    private final class Reader: Sendable {
        let connection: Mutex<Connection>

        init(_ connection: sending Connection) { self.connection = Mutex(connection) }
    }

    /// Names the file's kind in its header: “BkVw”.
    private static let applicationID: Int64 = 0x426B_5677

    /// Opens the file, or makes it: also when it was made for other collections, by another version, or is damaged. Then
    /// ``checkpoint()`` is 0 and everything is to be stored again.
    ///
    /// - Parameters:
    ///   - path: the file. A rebuild fills a second one, which then takes the first one's place.
    ///   - collections: names of letters, digits and `_`, at most 64 characters, of collections and of their indexed members.
    ///   - readerCount: how many threads may read at once; more wait.
    public convenience init(path: String, collections: [CollectionSchema], readerCount: Int = 4) throws(ViewsError) {
        try self.init(path: path, collections: collections, readerCount: readerCount, vfs: nil)
    }

    /// - Parameter vfs: the SQLite VFS to open the file through; nil is the default one.
    init(path: String, collections: [CollectionSchema], readerCount: Int = 4, vfs: String?) throws(ViewsError) {
        precondition(readerCount > 0, "views without readers")
        var tables: [String: ViewsTable] = [:]
        for schema in collections {
            guard let table = ViewsTable(schema) else {
                throw ViewsError(path: path, problem: "“\(schema.name)” or an indexed member of it is no valid name")
            }
            tables[schema.name] = table
        }
        let definition = collections.compactMap { tables[$0.name]?.definition }.joined(separator: "\n")
        do throws(SQLiteFailure) {
            let connection: Connection
            if let known = Self.openKnown(path, vfs, definition: definition) {
                connection = known
            } else {
                Self.remove(path)
                connection = try Self.create(path, vfs, definition: definition)
            }
            try connection.execute("set up", "PRAGMA synchronous=NORMAL")
            writer = Mutex(connection)
            var readers: [Reader] = []
            for _ in 0..<readerCount { readers.append(Reader(try Connection(path: path, mode: .readOnly, vfs: vfs))) }
            self.readers = readers
        } catch {
            throw ViewsError(path: path, problem: Unusable.problem(error))
        }
        self.path = path
        self.tables = tables
    }

    /// The checkpoint of views that may or may not be there, read beside whoever writes them; nil without such a file.
    public static func checkpoint(of path: String) -> Position? {
        guard access(path, R_OK) == 0, let connection = try? Connection(path: path, mode: .readOnly),
            let number = try? connection.number("read the checkpoint", "SELECT checkpoint FROM progress")
        else { return nil }
        return Position(UInt64(clamping: number))
    }

    private static func remove(_ path: String) {
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(path + suffix) }
    }

    private static func openKnown(_ path: String, _ vfs: String?, definition: String) -> Connection? {
        guard access(path, F_OK) == 0, let connection = try? Connection(path: path, mode: .readWrite, vfs: vfs),
            (try? connection.number("read the header", "PRAGMA application_id")) == applicationID,
            (try? connection.text("read the definition", "SELECT definition FROM progress WHERE length(link) = 32"))
                == definition
        else { return nil }
        return connection
    }

    private static func create(_ path: String, _ vfs: String?, definition: String) throws(SQLiteFailure) -> Connection {
        let connection = try Connection(path: path, mode: .readWrite, vfs: vfs)
        try connection.execute("set up", "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA secure_delete=OFF")
        try connection.transaction { () throws(SQLiteFailure) in
            try connection.execute("create the tables", definition)
            try connection.execute(
                "create the checkpoint",
                """
                CREATE TABLE progress(checkpoint INTEGER NOT NULL, link BLOB NOT NULL, definition TEXT NOT NULL);
                PRAGMA application_id=\(applicationID);
                """)
            let statement = try connection.prepare("note the definition", "INSERT INTO progress VALUES (0, ?, ?)")
            statement.bind(1, bytes: CommitEnd.start.link.bytes)
            statement.bind(2, definition)
            try statement.run()
        }
        return connection
    }

    /// The commit up to whose end documents are stored.
    public func checkpoint() throws(ViewsError) -> CommitEnd {
        try writer.withLock { connection throws(ViewsError) in
            try guarded { () throws(SQLiteFailure) in
                let row = try connection.cached("read the checkpoint", "SELECT checkpoint, link FROM progress")
                defer { row.reset() }
                guard try row.step(), let link = Digest(row.bytes(1)) else { return .start }
                return CommitEnd(position: Position(UInt64(clamping: row.integer(0))), link: link)
            }
        }
    }

    /// Stores documents and moves the checkpoint, in one transaction. A document of the same id is replaced; an empty one
    /// takes it away.
    public func store(_ documents: [Document], checkpoint: CommitEnd) throws(ViewsError) {
        for document in documents where tables[document.collection] == nil {
            throw ViewsError(path: path, problem: "there is no collection “\(document.collection)”")
        }
        try writer.withLock { connection throws(ViewsError) in
            try guarded { () throws(SQLiteFailure) in
                try connection.transaction { () throws(SQLiteFailure) in
                    for document in documents {
                        guard let table = tables[document.collection] else { continue }
                        guard !document.json.isEmpty else {
                            let statement = try connection.cached("take a document away", table.remove)
                            statement.bind(1, document.id)
                            try statement.run()
                            continue
                        }
                        let statement = try connection.cached("store a document", table.store)
                        statement.bind(1, document.id)
                        statement.bind(2, document.position.number)
                        statement.bind(3, utf8: document.json)
                        try statement.run()
                    }
                    for name in Set(documents.map(\.collection)).sorted() { try prune(name, connection) }
                    try move(connection, to: checkpoint)
                }
            }
        }
    }

    private func prune(_ collection: String, _ connection: Connection) throws(SQLiteFailure) {
        guard let table = tables[collection], let kept = table.schema.kept, let sql = table.prune else { return }
        let statement = try connection.cached("delete what is not kept", sql)
        statement.bind(1, kept.value)
        statement.bind(2, kept.value)
        statement.bind(3, Int64(max(0, kept.limit - 1)))
        try statement.run()
    }

    /// Forgets all documents, and moves the checkpoint to the start.
    public func clear() throws(ViewsError) {
        try writer.withLock { connection throws(ViewsError) in
            try guarded { () throws(SQLiteFailure) in
                try connection.transaction { () throws(SQLiteFailure) in
                    for name in tables.keys.sorted() {
                        guard let table = tables[name] else { continue }
                        try connection.execute("clear a collection", table.clear)
                    }
                    try move(connection, to: .start)
                }
            }
        }
    }

    private func move(_ connection: Connection, to checkpoint: CommitEnd) throws(SQLiteFailure) {
        let progress = try connection.cached("move the checkpoint", "UPDATE progress SET checkpoint = ?, link = ?")
        progress.bind(1, checkpoint.position.number)
        progress.bind(2, bytes: checkpoint.link.bytes)
        try progress.run()
    }

    /// One document.
    public func document(_ id: String, in collection: String) throws(ViewsError) -> Document? {
        guard let table = tables[collection] else {
            throw ViewsError(path: path, problem: "there is no collection “\(collection)”")
        }
        return try read { connection throws(SQLiteFailure) in
            let row = try connection.cached("read a document", table.find)
            defer { row.reset() }
            row.bind(1, id)
            return try row.step() ? [table.document(row)] : []
        }.first
    }

    /// Documents from the newest to the oldest.
    public func documents(_ query: DocumentQuery) throws(ViewsError) -> [Document] {
        guard let table = tables[query.collection] else {
            throw ViewsError(path: path, problem: "there is no collection “\(query.collection)”")
        }
        let members = query.matching.keys.sorted()
        for member in members where !table.schema.indexed.contains(member) {
            throw ViewsError(path: path, problem: "“\(member)” of “\(query.collection)” has no index")
        }
        let sql = table.list(matching: members, query)
        return try read { connection throws(SQLiteFailure) in
            let row = try connection.cached("list documents", sql)
            defer { row.reset() }
            var index: Int32 = 0
            func following() -> Int32 {
                index += 1
                return index
            }
            for member in members { row.bind(following(), query.matching[member] ?? "") }
            if let before = query.before { row.bind(following(), Int64(clamping: before.number)) }
            if let from = query.createdFrom { row.bind(following(), from.milliseconds) }
            if let to = query.createdTo { row.bind(following(), to.milliseconds) }
            row.bind(following(), Int64(max(0, query.limit)))
            var found: [Document] = []
            while try row.step() { found.append(table.document(row)) }
            return found
        }
    }

    /// Reads on the first connection that is free; when none is, waits for one, each time another.
    private func read(_ body: (Connection) throws(SQLiteFailure) -> [Document]) throws(ViewsError) -> [Document] {
        try guarded { () throws(SQLiteFailure) in
            let start = next.wrappingAdd(1, ordering: .relaxed).oldValue
            func reader(_ offset: Int) -> Reader {
                readers[Int(UInt(bitPattern: start &+ offset) % UInt(readers.count))]
            }
            for offset in readers.indices {
                let found = try reader(offset).connection.withLockIfAvailable { connection throws(SQLiteFailure) in
                    try body(connection)
                }
                if let found { return found }
            }
            return try reader(0).connection.withLock { connection throws(SQLiteFailure) in try body(connection) }
        }
    }

    private func guarded<Result>(_ body: () throws(SQLiteFailure) -> Result) throws(ViewsError) -> Result {
        if let damage = damage.withLock({ $0 }) { throw damage }
        do throws(SQLiteFailure) {
            return try body()
        } catch {
            let isDamaged = error.isCorruption
            let error = ViewsError(path: path, problem: Unusable.problem(error), isFull: error.isFull)
            if isDamaged {
                // They hold nothing of their own: the file is taken away, and the next start makes all of it anew.
                Self.remove(path)
                damage.withLock { $0 = error }
            }
            throw error
        }
    }
}
