extension Fleet {
    /// Applies one entry, in place. The last case names every message instead of `default`: a new message does not
    /// compile until someone says what it changes.
    public static func fold(_ entry: Entry<Message>, into state: inout State) -> [Change] {
        let changes = apply(entry, to: &state)
        state.recordedAt = entry.recordedAt
        return changes
    }

    private static func apply(_ entry: Entry<Message>, to state: inout State) -> [Change] {
        switch entry.message {
        case .started(let start): state.start(start, entry)
        case .captureOpened(let agent): state.openCapture(of: agent)
        case .sessionOpened(let agent, let opening): state.openSession(of: agent, opening, entry)
        case .sessionClosed(let agent, let session, let closing): state.closeSession(of: agent, session, closing, entry)
        case .received(let agent, let frame): state.receive(frame, from: agent, entry)
        case .captured(let agent, let frame): state.fold(frame, of: agent, entry)
        case .unreadable(let agent, let frame): state.fold(frame, of: agent, entry)
        case .requested(let request, let ticket): [.asked(request, ticket)]
        case .accepted(let acceptance, let ticket): state.accept(acceptance, ticket, entry)
        case .deadline(let key): state.pass(key, entry)
        case .presence(let agent, let presence): state.setPresence(of: agent, presence)
        case .noted(let anomaly): state.note(anomaly)
        case .decided(let run, let decision): state.fold(decision, of: run, entry)
        case .object(let object, let decision): state.fold(decision, of: object, entry)
        case .alerted(let decision): state.fold(decision, entry)
        case .scheduled(let job, let decision): state.fold(decision, of: job, entry)
        case .outcome(let outcome): state.fold(outcome, entry)
        case .clockStepped(let step): state.skip(step, entry)
        case .disk(let fact): state.fold(fact, entry)
        case .judged(let check, let decision): state.fold(decision, of: check, entry)
        case .command(let command): state.give(command, entry)
        case .refused, .faulted: []
        }
    }
}

extension Fleet.State {
    /// Our own absence is not the agents': sessions of the former process are over, and all timers of silence and
    /// grace begin anew.
    mutating func start(_ start: EngineStart, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        if startCount == 0 { seed = start.seed }
        startCount &+= 1
        planSurvey(after: Fleet.Limits.surveyDelay, entry)
        for id in agents.idsByCreation {
            _ = loseSession(of: id, entry)
            endClaim(of: id)
            for run in agents[id]?.openRuns ?? [] {
                touch(run, entry) { $0.resumed(at: entry.recordedAt) }
                armCancellation(of: run, entry)
            }
            // Not decided one by one: with a large fleet that would be a turn of thousands of messages.
            if agents[id]?.status == .online { agents[id]?.status = .offline }
            watchAbsence(of: id, entry)
        }
        resumeChecks(isLong: true, entry)
        return startSchedules(start, entry) + startCalendars(start, entry) + startClock(start, entry)
    }

    /// A jump of our own clock forwards is time that has not passed for anyone else.
    mutating func skip(_ step: Milliseconds, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        let passed = jump(of: step, entry)
        let changes = stepClock(step, entry)
        if step.count > 0 { excuse(passed, entry) }
        return changes
    }

    /// For so long nobody could be heard: that is no absence of agents, and no run's time.
    mutating func excuse(_ span: Milliseconds, _ entry: Entry<Fleet.Message>) {
        for id in agents.idsByCreation where agents[id]?.isCaptured == false {
            if agents[id]?.session != nil {
                timers.arm(.silence(id), due: entry.recordedAt + Fleet.Limits.silence, by: entry.position)
            }
            if let sentAt = agents[id]?.configSentAt { agents[id]?.configSentAt = sentAt + span }
            if let welcomedAt = agents[id]?.session?.welcomedAt { agents[id]?.session?.welcomedAt = welcomedAt + span }
            if claims.contains(id) {
                let due = entry.recordedAt + Fleet.Limits.claim
                claims[id]?.dueAt = due
                timers.arm(.claim(id), due: due, by: entry.position)
            }
            skipStops(of: id, span)
            skipAlerts(of: id, span, entry)
            for run in agents[id]?.openRuns ?? [] {
                touch(run, entry) { $0.skipped(span) }
                armCancellation(of: run, entry)
            }
        }
        resumeChecks(isLong: false, entry)
    }

    mutating func openCapture(of agent: AgentID) -> [Fleet.Change] {
        if !agents.contains(agent) { agents[agent] = Agent(name: agent.text, keyDigest: [], isCaptured: true) }
        agents[agent]?.configVersion = 0
        return []
    }

    mutating func note(_ anomaly: Anomaly) -> [Fleet.Change] {
        agents[anomaly.agent]?.note(anomaly.kind)
        return []
    }

    mutating func setPresence(of agent: AgentID, _ presence: Presence) -> [Fleet.Change] {
        agents[agent]?.status = presence == .online ? .online : .offline
        return []
    }

    mutating func pass(_ key: TimerKey, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        timers.disarm(key)
        switch key {
        case .silence(let agent):
            return fallSilent(agent, entry)
        case .run(let run):
            guard let before = runs[run] else { return [] }
            guard before.due <= entry.recordedAt else {
                timers.arm(key, due: before.due, by: entry.position)
                return []
            }
            guard before.isOpen else {
                // Its slot's verdict follows in the turn of its own; where that turn was cut off, it follows now.
                if hasOpenSlot(of: before, run) {
                    touch(run, entry) { $0.deadline = entry.recordedAt + Fleet.Limits.observation }
                    return [.run(run, before: before.phase)]
                }
                runs[run] = nil
                timers.disarm(.leftovers(run))
                return []
            }
            return fold(run, entry) { run in
                let signs = run.duePassed(at: entry.recordedAt)
                run.lookAgain(after: entry.recordedAt)
                return signs
            }
        case .idempotency(let key):
            answers[key] = nil
            return []
        case .claim(let agent):
            return promoteClaim(of: agent, entry)
        case .retention(let job):
            return reviewed(job, entry)
        case .leftovers(let run):
            return runs[run]?.isOpen == false ? [.leftovers(run)] : []
        case .deletion(let key):
            return deletions.contains(key) ? [.deletion(key)] : []
        case .survey:
            planSurvey(after: Fleet.Limits.survey, entry)
            return timers.due(.survey) == nil ? [] : [.surveyDue]
        case .window(let agent):
            armWindow(of: agent, entry)
            return [.ready(agent)]
        case .starts:
            return passStarts(entry)
        case .cancellation(let run):
            return fold(run, entry) {
                $0.cancelUnanswered(by: entry.position)
                return []
            }
        case .alert(let key):
            return passAlert(key, entry)
        case .schedule(let job):
            return passSchedule(job, entry)
        case .zone(let zone):
            return renew(zone)
        case .check(let check):
            return passCheck(check, entry)
        }
    }

    /// What is under way as soon as it is ordered.
    mutating func give(_ command: Command, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        if case .probeTarget(let check) = command { checks[check]?.probe = entry.position }
        if case .readZone(let zone, _) = command { zones[zone]?.isAsked = true }
        return []
    }

    /// Changes a run and all that hangs on its phase: its timer, the agent's counts, and what follows from signs.
    mutating func fold(
        _ id: RunID, _ entry: Entry<Fleet.Message>, detail: Text = "", _ body: (inout Run) -> [Run.Sign]
    ) -> [Fleet.Change] {
        guard let before = runs[id] else { return [] }
        var signs: [Run.Sign] = []
        touch(id, entry) { signs = body(&$0) }
        guard let after = runs[id] else { return [] }
        var changes: [Fleet.Change] = signs.map { sign in
            let agent = after.order.agent
            return switch sign {
            case .late: .anomaly(Anomaly(agent: agent, kind: .lateReport, run: id, detail: detail))
            case .backwards: .anomaly(Anomaly(agent: agent, kind: .progressBackwards, run: id, detail: detail))
            case .repeatedCompletion:
                .anomaly(Anomaly(agent: agent, kind: .repeatedCompletion, run: id, detail: detail))
            case .completionAfterFailure:
                .anomaly(Anomaly(agent: agent, kind: .completionAfterFailure, run: id, detail: detail))
            case .observe(let attempt): .observation(id, attempt)
            case .follow: .run(id, before: after.phase)
            }
        }
        // Whatever ended the wait, be it a cancellation, the agent's other runs must not wait for ever for its end.
        if before.waitsToBeSentAgain, !after.waitsToBeSentAgain, after.attemptInFlight == nil {
            let agent = after.order.agent
            if agents[agent]?.session?.isWelcomed == true { agents[agent]?.session?.takesRuns = true }
            changes.append(.ready(agent))
        }
        changes += oddities(of: id, before: before, after: after).map { .anomaly($0) }
        if before.phase != after.phase { changes.append(.run(id, before: before.phase)) }
        return changes
    }

    /// Changes a run in place and keeps its timer and its agent's counts in step.
    mutating func touch(_ id: RunID, _ entry: Entry<Fleet.Message>, _ body: (inout Run) -> Void) {
        guard let before = runs[id] else { return }
        body(&runs[id, default: before])
        guard let after = runs[id] else { return }
        if timers.due(.run(id)) != after.due { timers.arm(.run(id), due: after.due, by: entry.position) }
        if before.phase != after.phase { watchLateness(of: id, entry) }
        let wasInFlight = before.attemptInFlight != nil
        let isInFlight = after.attemptInFlight != nil
        if wasInFlight != isInFlight {
            let count = agents[after.order.agent]?.inFlightCount ?? 0
            agents[after.order.agent]?.inFlightCount = isInFlight ? count &+ 1 : count &- min(1, count)
        }
        let (wasQueued, isQueued) = (before.phase == .queued, after.phase == .queued)
        if wasQueued != isQueued { countQueued(of: after.order.agent, isQueued ? 1 : -1, entry) }
        if before.isOpen, !after.isOpen {
            agents[after.order.agent]?.openRuns.removeAll { $0 == id }
            timers.disarm(.cancellation(id))
        }
    }
}
