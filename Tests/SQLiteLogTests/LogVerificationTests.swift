import CSQLite
import Core
import Digests
import Engine
import Foundation
import Testing

@testable import SQLiteLog

@Suite("Verifying a log")
struct LogVerificationTests {
    /// A log of commits 1-3, 4-5, 6-9.
    private func makeLog() throws -> (TemporaryDirectory, LogHead) {
        let directory = try TemporaryDirectory()
        var log = try SQLiteEventLog(directory: directory.path)
        var feed = Feed()
        try feed.commit(
            [["engine", "agent/a", "agent/a"], ["agent/a", "run/1"], ["run/1", "run/1", "agent/a", "engine"]], to: &log)
        return (directory, log.head)
    }

    private func verify(_ directory: TemporaryDirectory) throws -> LogReport {
        try SQLiteLogReader(directory: directory.path).verify()
    }

    @Test("A sound log is reported with its size and last link")
    func sound() throws {
        let (directory, head) = try makeLog()
        #expect(
            try verify(directory)
                == LogReport(entryCount: 9, commitCount: 3, link: head.link, lastRecordedAt: head.recordedAt))
    }

    @Test(
        "Tampering is found, and its position named",
        arguments: [
            ("UPDATE entries SET body = x'00' || substr(body, 2) WHERE position = 4", 4),
            ("UPDATE entries SET recorded_at = recorded_at + 1 WHERE position = 2", 2),
            ("UPDATE entries SET stream = 'agent/b' WHERE position = 3", 3),
            ("UPDATE entries SET revision = revision + 1 WHERE position = 6", 6),
            ("UPDATE entries SET cause = 0 WHERE position = 1", 1),
            ("UPDATE entries SET cause = NULL WHERE position = 8", 8),
            ("UPDATE entries SET kind = 'frame.heartbeaT' WHERE position = 9", 9),
            ("UPDATE entries SET kind = CAST(kind AS BLOB) WHERE position = 9", 9),
            ("UPDATE entries SET crc = crc + 1 WHERE position = 5", 5),
            ("UPDATE entries SET crc = crc + 4294967296 WHERE position = 5", 5),
            ("UPDATE entries SET position = 100 WHERE position = 9", 9),
            ("UPDATE entries SET position = -1 WHERE position = 1", 1),
            ("DELETE FROM entries WHERE position = 5", 5),
            ("DELETE FROM entries WHERE position = 1", 1),
            ("DELETE FROM entries WHERE position >= 6", 6),
            ("DELETE FROM entries", 1),
            ("DELETE FROM commits WHERE last_position = 5", 4),
            ("DELETE FROM commits WHERE last_position = 9", 6),
            ("UPDATE commits SET link = zeroblob(32) WHERE last_position = 5", 4),
            ("UPDATE commits SET link = x'00' WHERE last_position = 5", 4),
            ("UPDATE commits SET first_position = 5 WHERE last_position = 5", 4),
            (
                """
                UPDATE entries SET position = 20 WHERE position = 6; UPDATE entries SET position = 6 WHERE position = 7;
                UPDATE entries SET position = 7 WHERE position = 20
                """, 6
            ),
            (
                "INSERT INTO entries SELECT 10, recorded_at, stream, 3, cause, kind, body, crc FROM entries WHERE position = 9",
                10
            ),
            (
                "INSERT OR REPLACE INTO entries SELECT 3, recorded_at, stream, revision, cause, kind, body, crc FROM entries WHERE position = 2",
                3
            ),
        ])
    func tampering(sql: String, position: UInt64) throws {
        let (directory, _) = try makeLog()
        try tamper(directory.file("log.sqlite"), sql)
        #expect(try damagedPosition { _ = try verify(directory) } == position)
        // What is before stays readable, and the tail is not accepted for writing.
        if position > 1 {
            let reader = try SQLiteLogReader(directory: directory.path)
            #expect(try reader.read(after: .start, limit: Int(position) - 1).count == Int(position) - 1)
        }
        #expect(try damagedPosition { _ = try SQLiteEventLog(directory: directory.path) } == position)
    }

    @Test(
        "An index of streams that leaves something out or adds something is found",
        arguments: [
            "DELETE FROM streams WHERE stream = 'engine'", "DELETE FROM blocks WHERE stream = 'engine'",
            "UPDATE streams SET revision = 2, last_position = 3 WHERE stream = 'agent/a'",
            "INSERT INTO blocks VALUES (5, 'run/9', x'00')",
            // The last stream of its block: as a blob, too, it stands where it stood.
            "UPDATE blocks SET stream = CAST(stream AS BLOB) WHERE stream = 'run/1'",
        ])
    func index(sql: String) throws {
        let directory = try TemporaryDirectory()
        // The third commit indexes the five entries before it.
        var log = try SQLiteEventLog(directory: directory.path, vfs: nil, blockEntryCount: 4)
        var feed = Feed()
        try feed.commit([["engine", "agent/a", "agent/a"], ["agent/a", "run/1"], ["run/1"]], to: &log)
        _ = try verify(directory)
        try tamper(directory.file("log.sqlite"), sql)
        #expect(try damagedPosition { _ = try verify(directory) } == 5)
    }

    @Test("A file whose pages do not add up is found, though every entry reads well")
    func structure() throws {
        let (directory, _) = try makeLog()
        let file = directory.file("log.sqlite")
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
        // The count of free pages. Source: SQLite documentation, “Database File Format”, 1.3.
        bytes[39] = 3
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        #expect(try SQLiteLogReader(directory: directory.path).read(after: .start, limit: 20).count == 9)
        #expect(try damagedPosition { _ = try verify(directory) } == 10)
    }

    @Test("An entry that was replaced together with its checksum is found by the link")
    func forged() throws {
        let (directory, _) = try makeLog()
        try replace(4, in: directory) { $0.body = [1, 2, 3] }
        #expect(try damagedPosition { _ = try verify(directory) } == 4)
    }

    @Test("A forged commit whose links fit is found by revisions and times")
    func forgedCommits() throws {
        for change in [
            { (entry: inout EncodedEntry) in entry.revision = entry.revision.next },
            { (entry: inout EncodedEntry) in entry.recordedAt = Timestamp(milliseconds: 5) },
        ] {
            let (directory, head) = try makeLog()
            var feed = Feed(after: head)
            feed.revisions[stream("run/1")] = Revision(3)
            var entry = feed.batch(["run/1"]).entries[0]
            change(&entry)
            var batch = Batch(after: head.link)
            batch.append(entry)
            let connection = try Connection(path: directory.file("log.sqlite"), mode: .readWrite)
            try insert(batch, connection)
            let commit = try connection.prepare("forge", "INSERT INTO commits VALUES (10, 10, ?)")
            commit.bind(1, bytes: batch.link().bytes)
            try commit.run()
            #expect(try damagedPosition { _ = try verify(directory) } == 10)
        }
    }

    @Test("A flipped byte anywhere in the file is found, or is in no part of the log")
    func flippedBytes() async throws {
        let (directory, head) = try makeLog()
        let path = directory.file("log.sqlite")
        let sound = try Data(contentsOf: URL(fileURLWithPath: path))
        let kept = try SQLiteLogReader(directory: directory.path).read(after: .start, limit: 100)
        var foundCount = 0
        for offset in stride(from: 100, to: sound.count, by: 37) {
            await Task.yield()  // others want the thread too
            var bytes = sound
            bytes[offset] ^= 0x41
            try bytes.write(to: URL(fileURLWithPath: path))
            do {
                let reader = try SQLiteLogReader(directory: directory.path)
                #expect(try reader.verify().link == head.link)
                #expect(try reader.read(after: .start, limit: 100) == kept)
            } catch {
                switch error {
                case .damaged, .unusable, .failed: foundCount += 1
                case .full, .locked: Issue.record("byte \(offset): \(error)")
                }
            }
        }
        #expect(foundCount > 10)
    }

    @Test("A page that SQLite cannot read is damage at the position reached")
    func corruptPage() throws {
        let directory = try TemporaryDirectory()
        do {
            var log = try SQLiteEventLog(directory: directory.path)
            var feed = Feed()
            for _ in 0..<10 { try feed.commit([(0..<100).map { "agent/\($0)" }], to: &log) }
        }
        let path = directory.file("log.sqlite")
        let connection = try Connection(path: path, mode: .readOnly)
        let page = try #require(
            try connection.number("find a page", "SELECT max(pageno) FROM dbstat WHERE name = 'entries'"))
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for offset in 0..<8_192 { bytes[Int(page - 1) * 8_192 + offset] = 0xA5 }
        try bytes.write(to: URL(fileURLWithPath: path))
        let position = try #require(try damagedPosition { _ = try verify(directory) })
        #expect(position > 500)
        let reader = try SQLiteLogReader(directory: directory.path)
        #expect(try reader.read(after: .start, limit: Int(position) - 1).count == Int(position) - 1)
        #expect(try damagedPosition { _ = try reader.read(after: .start, limit: 10_000) } == position)
    }

    @Test("Revisions of more streams than are kept in memory are checked too")
    func manyStreams() throws {
        let directory = try TemporaryDirectory()
        var log = try SQLiteEventLog(directory: directory.path)
        var feed = Feed()
        for round in 0..<70 {
            try feed.commit([(0..<1_000).map { "run/\(round * 1_000 + $0)" }], to: &log)
        }
        try feed.commit([["run/0", "run/69999", "run/0"]], to: &log)
        #expect(try verify(directory).entryCount == 70_003)
        #expect(try log.lastRevision(of: stream("run/0")) == Revision(3))
    }

    private func replace(
        _ position: UInt64, in directory: TemporaryDirectory, _ change: (inout EncodedEntry) -> Void
    ) throws {
        var entry = try SQLiteLogReader(directory: directory.path).read(after: Position(position - 1), limit: 1)[0]
        change(&entry)
        var batch = Batch(after: Batch.linkBeforeFirst)
        batch.append(entry)
        try tamper(directory.file("log.sqlite"), "DELETE FROM entries WHERE position = \(position)")
        let connection = try Connection(path: directory.file("log.sqlite"), mode: .readWrite)
        try insert(batch, connection)
    }

    private func insert(_ batch: Batch, _ connection: Connection) throws {
        let lending = BatchLending()
        try lending.register(on: connection)
        let statement = try connection.prepare("forge", "INSERT INTO entries SELECT * FROM \(BatchLending.table)")
        try lending.lend(batch) { () throws(SQLiteFailure) in try statement.run() }
        #expect(connection.changedCount == 1)
    }
}
