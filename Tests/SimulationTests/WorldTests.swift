import Core
import Foundation
import Simulation
import Testing

/// Goal: whatever strikes networks, processes, disks, clocks and the store strands no run, repeats no decision, and loses
/// nothing that was acknowledged.
/// Method: one seed drives every choice. Safety is checked at each commit with faults on, liveness with faults off.
struct WorldTests {
    /// How many seeds in each of so many rows that grow beside each other.
    private static let (rowLength, rowCount) = (30, 2)

    @Test("Worlds keep the invariants whatever strikes them, and between them show all that matters")
    func keepsInvariants() async {
        let tally = await withTaskGroup(of: Tally.self) { group in
            for row in 0..<Self.rowCount {
                group.addTask {
                    var tally = Tally()
                    for seed in row * Self.rowLength..<(row + 1) * Self.rowLength {
                        let (world, violation) = World.grow(
                            Plan(seed: UInt64(seed), agentCount: 3, span: .minutes(40)))
                        tally.add(world, violation)
                    }
                    return tally
                }
            }
            var sum = Tally()
            for await tally in group { sum.add(tally) }
            return sum
        }
        for violation in tally.violations { Issue.record("\(violation)") }
        for fault in Fault.allCases {
            #expect(tally.count(of: fault) > 0, "\(fault.rawValue) has never struck")
        }
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
