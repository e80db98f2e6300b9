import Core
import Simulation
import Testing

/// Goal: whatever strikes networks, processes, disks, clocks and the store strands no run, repeats no decision, and loses
/// nothing that was acknowledged.
/// Method: one seed drives every choice. Safety is checked at each commit with faults on, liveness with faults off.
struct WorldTests {
    @Test("A world keeps the invariants, whatever strikes it", arguments: UInt64(0)..<60)
    func keepsInvariants(seed: UInt64) throws {
        var world = World(Plan(seed: seed, agentCount: 3, span: .minutes(40)))
        try world.settle()
        #expect(world.openRuns.isEmpty, "\(world.describe)")
    }

    @Test("A day of a larger fleet in its usual troubles", arguments: [1_000 as UInt64, 1_001])
    func day(seed: UInt64) throws {
        var world = World(Plan(seed: seed, agentCount: 12, span: .hours(6), profile: .usual))
        try world.settle()
        #expect(world.openRuns.isEmpty, "\(world.describe)")
    }

    @Test("Without faults all runs but those that were to fail are successes")
    func calm() throws {
        var world = World(Plan(seed: 5, agentCount: 3, span: .hours(10), profile: .calm))
        try world.settle()
        for fault in Fault.allCases { #expect(world.count(of: fault) == 0, "\(fault)") }
    }

    @Test("The same plan makes the same world")
    func isDeterministic() throws {
        func grow() throws -> String {
            var world = World(Plan(seed: 7, agentCount: 3, span: .minutes(20)))
            try world.settle()
            return world.describe
        }
        #expect(try grow() == grow())
    }
}
