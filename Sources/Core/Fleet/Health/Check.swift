/// A health check as far as the log has been read.
public struct Check: Hashable, Sendable {
    /// Who probes; nil: the control plane.
    public var agent: AgentID?
    /// What and how.
    public var spec: CheckSpec
    /// The latest result by the prober's clock.
    public internal(set) var last: HealthResult?
    /// Results of the same kind in a row, this one included.
    public internal(set) var streak: UInt64 = 0
    /// All results.
    public internal(set) var resultCount: UInt64 = 0
    /// Results that were well.
    public internal(set) var healthyCount: UInt64 = 0

    init(agent: AgentID?, spec: CheckSpec) {
        self.agent = agent
        self.spec = spec
    }

    /// Counts a result; one that was overtaken by a later one changes only the counts.
    mutating func fold(_ result: HealthResult) {
        resultCount &+= 1
        if result.isHealthy { healthyCount &+= 1 }
        if let last, result.probedAt < last.probedAt { return }
        streak = last?.isHealthy == result.isHealthy ? streak &+ 1 : 1
        last = result
    }
}
