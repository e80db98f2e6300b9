public import Core
import Digests

/// What a row of worlds has come to.
public struct Tally: Sendable {
    /// So many worlds.
    public private(set) var worldCount = 0
    /// For so long all of them together have lived, by their own clocks.
    public private(set) var simulated = Milliseconds(0)
    /// Entries on the logs of their control planes.
    public private(set) var entryCount: UInt64 = 0
    /// What did not hold, at most one thing a world.
    public private(set) var violations: [Violation] = []
    /// Which messages met which phases.
    public private(set) var coverage = Coverage()
    private var faults: [Fault: Int] = [:]
    private var hash = SHA256()

    /// Nothing yet.
    public init() {}

    /// Adds a world that has come to its end.
    public mutating func add(_ world: World, _ violation: Violation?) {
        worldCount += 1
        simulated = simulated + world.age
        entryCount += world.position.number
        coverage.add(world.coverage)
        for fault in Fault.allCases { faults[fault, default: 0] += world.count(of: fault) }
        world.digest.withUnsafeBytes { hash.update($0) }
        if let violation { violations.append(violation) }
    }

    /// Adds other worlds. The digest goes on with theirs.
    public mutating func add(_ other: Tally) {
        worldCount += other.worldCount
        simulated = simulated + other.simulated
        entryCount += other.entryCount
        coverage.add(other.coverage)
        for fault in Fault.allCases { faults[fault, default: 0] += other.count(of: fault) }
        other.hash.finalize().withUnsafeBytes { hash.update($0) }
        violations += other.violations
    }

    /// How many faults of a kind there were.
    public func count(of fault: Fault) -> Int { faults[fault] ?? 0 }

    /// SHA-256 over the digests of the worlds, in their order.
    public var digest: String { hash.finalize().description }
}

extension Tally {
    /// What storms of three agents and forty minutes come to, a world a seed, in rows that grow beside each other.
    public static func storms(_ seeds: ClosedRange<UInt64>, rowCount: Int) async -> Tally {
        await withTaskGroup(of: Tally.self) { group in
            for row in 0..<UInt64(rowCount) {
                group.addTask {
                    var tally = Tally()
                    for seed in seeds where seed % UInt64(rowCount) == row {
                        let (world, violation) = World.grow(Plan(seed: seed, agentCount: 3, span: .minutes(40)))
                        tally.add(world, violation)
                    }
                    return tally
                }
            }
            var sum = Tally()
            for await tally in group { sum.add(tally) }
            return sum
        }
    }

    /// The faults that have never struck.
    public var absentFaults: [Fault] { Fault.allCases.filter { count(of: $0) == 0 } }
}

extension World {
    /// Grows a world to its end.
    ///
    /// - Returns: The world, and what did not hold in it.
    public static func grow(_ plan: Plan) -> (world: World, violation: Violation?) {
        var world = World(plan)
        do throws(Violation) {
            try world.settle()
            return (world, nil)
        } catch {
            return (world, error)
        }
    }
}
