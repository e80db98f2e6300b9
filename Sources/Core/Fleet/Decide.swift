extension Fleet {
    /// What must follow from one change. A fact that changed nothing never gets here.
    public static func decide(
        _ change: Change, _ entry: Entry<Message>, in state: borrowing State
    ) -> [Message] {
        conclude(change, entry, in: state) + alerts(change, entry, in: state)
    }

    private static func conclude(
        _ change: Change, _ entry: Entry<Message>, in state: borrowing State
    ) -> [Message] {
        switch change {
        case .asked(let request, let ticket):
            return [answer(request, ticket, at: entry.recordedAt, in: state)]
        case .session(let agent):
            return presence(of: agent, in: state)
        case .registered(let agent, let session):
            return state.agents[agent]?.isCaptured == false ? [.command(.welcome(agent, session))] : []
        case .ready(let agent):
            return startQueued(of: agent, at: entry.recordedAt, in: state)
                + renewCancellations(of: agent, entry, in: state)
        case .disowned(let agent, let session):
            return state.agents[agent]?.isCaptured == true ? [] : [.command(.disconnect(agent, session))]
        case .claimed(let id):
            return state.agents[id]?.session?.id.map { [.command(.probe(id, $0))] } ?? []
        case .rejected(let agent, let session):
            return [.command(.refuse(agent, session))]
        case .configuration(let id):
            // Also while the RegisterAck is on its way: it may have been made from what was true before.
            guard let agent = state.agents[id], !agent.isCaptured, agent.session != nil else { return [] }
            return [.command(.configure(id, version: agent.configVersion))]
        case .run(let run, _):
            return follow(run, entry, in: state)
        case .cancellation(let run):
            return cancel(run, in: state)
        case .observation(let run, let attempt):
            return [.command(.observe(run, attempt))]
        case .forgotten(let run, let attempt):
            guard let known = state.runs[run], known.maySendAgain(at: entry.recordedAt) else { return [] }
            return [.command(.dispatch(known.order.agent, run, attempt, isRepeatable: true))]
        case .abandoned(let run, let attempt):
            return stop(run, attempt, in: state)
        case .startsFree:
            return startAll(at: entry.recordedAt, in: state)
        case .deletion(let key):
            return [.command(.delete(key.run, key.attempt))]
        case .retention(let job):
            return expire(job, at: entry.recordedAt, in: state)
        case .leftovers(let run):
            return orphanLeftovers(of: run, in: state)
        case .surveyDue:
            return [.command(.survey)]
        case .surveyed(let survey):
            return follow(survey, in: state)
        case .vanished:
            return []
        case .anomaly(let anomaly):
            return [.noted(anomaly)]
        case .slots(let job):
            return meetSlots(of: job, entry, in: state).messages
        case .slotJudged:
            return []
        case .zone(let zone):
            return readZone(zone, entry, in: state)
        case .checked(let check):
            return judge(check, entry, in: state)
        case .checkChanged(let check):
            return judgeChange(check, in: state)
        case .unheard(let check):
            return lose(check, in: state)
        case .probeDue(let check):
            return probe(check, in: state)
        case .check, .certificate, .alert:
            return []
        }
    }

    /// Records that a turn was cut off.
    public static func fault(_ text: Text) -> Message? { .faulted(text) }

    private static func presence(of id: AgentID, in state: borrowing State) -> [Message] {
        guard let agent = state.agents[id] else { return [] }
        switch (agent.session != nil, agent.status) {
        case (true, .neverConnected), (true, .offline): return [.presence(id, .online)]
        case (false, .online): return [.presence(id, .offline)]
        case (true, .online), (false, .neverConnected), (false, .offline): return []
        }
    }

    private static func renewCancellations(
        of id: AgentID, _ entry: Entry<Message>, in state: borrowing State
    ) -> [Message] {
        guard case .outcome(let outcome) = entry.message, case .welcome = outcome.command,
            let agent = state.agents[id]
        else { return [] }
        var messages: [Message] = []
        for run in agent.openRuns where state.runs[run]?.isCancelRequested == true {
            messages += cancel(run, in: state)
        }
        return messages
    }

    private static func cancel(_ id: RunID, in state: borrowing State) -> [Message] {
        guard let run = state.runs[id], !run.isCaptured, let attempt = run.attemptInFlight else { return [] }
        return [.command(.cancel(run.order.agent, id, attempt))]
    }

    static func close(_ run: Run, _ id: RunID, _ verdict: Verdict, _ entry: Entry<Message>) -> Message {
        .decided(id, .closed(verdict, grounds: run.grounds(of: verdict).filter { $0 != entry.position }))
    }

    /// What a run's new phase asks for.
    private static func follow(_ id: RunID, _ entry: Entry<Message>, in state: borrowing State) -> [Message] {
        guard let run = state.runs[id] else { return [] }
        let agent = run.order.agent
        switch run.phase {
        case .queued:
            return startQueued(of: agent, at: entry.recordedAt, in: state)
        case .sending(let attempt):
            guard case .decided(_, .started(_, let isRepeatable)) = entry.message else { return [] }
            return [.command(.dispatch(agent, id, attempt, isRepeatable: isRepeatable))]
        case .verifying(let attempt), .reconciling(let attempt, _):
            return [.command(.observe(id, attempt))] + startQueued(of: agent, at: entry.recordedAt, in: state)
        case .stored(let attempt, let evidence):
            return [close(run, id, .success(attempt, evidence), entry)]
        case .failed(let attempt, let reason):
            return [conclude(id, after: attempt, reason, otherwise: .failed(reason), entry, in: state)].compactMap(
                \.self)
        case .gone(let attempt, let reason):
            return [conclude(id, after: attempt, reason, otherwise: .lost(reason), entry, in: state)].compactMap(\.self)
        case .expired:
            return [close(run, id, .lost(.lost), entry)]
        case .stopped:
            return [close(run, id, .cancelled, entry)]
        case .ended:
            return [close(run, id, run.capturedVerdict, entry)]
        case .closed, .waiting:
            return startQueued(of: agent, at: entry.recordedAt, in: state) + judgeSlot(of: run, id, in: state)
        case .unconfirmed, .running, .captured:
            return []
        }
    }
}
