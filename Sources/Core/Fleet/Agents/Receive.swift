extension Fleet.State {
    /// A frame from an agent. Correctness comes from what it means, never from its number.
    mutating func receive(
        _ frame: ReceivedFrame, from id: AgentID, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        var verdict: [Fleet.Change] = []
        if let session = frame.session {
            if claims[id]?.session == session {
                hold(frame, of: id)
                return []
            }
            if conflicts[id]?.session == session { return [] }  // refused, and not closed yet
            if agents[id]?.session?.id == session {
                verdict = refuseClaim(of: id, entry)
            } else if case .register = frame.report {
                return []  // of a connection that is over already
            }
        }
        let isOfSession =
            agents[id]?.session != nil && (frame.session == nil || frame.session == agents[id]?.session?.id)
        var frame = frame
        if isOfSession, isMadeNow(frame, by: id) { frame.isReplayed = false }
        guard let heard = hear(frame, isOfSession: isOfSession, from: id, entry) else { return verdict }
        // What a former connection brings late, or what was kept, proves no life now. What ended has ended all the same.
        let isLive = isOfSession && !frame.isReplayed
        var changes = verdict + heard
        switch frame.report {
        case .register(let registration):
            if agents[id]?.isCaptured == true, agents[id]?.registration == nil {
                agents[id]?.name = registration.hostname
            }
            agents[id]?.registration = registration
            agents[id]?.session?.registeredSentAt = frame.sentAt
            changes += checkSkew(frame, from: id, entry)
            if let session = agents[id]?.session?.id { changes.append(.registered(id, session)) }
        case .heartbeat(let heartbeat):
            changes += checkSkew(frame, from: id, entry)
            changes += beat(heartbeat, frame, isLive: isLive, from: id, entry)
        case .discovery(let containers):
            guard let agent = agents[id] else { return changes }
            if let last = agent.discoveredSentAt, frame.sentAt < last, frame.isReplayed { return changes }
            agents[id]?.discovered = containers
            agents[id]?.discoveredSentAt = frame.sentAt
        case .jobUpdate(let update):
            changes += fold(update, frame, isLive: isLive, from: id, entry)
        case .completed(let completion):
            changes += onRun(completion.run, from: id, entry, what: "BackupCompleted", isEnd: true) { run, attempt in
                run.completed(
                    attempt, byteCount: completion.byteCount, digest: completion.digest, by: entry.position,
                    at: entry.recordedAt)
            }
        case .health(let result):
            changes += hear(result, isLive: isLive, from: id, entry)
        case .log, .restore, .acknowledgement, .other:
            break
        }
        // Behind what the frame says, which may be the list itself.
        if isOfSession, !changes.holdsPhase { changes += overdueList(of: id, at: entry.recordedAt) }
        return changes
    }

    /// What looks older than its connection was kept from before, or the clock was set back meanwhile. No heartbeat is kept, and
    /// by the second one all that was has come.
    private func isMadeNow(_ frame: ReceivedFrame, by id: AgentID) -> Bool {
        if case .heartbeat = frame.report { return true }
        return agents[id]?.numbers.heartbeatCount == 2
    }

    private mutating func beat(
        _ heartbeat: Heartbeat, _ frame: ReceivedFrame, isLive: Bool, from id: AgentID, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard let agent = agents[id] else { return [] }
        if let last = agent.heartbeatSentAt, frame.sentAt < last, !isLive { return [] }
        agents[id]?.heartbeatSentAt = frame.sentAt
        agents[id]?.appliedConfigVersion = heartbeat.configVersion
        if let metrics = heartbeat.metrics { agents[id]?.metrics = metrics }
        guard isLive else { return [] }
        var changes = checkApplied(heartbeat, of: id, entry) + alertsToLookAt(of: id)
        if agent.session?.isWelcomed == true {
            // What could not be sent, as while the vault was busy, is sent now. Whichever version the agent names: one
            // that has known a higher one may name that until it is restarted.
            if agent.configSentAt == nil { changes.append(.configuration(id)) }
            changes += agent.openRuns.filter { runs[$0]?.isCancellationUntold == true }.map { .cancellation($0) }
        }
        return agent.journalsRuns ? changes + list(heartbeat.activeJobIDs, of: id, entry) : changes
    }

    /// What a journaling agent was sent, was out of touch about, and does not list when it is back: it died before the run
    /// was in its journal, or the run is over and its report is on its way. To send the same attempt again is right for
    /// both, since it runs no run of its journal twice: it begins the first, and reports about the second once more. So the
    /// attempt does not end as lost, and none is used up. What somebody wants cancelled is not begun, nor is what would go
    /// on beside an attempt that was given up and holds its target: its grace runs out.
    func forgotten(by id: AgentID) -> [Fleet.Change] {
        guard let agent = agents[id] else { return [] }
        let lost = agent.openRuns.compactMap { run -> ListedAttempt? in
            guard let known = runs[run], known.isRepeatable, known.grace != nil, !known.isCancelRequested else {
                return nil
            }
            switch known.phase {
            case .running(let attempt), .unconfirmed(let attempt): return ListedAttempt(run: run, attempt: attempt)
            case .queued, .sending, .verifying, .reconciling, .stored, .failed, .gone, .waiting, .expired, .stopped,
                .captured, .ended, .closed:
                return nil
            }
        }
        return Fleet.admitted(lost, of: agent, in: self).map { .forgotten($0.run, $0.attempt) }
    }

    private mutating func fold(
        _ update: JobUpdate, _ frame: ReceivedFrame, isLive: Bool, from id: AgentID, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard let wire = update.run ?? onlyRunInFlight(of: update.job, at: id) else { return [] }
        let isEnd = update.status == .failed || update.status == .cancelled
        return onRun(wire, from: id, entry, what: "JobUpdate", isEnd: isEnd) { run, attempt in
            switch update.status {
            case .failed:
                run.failed(attempt, frame.failure ?? .unknown, by: entry.position, at: entry.recordedAt)
            case .cancelled: run.cancelled(attempt, by: entry.position)
            case .queued, .running, .success, .unspecified, .unknown:
                run.progressed(
                    attempt, percent: min(update.progressPercent, 100), sentAt: frame.sentAt, isLive: isLive,
                    at: entry.recordedAt)
            }
        }
    }

    /// Folds a report into the run it names, if that is a run of this agent; else it is an anomaly.
    private mutating func onRun(
        _ wire: WireRunID, from id: AgentID, _ entry: Entry<Fleet.Message>, what: StaticString, isEnd: Bool,
        _ body: (inout Run, Attempt) -> [Run.Sign]
    ) -> [Fleet.Change] {
        let detail = Text("\(what) for \(wire.text.prefix(byteCount: 100))")
        guard let (run, attempt) = locate(wire) else {
            return [.anomaly(Anomaly(agent: id, kind: .unknownRun, run: nil, detail: detail))]
        }
        guard runs[run]?.order.agent == id else {
            return [.anomaly(Anomaly(agent: id, kind: .foreignRun, run: nil, detail: detail))]
        }
        let freed = isEnd ? reportedOver(run, attempt, by: id) : []
        let changes = fold(run, entry, detail: detail) {
            if $0.phase == .captured { $0.deadline = entry.recordedAt + Fleet.Limits.capture }
            return body(&$0, attempt)
        }
        return changes.holdsPhase ? changes : freed + changes
    }

    /// The run and attempt that an id from the wire names: a captured run by its whole id, a run of our own by its
    /// parts. Nil when this log does not know it, or the attempt was never started.
    func locate(_ wire: WireRunID) -> (RunID, Attempt)? {
        let whole = RunID(wire.text)
        if let run = runs[whole], run.isCaptured { return (whole, run.attempt) }
        guard let (id, attempt) = wire.parts, let run = runs[id], !run.isCaptured, attempt <= run.attempt else {
            return nil
        }
        return (id, attempt)
    }

    /// For agents that know only jobs: the job's run, if just one is being worked on.
    func onlyRunInFlight(of job: JobID, at id: AgentID) -> WireRunID? {
        let candidates = (agents[id]?.openRuns ?? []).filter {
            runs[$0]?.order.job == job && runs[$0]?.attemptInFlight != nil
        }
        guard candidates.count == 1, let run = candidates.first, let attempt = runs[run]?.attemptInFlight else {
            return nil
        }
        return runs[run]?.isCaptured == true ? WireRunID(run.text) : WireRunID(run, attempt)
    }

    mutating func fold(
        _ frame: UnreadableFrame, of id: AgentID, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard frame.isFromAgent, agents.contains(id) else { return [] }
        agents[id]?.lastSeenAt = entry.recordedAt
        agents[id]?.numbers.skip()
        return [
            .anomaly(
                Anomaly(agent: id, kind: .unreadableFrame, run: nil, detail: frame.problem.prefix(byteCount: 200)))
        ]
    }

    /// A frame of a captured server.
    mutating func fold(_ frame: CapturedFrame, of id: AgentID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard agents[id]?.isCaptured == true else { return [] }
        switch frame.order {
        case .registerAck(let session, let version):
            if agents[id]?.session?.id == nil { agents[id]?.session?.id = session }
            agents[id]?.session?.welcomedAt = entry.recordedAt
            if let version { configured(id, version, entry) }
            return []
        case .configUpdate(let version):
            if let version { configured(id, version, entry) }
            return []
        case .runBackup(let job, let wire, let isManual):
            let run = RunID(wire.text)
            if !runs.contains(run) {
                let order = RunOrder(
                    job: job, agent: id, target: TargetID(""), isManual: isManual, timeoutSeconds: 0, retentionDays: 0)
                runs[run] = Run(order: order, phase: .captured, at: entry.recordedAt)
                agents[id]?.openRuns.append(run)
            }
            guard runs[run]?.order.agent == id else { return [] }
            return fold(run, entry) {
                $0.delivered(by: entry.position, at: entry.recordedAt)
                return []
            }
        case .cancelJob(let job):
            guard let wire = onlyRunInFlight(of: job, at: id) else { return [] }
            return fold(RunID(wire.text), entry) {
                $0.cancelAsked(by: entry.position)
                return []
            }
        case .other:
            return []
        }
    }

    private mutating func configured(_ id: AgentID, _ version: UInt64, _ entry: Entry<Fleet.Message>) {
        agents[id]?.configVersion = version
        agents[id]?.configSentAt = entry.recordedAt
    }
}

extension [Fleet.Change] {
    /// Whether a run's phase is among them. Others are started with what follows from that; were they started for another
    /// reason too, they would be twice, since all that follows from an entry is decided in the same state.
    fileprivate var holdsPhase: Bool { contains { if case .run = $0 { true } else { false } } }
}
