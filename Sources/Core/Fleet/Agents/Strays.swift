/// An attempt that a journaling agent lists as not over.
public struct ListedAttempt: Hashable, Sendable {
    /// The run.
    public internal(set) var run: RunID
    /// Its attempt.
    public internal(set) var attempt: Attempt

    /// An attempt with both parts.
    public init(run: RunID, attempt: Attempt) {
        self.run = run
        self.attempt = attempt
    }
}

/// That an agent was told to stop an attempt which nobody waits for any more.
struct SentStop: Hashable, Sendable {
    var item: ListedAttempt
    /// When it was told first on its present connection.
    var sentAt: Timestamp
}

/// Attempts that nobody waits for any more and that a journaling agent goes on with all the same, as after an absence that
/// was longer than their grace. They cannot end well, since the store was asked and their objects' names are frozen; but
/// until they are over they burden their database and their host as any other does.
extension Fleet.State {
    /// What an agent lists and what is no attempt in flight: it holds its target and its place as one.
    func strays(of agent: Agent) -> [ListedAttempt] {
        (agent.session?.listed ?? []).filter { item in
            runs[item.run].map { $0.attemptInFlight != item.attempt } ?? false
        }
    }

    /// Takes in what a journaling agent lists, and finds what it is to stop.
    mutating func list(_ texts: [Text], of id: AgentID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard let agent = agents[id] else { return [] }
        let before = agent.session?.listed
        var changes: [Fleet.Change] = []
        var listed: [ListedAttempt] = []
        for text in texts {
            guard let (run, attempt) = locate(WireRunID(text)), runs[run]?.order.agent == id else { continue }
            listed.append(ListedAttempt(run: run, attempt: attempt))
            changes += fold(run, entry) {
                $0.heard(of: attempt, at: entry.recordedAt)
                return []
            }
        }
        agents[id]?.session?.listed = listed
        let after = agents[id].map { strays(of: $0) } ?? []
        changes += abandoned(after) + unheeded(by: id, entry)
        if agent.session?.hasListedRuns == false {
            agents[id]?.session?.hasListedRuns = true
            return changes + forgotten(by: id) + [.ready(id)]
        }
        return before == listed ? changes : changes + [.ready(id)]
    }

    /// Those that were given up, one a job, since one command stops all of a job, and no more than a turn can hold: the
    /// others' turn comes with a later heartbeat.
    private func abandoned(_ strays: [ListedAttempt]) -> [Fleet.Change] {
        var jobs: [JobID] = []
        var changes: [Fleet.Change] = []
        for item in strays where jobs.count < Fleet.Limits.stops {
            guard let run = runs[item.run], run.hasGivenUp(item.attempt), !jobs.contains(run.order.job) else {
                continue
            }
            jobs.append(run.order.job)
            changes.append(.abandoned(item.run, item.attempt))
        }
        return changes
    }

    /// The outcome of telling an agent to stop: its time for that begins when it was told first.
    mutating func stopSent(
        to id: AgentID, _ item: ListedAttempt, _ result: CommandOutcome.Result, _ entry: Entry<Fleet.Message>
    ) {
        guard result == .done, runs[item.run]?.hasGivenUp(item.attempt) == true, let session = agents[id]?.session,
            session.listed.contains(item), !session.stops.contains(where: { $0.item == item })
        else { return }
        agents[id]?.session?.stops.append(SentStop(item: item, sentAt: entry.recordedAt))
    }

    /// What goes on although the agent was told to stop it: it may hang, and holds its target until somebody ends it on the
    /// host. Told once a connection.
    private mutating func unheeded(by id: AgentID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard let session = agents[id]?.session, !session.stops.isEmpty else { return [] }
        agents[id]?.session?.stops.removeAll { !session.listed.contains($0.item) }
        guard !session.isStopNoted,
            let stop = agents[id]?.session?.stops.first(where: {
                entry.recordedAt - $0.sentAt >= Fleet.Limits.cancellation
            })
        else { return [] }
        agents[id]?.session?.isStopNoted = true
        let seconds = (entry.recordedAt - stop.sentAt).count / 1_000
        let detail = Text("it was told to stop attempt \(stop.item.attempt), and lists it \(seconds) s later")
        return [.anomaly(Anomaly(agent: id, kind: .unconfirmedCommand, run: stop.item.run, detail: detail))]
    }

    /// Our clock has jumped forwards: that time has not passed for the agent.
    mutating func skipStops(of id: AgentID, _ step: Milliseconds) {
        let stops = agents[id]?.session?.stops ?? []
        agents[id]?.session?.stops = stops.map { SentStop(item: $0.item, sentAt: $0.sentAt + step) }
    }

    /// The agent has reported that an attempt is over: it does not hold anything until the next list.
    mutating func reportedOver(_ run: RunID, _ attempt: Attempt, by id: AgentID) -> [Fleet.Change] {
        let item = ListedAttempt(run: run, attempt: attempt)
        guard agents[id]?.session?.listed.contains(item) == true else { return [] }
        agents[id]?.session?.listed.removeAll { $0 == item }
        // What was in flight sets others free with its new phase.
        return runs[run]?.attemptInFlight == attempt ? [] : [.ready(id)]
    }

    /// What an agent is given although it never lists anything, once that has been waited for long enough. It has no
    /// deadline of its own: an agent that says nothing at all is silent soon.
    func overdueList(of id: AgentID, at moment: Timestamp) -> [Fleet.Change] {
        guard let agent = agents[id], agent.queuedCount > 0, agent.journalsRuns, let session = agent.session,
            !session.hasListedRuns, agent.takesRuns(at: moment)
        else { return [] }
        return [.ready(id)]
    }
}

extension Agent {
    /// Whether a queued run may be sent to it now: it can be sent something, it was sent what the run's job has become,
    /// and it has said what it is working on, if it is one that does. One that never says so is not waited for for ever.
    func takesRuns(at moment: Timestamp) -> Bool {
        guard let session, session.takesRuns, configSentAt != nil else { return false }
        guard journalsRuns, !session.hasListedRuns else { return true }
        return session.welcomedAt.map { moment - $0 >= Fleet.Limits.listing } ?? false
    }
}

extension Run {
    /// Whether an attempt of it is past: what may still come of it is not waited for.
    func hasGivenUp(_ listed: Attempt) -> Bool {
        switch phase {
        case .verifying(listed), .reconciling(listed, _): return false  // the store has not said yet what there is
        case .sending, .unconfirmed, .running, .verifying, .reconciling, .stored: return listed != attempt
        case .queued, .failed, .gone, .waiting, .expired, .stopped, .closed: return true
        case .captured, .ended: return false
        }
    }
}

extension Fleet {
    /// Has an agent stop what was given up. On the wire the command names the job, and stops all that the agent does of
    /// it: so not while an attempt at another run of the job, or a newer one, is at work or is still being asked about.
    static func stop(_ id: RunID, _ attempt: Attempt, in state: borrowing State) -> [Message] {
        guard let run = state.runs[id], !run.isCaptured, let agent = state.agents[run.order.agent] else { return [] }
        for other in agent.openRuns {
            guard let beside = state.runs[other], beside.order.job == run.order.job else { continue }
            if beside.attemptInFlight != nil { return [] }
            if case .reconciling = beside.phase { return [] }
        }
        return [.command(.cancel(run.order.agent, id, attempt))]
    }
}
