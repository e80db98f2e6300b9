import Core
import Server
import Simulation

/// What `backupy simulate` prints.
struct SimulationReport {
    let seeds: Seeds
    let agents: Int
    let days: Double
    let profile: String
    let tally: Tally
    let took: Duration

    private var seconds: Double {
        Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
    }

    /// By how much simulated time was faster than ours.
    private var factor: Int { Int(Double(tally.simulated.count) / 1_000 / max(seconds, 0.001)) }

    func print() {
        let hours = tally.simulated.count / 3_600_000
        Console.table(
            ["seeds", "agents", "profile", "entries", "simulated", "wall time", "factor", "violations"],
            [
                [
                    "\(seeds.range.lowerBound)-\(seeds.range.upperBound)", "\(agents)", profile,
                    "\(tally.entryCount)", "\(hours / 24) d \(hours % 24) h", "\(Int(seconds * 10) / 10) s",
                    "\(factor)", "\(tally.violations.count)",
                ]
            ])
        Console.print("digest \(tally.digest)")
        Console.print("")
        Console.table(
            ["fault", "times"], Fault.allCases.map { [$0.rawValue, "\(tally.count(of: $0))"] })
        guard !tally.violations.isEmpty else { return }
        Console.print("")
        Console.table(
            ["seed", "invariant", "position", "what"],
            tally.violations.map { ["\($0.seed)", "\($0.invariant)", "\($0.position)", $0.text] })
    }

    var json: JSON {
        .object([
            .init("first_seed", .integer(seeds.range.lowerBound)),
            .init("last_seed", .integer(seeds.range.upperBound)),
            .init("agents", .integer(agents)),
            .init("profile", .string(profile)),
            .init("entries", .integer(tally.entryCount)),
            .init("simulated_ms", .integer(tally.simulated.count)),
            .init("wall_ms", .integer(Int64(seconds * 1_000))),
            .init("factor", .integer(factor)),
            .init("digest", .string(tally.digest)),
            .init("pairs_reached", .integer(tally.coverage.pairs.count)),
            .init("faults", .object(Fault.allCases.map { .init($0.rawValue, .integer(tally.count(of: $0))) })),
            .init("violations", .array(tally.violations.map { $0.json })),
        ])
    }
}

extension Violation {
    fileprivate var json: JSON {
        .object([
            .init("seed", .integer(seed)),
            .init("invariant", .integer(invariant)),
            .init("position", .integer(position.number)),
            .init("text", .string(text)),
        ])
    }
}
