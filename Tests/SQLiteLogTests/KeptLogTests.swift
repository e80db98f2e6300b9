import Core
import Engine
import Foundation
import Recordings
import SQLiteLog
import Testing
import Wire

/// What released builds wrote is read, folded and decided again by this one. See `Replays/logs/README.md`.
@Suite("Logs of released builds")
struct KeptLogTests {
    @Test("There is one of each number of rules that was released")
    func present() { #expect(KeptLog.names == (2..<Fleet.rules).map { "rules-\($0)" }) }

    @Test("It verifies, and every entry says today what it said then", arguments: KeptLog.names)
    func reads(name: String) throws {
        let kept = try KeptLog(name)
        let entries = try kept.entries(FleetCodec())
        #expect(try kept.reader.verify().entryCount == UInt64(entries.count))
        #expect(entries.count == (try kept.golden["entries"] as? Int))
        #expect(Set(entries.map(\.kind)).count >= 50, "a log with little in it proves little")
        var state = Fleet.initial
        for entry in entries {
            // What the entry does not hold, because no one knew of it then, has its old meaning: written anew it is
            // still not there, and reads the same.
            let bytes = FleetCodec().encode(entry.message)
            #expect(try FleetCodec().decode(bytes, kind: entry.kind) == entry.message, "at \(entry.position)")
            #expect(Fleet.describe(entry.message, in: state).kind == entry.kind, "at \(entry.position)")
            _ = Fleet.fold(entry, into: &state)
        }
    }

    @Test("It folds to what it came to then: only the digest is another", arguments: KeptLog.names)
    func folds(name: String) throws {
        let kept = try KeptLog(name)
        var then = try kept.golden
        for member in ["digest", "rules"] { #expect(then.removeValue(forKey: member) != nil) }
        let now = try object(ReplaySummary(of: kept.reader).json)
        #expect(differences(now, then, at: "") == [])
    }

    @Test("What other rules decide otherwise is a difference, and no error", arguments: KeptLog.names)
    func decides(name: String) throws {
        let kept = try KeptLog(name)
        var check = ReplayCheck<Fleet>()
        try check.run(kept.reader, codec: FleetCodec())
        #expect(check.errorCount == 0, "\(check.divergences.prefix(3).map(\.description))")
        #expect(check.decisionCount > 100)
        let rules = try #require(kept.golden["rules"] as? Int)
        if rules == Int(Fleet.rules) { #expect(check.diffCount == 0) }
        for divergence in check.divergences { #expect(divergence.isDecisionDiff && divergence.rules == UInt32(rules)) }
    }

    @Test(
        "Its snapshot is passed over where the state has another version, and the log is folded",
        arguments: KeptLog.names)
    func snapshot(name: String) throws {
        let kept = try KeptLog(name)
        let store = SnapshotDirectory(path: kept.directory.file(SnapshotDirectory.folderName))
        let position = try #require(try store.positions().first)
        let last = try kept.reader.lastPosition()
        #expect(position <= last)
        let snapshot = try Snapshot(try store.read(position))
        let snapshots = Snapshots<Fleet, FleetCodec>(store: store, codec: FleetCodec())
        let isOurs = snapshot.header.stateVersion == UInt32(StateDigest.version) && snapshot.header.rules == Fleet.rules
        #expect((snapshots.restore(from: kept.reader) != nil) == isOurs)
        // The engine's own way to its state, through the log as it opens it for writing.
        let kernel = try Kernel<Fleet, SQLiteEventLog, FleetCodec>(
            log: SQLiteEventLog(directory: kept.directory.path), codec: FleetCodec(),
            start: FoldStart { snapshots.restore(from: $0) })
        #expect(kernel.folded.position == last)
        #expect(try StateDigest(of: kernel.state) == ReplaySummary(of: kept.reader).digest)
    }

    @Test("The log of an agent verifies, folds, and is decided again the same", arguments: KeptLog.names)
    func station(name: String) throws {
        let kept = try KeptLog(name, part: "agent")
        let entries = try kept.entries(StationCodec())
        #expect(try kept.reader.verify().entryCount == UInt64(entries.count))
        #expect(Set(entries.map(\.kind)).count >= 15, "a log with little in it proves little")
        var check = ReplayCheck<Station> { message in
            if case .started(_, let rules) = message { rules } else { nil }
        }
        for entry in entries {
            let bytes = StationCodec().encode(entry.message)
            #expect(try StationCodec().decode(bytes, kind: entry.kind) == entry.message, "at \(entry.position)")
            check.add(entry)
        }
        check.finish()
        #expect(check.errorCount == 0, "\(check.divergences.prefix(3).map(\.description))")
        #expect(check.decisionCount > 10)
    }
}

/// A copy of a kept log: SQLite writes beside what it reads.
private struct KeptLog {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Replays/logs")

    static let names: [String] = {
        let found = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return found.filter { $0.hasPrefix("rules-") }.sorted()
    }()

    let directory: TemporaryDirectory
    let reader: SQLiteLogReader
    private let source: URL

    /// - Parameter part: a folder within it; empty for the control plane's own log.
    init(_ name: String, part: String = "") throws {
        source = Self.folder.appending(path: name)
        directory = try TemporaryDirectory(inMemory: true)
        let files = FileManager.default
        let folder = part.isEmpty ? source : source.appending(path: part)
        try files.copyItem(atPath: folder.appending(path: "log.sqlite").path, toPath: directory.file("log.sqlite"))
        let snapshots = try files.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".snapshot") }
        if !snapshots.isEmpty {
            let target = directory.file(SnapshotDirectory.folderName)
            try files.createDirectory(atPath: target, withIntermediateDirectories: false)
            for name in snapshots {
                try files.copyItem(atPath: folder.appending(path: name).path, toPath: target + "/" + name)
            }
        }
        reader = try SQLiteLogReader(directory: directory.path)
    }

    /// What the build that wrote it said that it comes to.
    var golden: [String: Any] {
        get throws { try object(String(contentsOf: source.appending(path: "golden.json"), encoding: .utf8)) }
    }

    func entries<MessageCodec: Codec>(_ codec: MessageCodec) throws -> [Entry<MessageCodec.Message>] {
        var entries: [Entry<MessageCodec.Message>] = []
        while case let page = try reader.read(after: entries.last?.position ?? .start, limit: 1_000), !page.isEmpty {
            entries += try page.map { try codec.decode($0) }
        }
        return entries
    }
}

private func object(_ json: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
}

/// Where a result is not what it was; members that came later are none of that.
private func differences(_ now: Any?, _ then: Any, at path: String) -> [String] {
    switch (now, then) {
    case (let now as [String: Any], let then as [String: Any]):
        then.sorted { $0.key < $1.key }.flatMap { differences(now[$0.key], $0.value, at: "\(path).\($0.key)") }
    case (let now as [Any], let then as [Any]) where now.count == then.count:
        zip(now, then).enumerated().flatMap { differences($1.0, $1.1, at: "\(path)[\($0)]") }
    case (let now as NSObject, let then as NSObject) where now == then: []
    default: ["\(path): \(now ?? "nothing"), and it was \(then)"]
    }
}
