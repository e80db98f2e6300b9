import Core
import Simulation
import Testing
import Wire

/// Goal: lost connections, restarts, full and failing disks, lost, late, repeated and forged reports strand no run,
/// repeat no decision, and lose nothing that was acknowledged.
/// Method: one seed drives every choice. Safety is checked at each commit with faults on, liveness with faults off.
struct WorldTests {
    @Test("A world keeps the invariants, whatever strikes it", arguments: UInt64(0)..<60)
    func keepsInvariants(seed: UInt64) throws {
        var world = World(seed: seed, runCount: 40)
        try world.settle()
        #expect(world.openRuns.isEmpty, "\(world.describe)")
    }

    @Test("A hundred runs", arguments: [1_000 as UInt64, 1_001])
    func hundredRuns(seed: UInt64) throws {
        var world = World(seed: seed, runCount: 100)
        try world.settle()
        #expect(world.openRuns.isEmpty, "\(world.describe)")
    }

    @Test("The agent's log keeps all that a world needs in the bytes it has on disk", arguments: UInt64(2_000)..<2_004)
    func storesStation(seed: UInt64) throws {
        var world = World(seed: seed, runCount: 25, codecs: Codecs(fleet: TableCodec(), station: StationCodec()))
        try world.settle()
        #expect(world.openRuns.isEmpty, "\(world.describe)")
    }

    @Test("The same seed makes the same world")
    func isDeterministic() throws {
        func grow() throws -> String {
            var world = World(seed: 7, runCount: 10)
            try world.settle()
            return world.describe
        }
        #expect(try grow() == grow())
    }

    @Test(
        "A mistake that is built in is found, by its number",
        arguments: [
            (Defect.repeatsRunBackup, [9]),
            (.publishesBeforeCommit, [2]),
            (.forgetsJournal, [2]),
            (.believesReports, [12]),
            // 12: a store whose answers are lost is given up after a day, although it has the object.
            (.losesOutcomes, [4, 9, 12]),
        ])
    func findsDefect(defect: Defect, invariants: [Int]) throws {
        for seed in UInt64(0)..<40 {
            var world = World(seed: seed, runCount: 25, defect: defect)
            do {
                try world.settle()
            } catch {
                #expect(invariants.contains(error.invariant), "\(error)")
                #expect(error.seed == seed && !error.tail.isEmpty)
                return
            }
        }
        Issue.record("40 worlds with \(defect) kept every invariant")
    }
}
