import Core
import Engine
import Foundation
import Recordings
import SQLiteLog
import Testing
import Wire

@testable import ControlPlane

/// See `Replays/logs/README.md`; `KeptLogTests` looks at the same logs without a server.
@Suite("Upgrades", .serialized)
struct UpgradeTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Replays/logs")

    static let names: [String] = {
        let found = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return found.filter { $0.hasPrefix("rules-") }.sorted()
    }()

    @Test(
        "A log of a released build is taken up, goes on under this build's rules, and is sound after that",
        arguments: names)
    func takenUp(name: String) async throws {
        let directory = Plant.temporaryPath()
        defer { try? removeDirectory(directory) }
        let files = FileManager.default
        let snapshots = directory + "/" + SnapshotDirectory.folderName
        try files.createDirectory(atPath: snapshots, withIntermediateDirectories: true)
        let source = Self.folder.appending(path: name)
        try files.copyItem(atPath: source.appending(path: "log.sqlite").path, toPath: directory + "/log.sqlite")
        for file in try files.contentsOfDirectory(atPath: source.path) where file.hasSuffix(".snapshot") {
            try files.copyItem(atPath: source.appending(path: file).path, toPath: snapshots + "/" + file)
        }
        let before = try Plant.reader(directory).lastPosition()

        let plane = ControlPlane(configuration: Plant.configuration(directory), logger: Plant.quiet)
        try await plane.start()
        let running = try #require(plane.running)
        try await running.engine.submit(.faulted("a first entry of the newer build"))
        #expect(running.check.difference == nil)
        await plane.stop()

        let reader = try Plant.reader(directory)
        #expect(try reader.verify().entryCount > before.number)
        var check = ReplayCheck<Fleet>()
        try check.run(reader, codec: FleetCodec())
        #expect(check.errorCount == 0, "\(check.divergences.prefix(3).map(\.description))")
        let first = try #require(try reader.read(after: before, limit: 1).first)
        guard case .started(let start) = try FleetCodec().decode(first).message else {
            Issue.record("the first entry behind the former ones is \(first.kind)")
            return
        }
        #expect(start.rules == Fleet.rules)
        // The snapshot that this build leaves behind is its own.
        let store = SnapshotDirectory(path: snapshots)
        let newest = try #require(try store.positions().first)
        #expect(newest > before)
        #expect(try Snapshot(try store.read(newest)).header.rules == Fleet.rules)
    }
}
