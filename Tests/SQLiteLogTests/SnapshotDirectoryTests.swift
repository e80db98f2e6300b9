import Core
import Digests
import Engine
import Foundation
import Testing

@testable import SQLiteLog

@Suite("Snapshots as files")
struct SnapshotDirectoryTests {
    private let directory: TemporaryDirectory
    private let store: SnapshotDirectory
    private var folder: String { directory.file("snapshots") }

    init() throws {
        directory = try TemporaryDirectory()
        store = SnapshotDirectory(path: directory.file("snapshots"))
    }

    private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }

    @Test("a folder that is not there holds none")
    func none() throws {
        #expect(try store.positions() == [])
        #expect(throws: SnapshotError.self) { try store.read(Position(1)) }
    }

    @Test("the two newest stay, under names that sort, and what was read is what was written")
    func keeps() throws {
        for number in [5, 900, 1_000_000] as [UInt64] {
            try store.write(Array("\(number)".utf8), at: Position(number))
        }
        #expect(try store.positions() == [Position(1_000_000), Position(900)])
        #expect(try names() == ["00000000000000000900.snapshot", "00000000000001000000.snapshot"])
        #expect(try store.read(Position(900)) == Array("900".utf8))
        let mode = try FileManager.default.attributesOfItem(atPath: folder + "/00000000000000000900.snapshot")
        #expect(mode[.posixPermissions] as? Int == 0o600)
    }

    @Test("one beyond the newest is another log's, and goes with the next one; so does what was not finished")
    func replaces() throws {
        try store.write([1], at: Position(50))
        try store.write([2], at: Position(70))
        try Data([9]).write(to: URL(fileURLWithPath: folder + "/00000000000000000060.snapshot.unfinished"))
        try Data([9]).write(to: URL(fileURLWithPath: folder + "/notes.txt"))
        #expect(try store.positions() == [Position(70), Position(50)])
        try store.write([3], at: Position(60))
        #expect(try store.positions() == [Position(60), Position(50)])
        #expect(try names().filter { !$0.hasSuffix(".snapshot") } == ["notes.txt"])
    }

    @Test("a folder that cannot be written gives an error, and what was there stays")
    func unwritable() throws {
        try store.write([1], at: Position(50))
        try FileManager.default.createDirectory(
            atPath: folder + "/00000000000000000060.snapshot.unfinished", withIntermediateDirectories: false)
        #expect(throws: SnapshotError.self) { try store.write([2], at: Position(60)) }
        #expect(try store.positions() == [Position(50)])
        #expect(try store.read(Position(50)) == [1])
    }

    @Test("a log names the commit at or before each position")
    func commits() throws {
        let log = try SQLiteEventLog(directory: directory.path)
        var feed = Feed()
        var ends: [CommitEnd] = []
        for size in [1, 3, 2] {
            try log.commit(feed.batch((0..<size).map { "agent/\($0)" }))
            ends.append(CommitEnd(position: log.head.position, link: log.head.link))
        }
        let reader = try log.makeReader()
        #expect(try reader.commit(upTo: .start) == .start)
        for (position, place) in [(1, 0), (2, 0), (3, 0), (4, 1), (5, 1), (6, 2), (7, 2), (UInt64.max, 2)] {
            #expect(try reader.commit(upTo: Position(UInt64(position))) == ends[place], "\(position)")
            #expect(try log.commit(upTo: Position(UInt64(position))) == ends[place], "\(position)")
        }
    }
}
