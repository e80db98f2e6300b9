import CSQLite
import Core
import Engine
import Foundation
import Testing

@testable import SQLiteLog

@Suite("The log in SQLite")
struct SQLiteEventLogTests {
    @Test("Commits are synchronized, pages have 8 KiB, deleted content is not overwritten")
    func settings() throws {
        let directory = try TemporaryDirectory()
        let log = try SQLiteEventLog(directory: directory.path)
        #expect(try log.setting("synchronous") == 2)
        #expect(try log.setting("page_size") == 8_192)
        #expect(try log.setting("secure_delete") == 0)
        #expect(try log.setting("application_id") == LogSchema.applicationID)
        #expect(try log.setting("user_version") == Int64(LogSchema.migrations.count))
    }

    @Test(
        "Entries and commits are never changed or deleted",
        arguments: [
            "UPDATE entries SET body = x'00' WHERE position = 1", "DELETE FROM entries WHERE position = 2",
            "UPDATE commits SET link = x'00'", "DELETE FROM commits",
            "UPDATE entries SET position = 9 WHERE position = 1",
        ])
    func appendOnly(sql: String) throws {
        let directory = try TemporaryDirectory()
        var log = try SQLiteEventLog(directory: directory.path)
        var feed = Feed()
        let entries = try feed.commit([["engine", "agent/a"]], to: &log)
        let other = try Connection(path: directory.file("log.sqlite"), mode: .readWrite)
        do {
            try other.execute("tamper", sql)
            Issue.record("it was not refused")
        } catch {
            #expect(error.message.contains("append-only"))
        }
        #expect(try log.read(after: .start, limit: 10) == entries)
    }

    @Test("A full disk refuses the commit whole, and the log goes on once there is room")
    func full() throws {
        let directory = try TemporaryDirectory()
        var feed = Feed()
        do {
            let log = try SQLiteEventLog(directory: directory.path, vfs: nil, pageLimit: 24)
            var lastHead = log.head
            var refusal: LogError?
            while refusal == nil {
                let before = feed
                let batch = feed.batch((0..<50).map { "agent/\($0)" }, byteCount: 300)
                do {
                    try log.commit(batch)
                    lastHead = log.head
                } catch {
                    refusal = error
                    feed = before
                }
            }
            #expect(refusal == .full(path: directory.file("log.sqlite")))
            #expect(log.head == lastHead)
            #expect(try log.makeReader().lastPosition() == lastHead.position)
            // Usable: what is smaller still finds room, or is refused in the same way.
            do {
                let small = feed
                try log.commit(feed.batch(["agent/1"], byteCount: 1))
                lastHead = log.head
                _ = small
            } catch {
                #expect(error == .full(path: directory.file("log.sqlite")))
                feed = Feed(after: lastHead)
            }
        }
        var log = try SQLiteEventLog(directory: directory.path)
        let head = log.head
        var next = Feed(after: head)
        try next.commit([["engine"]], to: &log)
        #expect(try SQLiteLogReader(directory: directory.path).verify().entryCount == head.position.number + 1)
    }

    @Test("A reader works beside the writer, after it, and where nothing may be written")
    func readers() throws {
        let directory = try TemporaryDirectory()
        var feed = Feed()
        var entries: [EncodedEntry] = []
        do {
            var log = try SQLiteEventLog(directory: directory.path)
            entries += try feed.commit([["engine"]], to: &log)
            let reader = try SQLiteLogReader(directory: directory.path)
            entries += try feed.commit([["agent/a"]], to: &log)
            #expect(try reader.read(after: .start, limit: 10) == entries)
        }
        #expect(try SQLiteLogReader(directory: directory.path).read(after: .start, limit: 10) == entries)
        let copy = try TemporaryDirectory()
        let files = FileManager.default
        try files.copyItem(atPath: directory.file("log.sqlite"), toPath: copy.file("log.sqlite"))
        #expect(try SQLiteLogReader(directory: copy.path).verify().entryCount == 2)
    }

    @Test("What cannot be opened says why")
    func unusable() throws {
        let directory = try TemporaryDirectory()
        #expect(problem { _ = try SQLiteLogReader(directory: directory.path) }.contains("no such file"))
        try Data("nonsense, but long enough to be taken for a database's header".utf8)
            .write(to: URL(fileURLWithPath: directory.file("log.sqlite")))
        #expect(problem { _ = try SQLiteEventLog(directory: directory.path) }.contains("not a database"))

        let foreign = try TemporaryDirectory()
        try Connection(path: foreign.file("log.sqlite"), mode: .readWrite).execute("make", "CREATE TABLE t(a)")
        #expect(problem { _ = try SQLiteEventLog(directory: foreign.path) }.contains("not a Backupy log"))

        let newer = try TemporaryDirectory()
        _ = try SQLiteEventLog(directory: newer.path)
        try tamper(newer.file("log.sqlite"), "PRAGMA user_version=99")
        #expect(problem { _ = try SQLiteEventLog(directory: newer.path) }.contains("newer version"))
        #expect(problem { _ = try SQLiteLogReader(directory: newer.path) }.contains("newer version"))

        #expect(problem { _ = try SQLiteEventLog(directory: "/dev/null/data") }.contains("cannot be created"))
        #expect(problem { _ = try SQLiteEventLog(directory: "/proc/self") }.contains("cannot be opened"))
    }

    private func problem(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "opened"
        } catch let LogError.unusable(_, problem) {
            return problem
        } catch {
            return "other error: \(error)"
        }
    }
}

extension SQLiteEventLog {
    fileprivate func setting(_ name: String) throws -> Int64? { try connection.number("read", "PRAGMA \(name)") }
}
