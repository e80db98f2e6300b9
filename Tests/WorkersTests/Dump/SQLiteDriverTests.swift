import Core
import Digests
import Foundation
import Objects
import Synchronization
import Testing
import Wire

@testable import Workers

@Suite("Dump of SQLite")
struct SQLiteDriverTests {
    let folder: TemporaryFolder
    let staging: StagingArea
    let key = SecureRandom.bytes(32)

    init() throws {
        folder = try TemporaryFolder()
        staging = try StagingArea(folder: folder.file("staging"))
    }

    private var pipeline: DumpPipeline { DumpPipeline(drivers: [SQLiteDriver()], staging: staging) }

    private func target(_ path: String) -> StationSettings.Target { .init(type: "sqlite", database: path) }

    /// The decrypted dump as a database, after comparing size and digest with what the pipeline said.
    private func restore(_ staged: Station.Staged) throws -> Database {
        let blob = try Data(contentsOf: URL(fileURLWithPath: staging.path(of: "run")))
        #expect(UInt64(blob.count) == staged.byteCount)
        #expect(SHA256.digest(of: Array(blob)).hex == staged.digest.string)
        var plain: [UInt8] = []
        let reader = try BlobReader(dataKey: key) { plain.append(contentsOf: $0) }
        try reader.write(Array(blob))
        _ = try reader.finish()
        let path = folder.file("restored.db")
        try Data(plain).write(to: URL(fileURLWithPath: path))
        return try Database(path)
    }

    private func fill(_ database: Database, rows: Int) throws {
        try database.run("CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, body BLOB)")
        try database.run(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(rows))
            INSERT INTO items SELECT i, 'row ' || i, randomblob(300) FROM n
            """)
        try database.run("CREATE INDEX names ON items(name)")
    }

    private let everything = "SELECT id || ':' || name || ':' || hex(body) FROM items ORDER BY id"

    @Test("The copy equals the source row for row", arguments: ["DELETE", "WAL"], [512, 4_096, 65_536])
    func equal(journalMode: String, pageSize: Int) async throws {
        let path = folder.file("source.db")
        let source = try Database(path)
        try source.run("PRAGMA page_size=\(pageSize); PRAGMA journal_mode=\(journalMode)")
        try fill(source, rows: 5_000)
        let staged = try await pipeline.dump(target(path), run: "run", key: key) { _ in }
        #expect(staged.engineVersion.string.hasPrefix("SQLite 3."))
        let copy = try restore(staged)
        #expect(try copy.rows("PRAGMA integrity_check") == ["ok"])
        #expect(try copy.rows("PRAGMA journal_mode") == ["delete"])
        #expect(try copy.rows("PRAGMA page_size") == ["\(pageSize)"])
        #expect(try copy.rows(everything) == source.rows(everything))
        #expect(try copy.rows("PRAGMA user_version") == source.rows("PRAGMA user_version"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("staging")).count == 1)
    }

    @Test("A writer that goes on writing neither stops the dump nor shows in it")
    func liveWriter() async throws {
        let path = folder.file("live.db")
        let source = try Database(path)
        try source.run("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=50")
        try fill(source, rows: 20_000)
        let writer = try Database(path)
        try writer.run("PRAGMA wal_autocheckpoint=50; PRAGMA busy_timeout=5000")
        let writes = Atomic<Int>(0)
        let before = try source.rows(everything)
        // Each percent of the dump, another transaction is committed and checkpoints are tried.
        let staged = try await pipeline.dump(target(path), run: "run", key: key) { percent in
            guard percent > 0 else { return }
            let isDone =
                (try? writer.run(
                    """
                    BEGIN IMMEDIATE; UPDATE items SET body = randomblob(400) WHERE id % 97 = \(percent % 97);
                    DELETE FROM items WHERE id = \(percent); INSERT INTO items(name) VALUES ('new'); COMMIT;
                    PRAGMA wal_checkpoint(PASSIVE)
                    """)) != nil
            if isDone { writes.add(1, ordering: .relaxed) }
        }
        #expect(writes.load(ordering: .relaxed) > 2)
        let copy = try restore(staged)
        #expect(try copy.rows("PRAGMA integrity_check") == ["ok"])
        #expect(try copy.rows(everything) == before)
        #expect(try source.rows(everything) != before)
    }

    @Test("Freed pages, an empty schema and a database of one page are copied too")
    func small() async throws {
        let path = folder.file("small.db")
        let source = try Database(path)
        try source.run("CREATE TABLE t(a); DROP TABLE t; PRAGMA user_version = 7")
        let copy = try restore(await pipeline.dump(target(path), run: "run", key: key) { _ in })
        #expect(try copy.rows("PRAGMA integrity_check") == ["ok"])
        #expect(try copy.rows("PRAGMA user_version") == ["7"])
    }

    @Test("What is no SQLite database is refused with the reason")
    func refusals() async throws {
        try Data("hello, this is text".utf8).write(to: URL(fileURLWithPath: folder.file("text")))
        try Data().write(to: URL(fileURLWithPath: folder.file("empty")))
        for (path, problem) in [
            (folder.file("none.db"), "No such file or directory"), (folder.path, "not a regular file"),
            (folder.file("text"), "not a SQLite database, or an encrypted one"),
            (folder.file("empty"), "the file is empty"),
        ] {
            await #expect(throws: RunFailure("pipeline: validate stage: sqlite: \(path): \(problem)")) {
                try await pipeline.validate(target(path))
            }
        }
        await #expect(throws: RunFailure("pipeline: validate stage: sqlite: the target names no database file")) {
            try await pipeline.validate(target(""))
        }
        await #expect(throws: RunFailure("pipeline: no driver registered for db_type=redis")) {
            try await pipeline.validate(.init(type: "redis", database: ""))
        }
    }

    @Test("A database locked by its application is waited for until the run is stopped, which leaves nothing behind")
    func locked() async throws {
        let path = folder.file("locked.db")
        let source = try Database(path)
        try fill(source, rows: 10)
        try source.run("BEGIN EXCLUSIVE")
        let pipeline = pipeline
        let key = key
        let target = target(path)
        let began = AsyncStream.makeStream(of: Void.self)
        let task = Task { try await pipeline.dump(target, run: "run", key: key) { _ in began.continuation.yield() } }
        // The first progress report comes from the wait for the lock.
        for await _ in began.stream { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("staging")) == [])
    }

    @Test("Pages out of order are put in order, a gap is not papered over, and the lock page reads as zeros")
    func order() throws {
        var seen: [UInt8] = []
        let order = PageOrder(firstPage: [1, 1]) { seen.append(contentsOf: $0) }
        func accept(_ byte: UInt8, at offset: Int64) -> Bool {
            [byte, byte].withUnsafeBytes { order.accept($0, at: offset) }
        }
        #expect(accept(2, at: 2))
        #expect(accept(4, at: 6))
        #expect(accept(3, at: 4))
        #expect(seen == [1, 1, 2, 2, 3, 3, 4, 4])
        try order.finish(byteCount: 8)
        #expect(throws: PageOrder.Disorder.self) { try order.finish(byteCount: 10) }
        #expect(!accept(9, at: 2))
        #expect(order.failure != nil)
    }
}
