import Core
import Foundation
import Simulation
import Testing

/// Goal: whatever strikes networks, processes, disks, clocks and the store strands no run, repeats no decision, and loses
/// nothing that was acknowledged.
/// Method: one seed drives every choice. Safety is checked at each commit with faults on, liveness with faults off.
struct WorldTests {
    @Test("Worlds keep the invariants whatever strikes them, and between them show all that matters")
    func keepsInvariants() async {
        let tally = await Tally.storms(0...59, rowCount: 2)
        for violation in tally.violations { Issue.record("\(violation)") }
        #expect(tally.absentFaults.isEmpty, "these have never struck")
        #expect(tally.coverage.unlisted.isEmpty, "these are in no family of pairs that must be reached")
        for (pair, excuse) in tally.coverage.unreached where excuse == nil {
            Issue.record("never reached: \(pair)")
        }
    }

    @Test("Hours of a larger fleet in its usual troubles", arguments: [1_000 as UInt64, 1_001])
    func hours(seed: UInt64) throws {
        var world = World(Plan(seed: seed, agentCount: 12, span: .hours(6), profile: .usual))
        try world.settle()
        #expect(world.openRuns.isEmpty, "\(world.describe)")
    }

    @Test("Nothing goes wrong in a calm world")
    func calm() throws {
        var world = World(Plan(seed: 5, agentCount: 3, span: .hours(10), profile: .calm))
        try world.settle()
        for fault in Fault.allCases { #expect(world.count(of: fault) == 0, "\(fault)") }
    }

    @Test("The same plan makes the same world, in another process too")
    func isDeterministic() throws {
        var tally = Tally()
        for seed in UInt64(7)...8 {
            let (world, violation) = World.grow(Plan(seed: seed, agentCount: 3, span: .minutes(10)))
            tally.add(world, violation)
        }
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: own).deletingLastPathComponent().appending(
            path: "simulation-probe")
        // Hash seeds are random for each process unless this is set.
        process.environment = ProcessInfo.processInfo.environment.filter { $0.key != "SWIFT_DETERMINISTIC_HASHING" }
        process.arguments = ["7", "8", "3", "10", "storm"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(String(decoding: bytes, as: UTF8.self) == "digest \(tally.digest)\n")
    }
}
