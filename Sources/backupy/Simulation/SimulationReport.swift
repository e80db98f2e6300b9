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
    /// Whether pairs of message and phase are listed.
    let showsCoverage: Bool

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
        if !tally.violations.isEmpty {
            Console.print("")
            Console.table(
                ["seed", "invariant", "position", "what"],
                tally.violations.map { ["\($0.seed)", "\($0.invariant)", "\($0.position)", $0.text] })
        }
        guard showsCoverage else { return }
        for pair in tally.coverage.pairs { Console.print("\(pair) \(tally.coverage.count(of: pair))") }
        for (pair, excuse) in tally.coverage.unreached {
            Console.print("\(pair) 0\(excuse.map { " (\($0))" } ?? "")")
        }
    }

    var json: JSON {
        var members: [JSON.Member] = [
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
        ]
        if showsCoverage {
            members += [
                .init(
                    "pairs",
                    .array(tally.coverage.pairs.map { $0.json([("count", .integer(tally.coverage.count(of: $0)))]) })),
                .init(
                    "unreached",
                    .array(tally.coverage.unreached.map { $0.pair.json([("excuse", .optional($0.excuse))]) })),
            ]
        }
        return .object(members)
    }
}

extension Coverage.Pair {
    fileprivate func json(_ further: [(String, JSON)]) -> JSON {
        .object(
            [.init("kind", .string(kind.string)), .init("phase", .string(phase.string))]
                + further.map { .init($0.0, $0.1) })
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
