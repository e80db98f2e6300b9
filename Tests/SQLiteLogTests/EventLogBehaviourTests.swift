import Core
import Engine
import Testing

@testable import SQLiteLog

/// The logs that must behave alike, each with what makes it durable.
enum Medium: CaseIterable, CustomTestStringConvertible {
    case memory, sqlite

    var testDescription: String { "\(self)" }

    func make() throws -> any Reopening {
        switch self {
        case .memory: MemoryMedium()
        case .sqlite: SQLiteMedium(directory: try TemporaryDirectory())
        }
    }
}

/// Opens the same log again and again.
protocol Reopening {
    func open() throws -> any EventLog
}

struct MemoryMedium: Reopening {
    let disk = MemoryDisk()
    func open() throws -> any EventLog { try MemoryLog(disk: disk) }
}

struct SQLiteMedium: Reopening {
    let directory: TemporaryDirectory
    func open() throws -> any EventLog { try SQLiteEventLog(directory: directory.path) }
}

@Suite("What every event log does")
struct EventLogBehaviourTests {
    @Test("An empty log stands before the first position", arguments: Medium.allCases)
    func empty(medium: Medium) throws {
        let log = try medium.make().open()
        #expect(log.head == LogHead(position: .start, recordedAt: nil, link: Batch.linkBeforeFirst))
        #expect(try log.read(after: .start, limit: 10).isEmpty)
        #expect(try log.lastPosition() == .start)
        #expect(try log.lastRevision(of: .engine) == .none)
        #expect(try log.read(stream: .engine, after: .start, limit: 10).isEmpty)
    }

    @Test("What was committed is read back whole, by log and readers", arguments: Medium.allCases)
    func readBack(medium: Medium) throws {
        let medium = try medium.make()
        var log = try medium.open()
        var feed = Feed()
        var entries: [EncodedEntry] = []
        for streams in [["engine"], ["agent/a", "agent/b", "agent/a"], ["run/ü", "agent/a"]] {
            let batch = feed.batch(streams)
            entries += batch.entries
            try log.commit(batch)
        }
        // Bodies may be empty, and kinds and streams any text.
        var odd = Batch(after: feed.head.link)
        odd.append(
            EncodedEntry(
                position: Position(7), recordedAt: entries[5].recordedAt, stream: stream(""), revision: Revision(1),
                cause: nil,
                kind: "", body: []))
        try log.commit(odd)
        entries += odd.entries
        let reader = try log.makeReader()
        #expect(try log.read(after: .start, limit: 100) == entries)
        #expect(try reader.read(after: .start, limit: 100) == entries)
        #expect(try reader.read(after: Position(2), limit: 3) == Array(entries[2..<5]))
        #expect(try reader.read(after: Position(7), limit: 3).isEmpty)
        #expect(try reader.read(after: Position(.max), limit: 3).isEmpty)
        #expect(try reader.lastPosition() == Position(7))
        let ofA = entries.filter { $0.stream == stream("agent/a") }
        #expect(try log.read(stream: stream("agent/a"), after: .start, limit: 100) == ofA)
        #expect(try reader.read(stream: stream("agent/a"), after: ofA[0].position, limit: 1) == [ofA[1]])
        #expect(try reader.read(stream: stream("agent/"), after: .start, limit: 100).isEmpty)
        #expect(try log.lastRevision(of: stream("agent/a")) == Revision(3))
        #expect(log.head == LogHead(position: Position(7), recordedAt: entries[6].recordedAt, link: odd.link()))
    }

    @Test("A read ends after about 16 MiB, with one entry at least, and goes on behind it", arguments: Medium.allCases)
    func largeEntries(medium: Medium) throws {
        let medium = try medium.make()
        var log = try medium.open()
        var entries: [EncodedEntry] = []
        for (number, byteCount) in zip(UInt64(1)..., [8 << 20, 8 << 20, 17 << 20, 10]) {
            var batch = Batch(after: log.head.link)
            batch.append(
                EncodedEntry(
                    position: Position(number), recordedAt: Timestamp(milliseconds: 1), stream: stream("agent/a"),
                    revision: Revision(number), cause: nil, kind: "k", body: .init(repeating: 1, count: byteCount)))
            entries += batch.entries
            try log.commit(batch)
        }
        func pages(_ read: (Position) throws -> [EncodedEntry]) throws -> [Int] {
            var pages: [[EncodedEntry]] = []
            while true {
                let page = try read(pages.last?.last?.position ?? .start)
                if page.isEmpty { break }
                pages.append(page)
            }
            #expect(pages.flatMap { $0 } == entries)
            return pages.map(\.count)
        }
        let reader = try log.makeReader()
        #expect(try pages { try reader.read(after: $0, limit: 100) } == [2, 1, 1])
        #expect(try pages { try reader.read(stream: stream("agent/a"), after: $0, limit: 100) } == [2, 1, 1])
    }

    @Test("A log that was abandoned opens where its last commit left it", arguments: Medium.allCases)
    func reopening(medium: Medium) throws {
        let medium = try medium.make()
        var feed = Feed()
        var entries: [EncodedEntry] = []
        for round in 0..<5 {
            var log = try medium.open()
            #expect(log.head == feed.head)
            #expect(try log.lastRevision(of: stream("agent/a")) == Revision(UInt64(round) * 2))
            let batch = feed.batch(["agent/a", "run/\(round)", "agent/a"])
            entries += batch.entries
            try log.commit(batch)
            _ = feed.batch(["agent/lost"])  // made, never committed
            feed = Feed(after: log.head)
            feed.revisions[stream("agent/a")] = Revision(UInt64(round) * 2 + 2)
        }
        #expect(try medium.open().read(after: .start, limit: 100) == entries)
    }

    @Test("A second writer is refused while the first one lives", arguments: Medium.allCases)
    func secondWriter(medium: Medium) throws {
        let medium = try medium.make()
        do {
            let log = try medium.open()
            #expect {
                _ = try medium.open()
            } throws: { error in
                if case .locked? = error as? LogError { true } else { false }
            }
            #expect(log.head.position == .start)
        }
        _ = try medium.open()
    }

    @Test("Streams are found across blocks, in the tail, and after reopening", arguments: Medium.allCases)
    func streams(medium: Medium) throws {
        let medium = try medium.make()
        var entries: [EncodedEntry] = []
        do {
            var log = try medium.open()
            var feed = Feed()
            // Three blocks and a tail: a stream in all of them, one in the first and the last, one in the tail only.
            for round in 0..<54 {
                var streams = (0..<1_000).map { "agent/\($0 % 7)" }
                if round == 0 || round == 52 { streams[500] = "run/rare" }
                if round == 53 { streams[999] = "run/late" }
                let batch = feed.batch(streams, byteCount: 3)
                entries += batch.entries
                try log.commit(batch)
            }
            try check(log)
        }
        try check(medium.open())

        func check(_ log: any EventLog) throws {
            for name in ["agent/3", "run/rare", "run/late"] {
                let stream = stream(name)
                let all = entries.filter { $0.stream == stream }
                #expect(try log.read(stream: stream, after: .start, limit: .max) == all)
                #expect(try log.makeReader().read(stream: stream, after: .start, limit: .max) == all)
                #expect(try log.lastRevision(of: stream) == Revision(UInt64(all.count)))
                let middle = all[all.count / 2].position
                let behind = Array(all.filter { $0.position > middle }.prefix(700))
                #expect(try log.read(stream: stream, after: middle, limit: 700) == behind)
            }
        }
    }
}
