import Core

/// The runs without a verdict, by agent, counted from the entries of the log alone: the state keeps counters of its own, and
/// those are what is checked.
struct OpenRuns: Sendable {
    private var runs: [AgentID: [RunID]] = [:]
    /// What the last heartbeat on a connection of a journaling agent lists, without what was reported to be over since.
    private var lists: [SessionID: [ListedAttempt]] = [:]
    /// The version of the configuration that each agent was sent last.
    private var versions: [AgentID: UInt64] = [:]
    /// When somebody asked last for something that may change configurations.
    private var changedAt = Timestamp(milliseconds: 0)

    /// In a healed world an agent has been sent its configuration so long after a change, and has listed its runs so long
    /// after its welcome.
    private static let settling = Milliseconds.minutes(2)

    /// Looks at an entry in the state just before it.
    mutating func take(_ entry: Entry<Fleet.Message>, in state: borrowing Fleet.State) {
        switch entry.message {
        case .accepted(.runQueued(let id, let order), _), .scheduled(_, .opened(_, let id, let order, _)):
            runs[order.agent, default: []].append(id)
        case .decided(let id, .closed):
            guard let agent = state.runs[id]?.order.agent else { return }
            runs[agent]?.removeAll { $0 == id }
        case .accepted:
            changedAt = entry.recordedAt
        case .received(let agent, let frame):
            takeList(of: agent, frame, in: state)
        case .outcome(let outcome) where outcome.result == .done:
            switch outcome.command {
            case .welcome(let agent, _): versions[agent] = state.agents[agent]?.configVersion
            case .configure(let agent, let version): versions[agent] = version
            default: break
            }
        default:
            break
        }
    }

    /// What an agent says that it works on, or no longer.
    private mutating func takeList(of id: AgentID, _ frame: ReceivedFrame, in state: borrowing Fleet.State) {
        guard let agent = state.agents[id], let session = agent.session?.id else { return }
        switch frame.report {
        case .heartbeat(let heartbeat) where frame.session == session && !frame.isReplayed && agent.journalsRuns:
            lists[session] = heartbeat.activeJobIDs.compactMap { Self.attempt(WireRunID($0), of: id, in: state) }
        case .completed(let completion):
            let item = Self.attempt(completion.run, of: id, in: state)
            lists[session]?.removeAll { $0 == item }
        case .jobUpdate(let update) where update.status == .failed || update.status == .cancelled:
            let item = update.run.flatMap { Self.attempt($0, of: id, in: state) }
            lists[session]?.removeAll { $0 == item }
        default:
            break
        }
    }

    /// An attempt of an agent's own, by its id on the wire; nil for all else.
    private static func attempt(
        _ wire: WireRunID, of agent: AgentID, in state: borrowing Fleet.State
    ) -> ListedAttempt? {
        guard let (id, attempt) = wire.parts, let run = state.runs[id], run.order.agent == agent,
            attempt <= run.attempt
        else { return nil }
        return ListedAttempt(run: id, attempt: attempt)
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

    /// What an agent is working on: what is in flight, and what it lists although nobody waits for it any more.
    func work(of id: AgentID, in state: borrowing Fleet.State) -> [(id: RunID, run: Run)] {
        let list = state.agents[id]?.session?.id.flatMap { lists[$0] } ?? []
        return inFlight(of: id, in: state)
            + list.compactMap { item in
                guard let run = state.runs[item.run], run.attemptInFlight != item.attempt else { return nil }
                return (item.run, run)
            }
    }

    /// What keeps a queued run from starting at a moment; nil when nothing does, save that the fleet starts only so many a
    /// second.
    func obstacle(to id: RunID, at moment: Timestamp, in state: borrowing Fleet.State) -> String? {
        guard let run = state.runs[id], let agent = state.agents[run.order.agent] else { return "it is not known" }
        guard let session = agent.session, let welcomedAt = session.welcomedAt else {
            return "its agent is not connected"
        }
        if versions[run.order.agent] != agent.configVersion, moment - changedAt < Self.settling {
            return "its agent was not sent its configuration"
        }
        if agent.journalsRuns, session.id.flatMap({ lists[$0] }) == nil, moment - welcomedAt < Self.settling {
            return "its agent has not said what it works on"
        }
        if agent.settings.isInMaintenance(at: moment) { return "its agent is in maintenance" }
        let others = work(of: run.order.agent, in: state)
        if others.count >= Int(agent.settings.maxParallelJobs) { return "its agent does as much as it may" }
        return rival(of: run, among: others).map { "its target is busy with \($0)" }
    }

    /// A run that is worked on and beside which another one may not start, since both are of one target.
    func rival(of run: Run, among others: [(id: RunID, run: Run)]) -> RunID? {
        others.first { other in
            other.run.order.target == run.order.target
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
