// Grows worlds in a process of its own, until one of them breaks an invariant: for the test that two processes grow the same
// world, and for `scripts/mutations.sh`.
//
//     simulation-probe FIRST LAST AGENTS MINUTES PROFILE
import Core
import Simulation

let arguments = CommandLine.arguments.dropFirst()
let numbers = arguments.prefix(4).compactMap { UInt64($0) }
guard arguments.count == 5, numbers.count == 4, numbers[0] <= numbers[1], numbers[2] > 0,
    let profile = Profile.all.first(where: { $0.name == arguments.last })
else { fatalError("usage: simulation-probe FIRST LAST AGENTS MINUTES PROFILE") }

var tally = Tally()
for seed in numbers[0]...numbers[1] {
    let plan = Plan(
        seed: seed, agentCount: Int(numbers[2]), span: .minutes(Int64(numbers[3])), profile: profile)
    let (world, violation) = World.grow(plan)
    tally.add(world, violation)
    if let violation {
        print("violation \(seed) \(violation.invariant) \(violation.position) \(violation.text)")
        break
    }
}
print("digest \(tally.digest)")
