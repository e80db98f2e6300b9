import Core
import Engine
import Testing

@testable import Simulation

/// Goal: a process that starts from a snapshot and the tail goes on exactly as one that has folded the whole log.
/// Method: the same worlds, with all their restarts, once with and once without snapshots; and every log cut everywhere.
struct SnapshotWorldTests {
    @Test("Snapshots change nothing: the same entries, to the last link")
    func changeNothing() throws {
        let startCounts = try (UInt64(0)..<8).map { try startCount(seed: $0) }
        #expect(startCounts.reduce(0, +) > 2 * startCounts.count)
    }

    /// Compares two worlds of a seed.
    private func startCount(seed: UInt64) throws -> Int {
        func grow(keepsSnapshots: Bool) throws -> World {
            var plan = Plan(seed: seed, span: .minutes(30))
            plan.keepsSnapshots = keepsSnapshots
            plan.keepsLog = true
            var world = World(plan)
            try world.settle()
            return world
        }
        let (with, without) = (try grow(keepsSnapshots: true), try grow(keepsSnapshots: false))
        #expect(with.describe == without.describe)
        #expect(try with.server.disk.entries(after: .start) == without.server.disk.entries(after: .start))
        #expect(!with.server.disk.snapshots.positions().isEmpty)
        return with.server.startCount
    }

    @Test("A state restored at every entry decides as the one that was folded", arguments: [3 as UInt64, 11])
    func everyCut(seed: UInt64) throws {
        var plan = Plan(seed: seed, span: .minutes(15))
        plan.keepsLog = true
        var world = World(plan)
        try world.settle()
        try walk(Fleet.self, world.server.disk.entries(after: .start).map { try World.fleetCodec.decode($0) })
        let station = try #require(world.stations[0])
        try walk(Station.self, station.disk.entries(after: .start).map { try World.stationCodec.decode($0) })
    }

    /// Folds twice; one of the states is encoded and restored before each entry.
    private func walk<M: Machine>(_ machine: M.Type, _ entries: [Entry<M.Message>]) throws
    where M.State: Restorable, M.Change: Equatable {
        var (folded, restored) = (M.initial, M.initial)
        for entry in entries {
            let bytes = SnapshotBytes.fields(of: restored)
            restored = try SnapshotDecoder.value(of: bytes[...])
            let changes = M.fold(entry, into: &folded)
            try #require(M.fold(entry, into: &restored) == changes, "at \(entry.position)")
            for change in changes {
                let decided = M.decide(change, entry, in: folded)
                try #require(M.decide(change, entry, in: restored) == decided, "at \(entry.position)")
            }
            try #require(M.nextDeadline(in: restored) == M.nextDeadline(in: folded), "at \(entry.position)")
        }
        #expect(SnapshotBytes.fields(of: restored) == SnapshotBytes.fields(of: folded))
        #expect(StateDigest(of: restored) == StateDigest(of: folded))
    }
}
