import Core

/// The runs without a verdict, by agent, counted from the entries of the log alone: the state keeps counters of its own, and
/// those are what is checked.
struct OpenRuns: Sendable {
    private var runs: [AgentID: [RunID]] = [:]

    /// Looks at an entry in the state just before it.
    mutating func take(_ entry: Entry<Fleet.Message>, in state: borrowing Fleet.State) {
        switch entry.message {
        case .accepted(.runQueued(let id, let order), _), .scheduled(_, .opened(_, let id, let order, _)):
            runs[order.agent, default: []].append(id)
        case .decided(let id, .closed):
            guard let agent = state.runs[id]?.order.agent else { return }
            runs[agent]?.removeAll { $0 == id }
        default:
            break
        }
    }

    /// Those of an agent, in the order they were asked for.
    subscript(agent: AgentID) -> [RunID] { runs[agent] ?? [] }

    /// Those of an agent that it may be working on.
    func inFlight(of agent: AgentID, in state: borrowing Fleet.State) -> [(id: RunID, run: Run)] {
        self[agent].compactMap { id in
            guard let run = state.runs[id], run.attemptInFlight != nil else { return nil }
            return (id, run)
        }
    }

    /// What keeps a queued run from starting at a moment; nil when nothing does, save that the fleet starts only so many a
    /// second.
    func obstacle(to id: RunID, at moment: Timestamp, in state: borrowing Fleet.State) -> String? {
        guard let run = state.runs[id], let agent = state.agents[run.order.agent] else { return "it is not known" }
        guard agent.session?.isWelcomed == true else { return "its agent is not connected" }
        if agent.settings.isInMaintenance(at: moment) { return "its agent is in maintenance" }
        let others = inFlight(of: run.order.agent, in: state)
        if others.count >= Int(agent.settings.maxParallelJobs) { return "its agent does as much as it may" }
        return rival(of: id, run, among: others).map { "its target is busy with \($0)" }
    }

    /// A run in flight beside which another one may not start, since both are of one target.
    func rival(of id: RunID, _ run: Run, among others: [(id: RunID, run: Run)]) -> RunID? {
        others.first { other in
            other.id != id && other.run.order.target == run.order.target
                && (run.order.overlap != .alongside || other.run.order.job != run.order.job)
        }?.id
    }

    /// What an agent's record still counts although nothing of its own is open; nil when that is nothing.
    static func remainder(of agent: Agent) -> String? {
        let counts = [
            ("in flight", Int(agent.inFlightCount)), ("queued", Int(agent.queuedCount)), ("open", agent.openRuns.count),
        ]
        return counts.first { $0.1 > 0 }.map { "\($0.1) runs as \($0.0)" }
    }
}

extension AgentSettings {
    /// By the time of day as text, which orders as the time does.
    func isInMaintenance(at moment: Timestamp) -> Bool {
        let (start, end, time) = (maintenanceStart, maintenanceEnd, moment.timeOfDay)
        guard start != end else { return false }
        return start < end ? start <= time && time < end : start <= time || time < end
    }
}
