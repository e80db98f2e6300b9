import ArgumentParser
import Core
import Engine
import Foundation
import SQLiteLog
import Simulation

/// Runs simulated fleets and says what did not hold.
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Grows simulated fleets from seeds and checks the invariants at each commit.",
        discussion: """
            One control plane, agents, networks, disks, clocks and the object store in one process, in virtual time, on the \
            real state machines, kernel, frames and log encodings. The same options give the same digest, everywhere. \
            Exit 3 when an invariant does not hold; the log up to there is then written to simulation-SEED/, which \
            `backupy replay` and `backupy log` open. With --keep each world's log is.
            """)

    @Option(help: ArgumentHelp("Which seeds, such as 1-100.", valueName: "a-b")) var seeds: Seeds
    @Option(help: ArgumentHelp("How many agents; one of three is like the reference agent.", valueName: "n"))
    var agents = 20
    @Option(help: ArgumentHelp("For how many days people want things and faults strike.", valueName: "d"))
    var days = 1.0
    @Option(help: ArgumentHelp("How much goes wrong: calm, usual or storm.", valueName: "profile"))
    var profile = "usual"
    @Option(help: ArgumentHelp("Where recordings go.", valueName: "dir")) var recordings = "."
    @Flag(help: "Record each world, and not only those in which something did not hold.") var keep = false
    @Flag(help: "List the pairs of message and phase, and how often each was reached.") var coverage = false
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (1...10_000).contains(agents) else { throw ValidationError("--agents must be 1 to 10000.") }
        guard days > 0, days <= 366 else { throw ValidationError("--days must be over 0, and at most 366.") }
        guard Profile.all.contains(where: { $0.name == profile }) else {
            let names = Profile.all.map(\.name).joined(separator: ", ")
            throw ValidationError("--profile must be one of \(names).")
        }
    }

    func run() throws {
        var tally = Tally()
        let clock = ContinuousClock()
        let start = clock.now
        var told = start
        for seed in seeds.range {
            let (world, violation) = World.grow(plan(seed))
            tally.add(world, violation)
            if let violation { Console.complain("\(violation)") }
            if keep || violation != nil { record(seed) }
            let line = "seed \(seed): \(world.position) entries, \(tally.violations.count) violations so far"
            if Console.hasTerminal {
                Console.progress(line)
            } else if clock.now - told >= .seconds(60) {
                // A night's run whose output goes to a file shows there that it lives.
                Console.complain(line)
                told = clock.now
            }
        }
        if Console.hasTerminal { Console.progress("") }
        let report = SimulationReport(
            seeds: seeds, agents: agents, days: days, profile: profile, tally: tally, took: clock.now - start,
            showsCoverage: coverage)
        if json {
            Console.print(json: report.json.rendered)
        } else {
            report.print()
        }
        if !tally.violations.isEmpty { throw ExitCode(Failure.verification) }
    }

    private func plan(_ seed: UInt64) -> Plan {
        let profile = Profile.all.first { $0.name == self.profile } ?? .usual
        return Plan(
            seed: seed, agentCount: agents, span: Milliseconds(Int64(days * 86_400_000)), profile: profile)
    }

    /// Grows the same world once more for its recording: only then the whole log is kept.
    private func record(_ seed: UInt64) {
        var plan = self.plan(seed)
        plan.keepsLog = true
        let path = URL(fileURLWithPath: recordings).appendingPathComponent("simulation-\(seed)").path
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let log = try SQLiteEventLog(directory: path)
            guard log.head.position == .start else {
                return Console.complain("\(path): has a log already, which is left as it is")
            }
            for batch in try World.grow(plan).world.commits { try log.commit(batch) }
            Console.complain("the log of seed \(seed): backupy replay \(path)")
        } catch {
            Console.complain("\(path): the recording could not be written: \(error)")
        }
    }
}

/// A range of seeds as people write it.
struct Seeds: ExpressibleByArgument {
    let range: ClosedRange<UInt64>

    init?(argument: String) {
        let parts = argument.split(separator: "-", omittingEmptySubsequences: false)
        guard let first = parts.first.flatMap({ UInt64($0) }), let last = parts.last.flatMap({ UInt64($0) }),
            parts.count <= 2, first <= last
        else { return nil }
        range = first...last
    }
}
