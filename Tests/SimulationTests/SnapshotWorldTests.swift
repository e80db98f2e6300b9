import Core
import Engine
import Testing

@testable import Simulation

/// Goal: a process that starts from a snapshot and the tail goes on exactly as one that has folded the whole log.
/// Method: the same worlds, with all their restarts, once with and once without snapshots; and every log cut everywhere.
struct SnapshotWorldTests {
    @Test("Snapshots change nothing: the same entries, to the last link", arguments: UInt64(0)..<12)
    func changeNothing(seed: UInt64) throws {
        func grow(keepsSnapshots: Bool) throws -> World {
            var world = World(seed: seed, runCount: 25, keepsSnapshots: keepsSnapshots)
            try world.settle()
            return world
        }
        let (with, without) = (try grow(keepsSnapshots: true), try grow(keepsSnapshots: false))
        #expect(with.describe == without.describe)
        #expect(with.server.disk.entries(after: .start) == without.server.disk.entries(after: .start))
        #expect(with.station.disk.entries(after: .start) == without.station.disk.entries(after: .start))
        #expect(try !with.server.disk.snapshots.positions().isEmpty)
        #expect(with.server.startCount + Int(with.stationAudit.state.startCount) > 2)
    }

    @Test("A state restored at every entry decides as the one that was folded", arguments: [3 as UInt64, 11])
    func everyCut(seed: UInt64) throws {
        var world = World(seed: seed, runCount: 15)
        try world.settle()
        let fleet = world.server.disk.entries(after: .start)
        try walk(Fleet.self, fleet.map { try world.server.codec.decode($0) })
        let station = world.station.disk.entries(after: .start)
        try walk(Station.self, station.map { try world.station.codec.decode($0) })
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
