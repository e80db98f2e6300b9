// Grows simulated worlds on all cores, and says by how much a larger one is faster than what it simulates.
//
//     Worlds storms FIRST LAST     3 agents and 40 minutes of storm a seed; exit 1 when an invariant does not hold,
//                                  or a fault has never struck
//     Worlds factor AGENTS HOURS   one world in its usual troubles, on one core
import Core
import Foundation
import Simulation

/// Seconds of processor time that this process has taken.
func processorSeconds() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

/// What a simulator must be worth, for a hundred agents on one core. Machines that are ten times as slow as another are seldom.
let leastFactor = 1_000

let arguments = CommandLine.arguments.dropFirst()
let numbers = arguments.dropFirst().compactMap { UInt64($0) }
guard numbers.count == 2 else { fatalError("usage: Worlds storms FIRST LAST | factor AGENTS HOURS") }
switch arguments.first {
case "storms" where numbers[0] <= numbers[1]:
    let tally = await Tally.storms(
        numbers[0]...numbers[1], rowCount: ProcessInfo.processInfo.activeProcessorCount)
    for violation in tally.violations { print(violation) }
    for fault in tally.absentFaults { print("\(fault.rawValue) has never struck") }
    print(
        "\(tally.worldCount) worlds, \(tally.simulated.count / 3_600_000) hours, \(tally.entryCount) entries:",
        "\(tally.violations.count) violations, in \(Int(processorSeconds())) s of processor time")
    exit(tally.violations.isEmpty && tally.absentFaults.isEmpty ? 0 : 1)
case "factor" where numbers[0] > 0:
    let plan = Plan(
        seed: 1, agentCount: Int(numbers[0]), span: .hours(Int64(numbers[1])), profile: .usual)
    let (world, violation) = World.grow(plan)
    if let violation { print(violation) }
    let factor = Int(Double(world.age.count) / 1_000 / processorSeconds())
    print(
        "\(numbers[0]) agents, \(world.age.count / 3_600_000) hours, \(world.position) entries:",
        "\(factor) times as fast as what is simulated, on one core; \(leastFactor) is promised")
    exit(violation == nil && factor >= leastFactor ? 0 : 1)
default: fatalError("usage: Worlds storms FIRST LAST | factor AGENTS HOURS")
}
