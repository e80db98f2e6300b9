import Core

@testable import Simulation

/// How many sessions of how many had what was the matter with them told wrongly.
struct AnomalyRate {
    private(set) var sessionCount = 0
    /// A line for each agent of each world of which something was told wrongly, or not told.
    private(set) var wrong: [String] = []

    /// Of agents that show a weakness.
    init(_ weakness: Anomaly.Kind, ofSessions wantedCount: Int) throws(Violation) {
        for seed in UInt64(0)... {
            guard sessionCount < wantedCount else { break }
            // Hours of being away are what makes this one.
            let isLong = weakness == .backlogHang
            var plan = Plan(
                seed: seed, agentCount: 3, span: isLong ? .hours(102) : .minutes(12), profile: isLong ? .idle : .plain)
            plan.kinds = World.holders(of: weakness)
            plan.weakness = weakness
            plan.breakInterval = .minutes(4)
            let audit = try grow(plan)
            sessionCount += Set(audit.shown.filter { $0.kind == weakness }.map(\.agent)).count
        }
    }

    /// Of agents that show none, whose connections end now and then.
    init(of kinds: AgentKinds, sessions wantedCount: Int) throws(Violation) {
        for seed in UInt64(0)... {
            guard sessionCount < wantedCount else { break }
            var plan = Plan(seed: seed, agentCount: 4, span: .hours(1), profile: .plain)
            plan.kinds = kinds
            plan.breakInterval = .seconds(40)
            sessionCount += try grow(plan).sessionCount
        }
    }

    private mutating func grow(_ plan: Plan) throws(Violation) -> AnomalyAudit {
        var plan = plan
        plan.keepsSnapshots = false
        let (world, violation) = World.grow(plan)
        if let violation { throw violation }
        let audit = world.anomalies
        for agent in world.links.filter({ !$0.isClone }).map(\.agent) {
            let (missed, baseless) = (audit.missed, audit.baseless)
            let lines =
                missed.filter { $0.agent == agent }.map { "not told: \($0)" }
                + baseless.filter { $0.agent == agent }.map { "told wrongly: \($0)" }
            if !lines.isEmpty { wrong.append("seed \(plan.seed): \(lines.joined(separator: ", "))") }
        }
        return audit
    }
}
