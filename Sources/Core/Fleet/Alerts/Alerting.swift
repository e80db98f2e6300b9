/// The one place where alerts are derived: from changes, and from the passing of their times.
extension Fleet {
    /// What a change means for alerts.
    static func alerts(_ change: Change, _ entry: Entry<Message>, in state: borrowing State) -> [Message] {
        switch change {
        case .run(let id, let before): return alertsOfRun(id, before, entry, in: state)
        case .session(let agent):
            guard state.agents[agent]?.session != nil else { return [] }
            return settle(AlertKey(.agentLost, agent), "it is connected again", entry, in: state)
        case .anomaly(let anomaly):
            guard state.agents[anomaly.agent]?.isCaptured == false else { return [] }
            switch anomaly.kind {
            case .identityConflict:
                return raise(
                    AlertKey(.identityConflict, anomaly.agent), of: anomaly.agent, anomaly.detail, entry, in: state)
            case .configNotApplied:
                return raise(
                    AlertKey(.configNotApplied, anomaly.agent), of: anomaly.agent, anomaly.detail, entry, in: state)
            case .unknownRun, .foreignRun, .lateReport, .progressBackwards, .sequenceReuse, .processRestart, .clockSkew,
                .silentAfterRegister, .backlogHang, .unreadableFrame, .completionAfterFailure, .repeatedCompletion,
                .messageReordered, .messageLost, .runCutOff, .unconfirmedCommand:
                return []
            }
        case .alert(let key): return look(at: key, entry, in: state)
        case .surveyed(let survey): return alertsOfSurvey(survey, entry, in: state)
        case .slots(let job): return alertsOfAbsence(of: job, entry, in: state)
        case .slotJudged(let job, let slot, let verdict): return alertsOfSlot(slot, verdict, of: job, entry, in: state)
        case .check(let id, _):
            return look(at: AlertKey(.checkDown, id), entry, in: state)
                + look(at: AlertKey(.checkFlapping, id), entry, in: state)
        // Of what a change does to the phase, and of a certificate that it makes due, their own decisions tell: looked at here
        // too, an alert would be resolved twice, or opened behind its end.
        case .certificate(let id):
            return look(at: AlertKey(.certificateExpiring, id), entry, in: state)
        case .checkChanged(let id):
            if state.checks[id]?.dueCertificate != nil { return [] }
            return look(at: AlertKey(.certificateExpiring, id), entry, in: state)
        case .checked, .unheard, .probeDue, .asked, .registered, .ready, .disowned, .claimed, .rejected, .configuration,
            .cancellation, .observation, .forgotten, .abandoned, .startsFree, .deletion, .retention, .leftovers,
            .surveyDue,
            .vanished, .zone:
            return []
        }
    }

    private static func alertsOfRun(
        _ id: RunID, _ before: Run.Phase, _ entry: Entry<Message>, in state: borrowing State
    ) -> [Message] {
        guard let run = state.runs[id], !run.isCaptured else { return [] }
        let late = AlertKey(.runLate, id)
        var messages = state.alerts.contains(late) ? look(at: late, entry, in: state) : []
        guard case .closed(let verdict) = run.phase else { return messages }
        if case .closed = before { return messages }
        let key = AlertKey(.runFailed, run.order.job)
        switch verdict {
        case .success:
            messages += settle(key, Text("run \(id) succeeded"), entry, in: state)
        case .failed(let reason), .lost(let reason):
            guard state.jobs.contains(run.order.job) else { return messages }
            let detail = Text("run \(id) ended as \(verdict.word): \(reason.word)")
            messages += raise(key, of: run.order.agent, detail, entry, in: state)
        case .reported, .cancelled:
            break  // a wish of people's, which says nothing about the job
        }
        return messages
    }

    private static func alertsOfSlot(
        _ slot: Slot, _ verdict: SlotVerdict, of id: JobID, _ entry: Entry<Message>, in state: borrowing State
    ) -> [Message] {
        let key = AlertKey(.slotMissed, id)
        switch verdict {
        case .completed:
            return settle(key, Text("the run of \(slot.text) succeeded"), entry, in: state)
        case .missed(.agentAway):
            // Of a job that has no schedule any more it would be over before it is open.
            guard let job = state.jobs[id], !job.spec.cron.isEmpty else { return [] }
            return raise(key, of: job.agent, Text("\(slot.text): the agent did not take its run"), entry, in: state)
        case .missed(.serverAway), .failed, .skipped:
            // What we missed ourselves is told once for all its slots; a failed run has an alert of its own; what was
            // skipped was not to be.
            return []
        }
    }

    /// The slots of a job that we missed ourselves: one alert, told once they all have their verdicts, however many turns
    /// that takes.
    private static func alertsOfAbsence(
        of id: JobID, _ entry: Entry<Message>, in state: borrowing State
    ) -> [Message] {
        guard let job = state.jobs[id], !job.spec.cron.isEmpty else { return [] }
        let (met, hasMore) = meetSlots(of: id, entry, in: state)
        guard !hasMore else { return [] }
        var absence = state.schedules[id]?.absence
        for message in met {
            guard case .scheduled(_, .judged(let slot, .missed(.serverAway), _)) = message else { continue }
            absence = Schedule.Absence(absence, and: slot)
        }
        guard let absence else { return [] }
        let times =
            absence.count == 1
            ? "\(absence.first.text)" : "\(absence.count) times, from \(absence.first.text) to \(absence.last.text)"
        return raise(
            AlertKey(.slotMissed, id), of: job.agent, Text("\(times): the server was away"), entry, in: state)
    }

    /// What a survey did not find, or found again: one alert a job, however many objects it is.
    private static func alertsOfSurvey(
        _ survey: Survey, _ entry: Entry<Message>, in state: borrowing State
    ) -> [Message] {
        var lost = Table<JobID, [RunID]>()
        var found = Table<JobID, [RunID]>()
        for message in follow(survey, in: state) {
            guard case .object(let object, let decision) = message else { continue }
            if decision == .vanished { lost[object.job, default: []].append(object.run) }
            if decision == .returned { found[object.job, default: []].append(object.run) }
        }
        var messages: [Message] = []
        for job in lost.idsByCreation where state.jobs.contains(job) {
            let runs = lost[job] ?? []
            let which =
                runs.count == 1 ? "the object of run \(runs[0])" : "\(runs.count) objects, the first of run \(runs[0]),"
            messages += raise(
                AlertKey(.objectVanished, job), of: state.jobs[job]?.agent,
                Text("\(which) \(runs.count == 1 ? "is" : "are") not in the store"), entry, in: state)
        }
        for job in found.idsByCreation where !lost.contains(job) {
            let returned = found[job] ?? []
            if state.vanishedObjects(of: job).allSatisfy({ returned.contains($0) }) {
                messages += settle(AlertKey(.objectVanished, job), "all its objects are there again", entry, in: state)
            }
        }
        return messages
    }

    /// How it stands with what an alert is about.
    enum Standing: Hashable {
        /// It is as an open alert says.
        case wrong(agent: AgentID?, Text)
        /// Only an event begins or ends it, and none has.
        case undecided
        /// It is over, or what it was about is gone.
        case over(Text)
    }

    /// Looks at an alert: opens it, reminds of it, or resolves it, as things stand.
    private static func look(at key: AlertKey, _ entry: Entry<Message>, in state: borrowing State) -> [Message] {
        let standing = standing(of: key, at: entry.recordedAt, in: state)
        guard let alert = state.alerts[key] else {
            guard case .wrong(let agent, let detail) = standing else { return [] }
            return raise(key, of: agent, detail, entry, in: state)
        }
        if case .over(let detail) = standing { return settle(key, detail, entry, in: state) }
        guard case .deadline = entry.message, alert.acknowledgedBy == nil else { return [] }
        return [
            .alerted(AlertDecision(key: key, id: alert.id, agent: alert.agent, step: .reminded, detail: alert.detail))
        ]
    }

    private static func standing(of key: AlertKey, at moment: Timestamp, in state: borrowing State) -> Standing {
        let agentID = AgentID(key.subject)
        switch key.kind {
        case .runFailed:
            return state.jobs.contains(JobID(key.subject)) ? .undecided : .over("the job was deleted")
        case .slotMissed:
            guard let job = state.jobs[JobID(key.subject)] else { return .over("the job was deleted") }
            return job.spec.cron.isEmpty ? .over("the job has no schedule any more") : .undecided
        case .runLate:
            return lateness(of: RunID(key.subject), at: moment, in: state)
        case .objectVanished:
            let job = JobID(key.subject)
            guard let agent = state.jobs[job]?.agent else { return .over("the job was deleted") }
            let runs = state.vanishedObjects(of: job)
            guard let first = runs.first else { return .over("no object of the job is missing any more") }
            return .wrong(agent: agent, Text("objects of \(runs.count) runs are not in the store, one of run \(first)"))
        case .serverDiskFull:
            guard let shortage = state.diskShortage else { return .over("there is room again") }
            let room = shortage.room.map {
                Text("\($0.freeByteCount) of \($0.totalByteCount) bytes are free, which is too little")
            }
            return .wrong(agent: nil, room ?? "the log had no room")
        case .clockBehind:
            guard let doubt = state.clockDoubt else { return .over("the clock is believed again") }
            return .wrong(
                agent: nil, Text("the clock was \(doubt.behind.count / 1_000) s behind the log: no schedule runs"))
        case .clockAhead:
            guard let leap = state.clockLeap else { return .over("the clock is believed again") }
            return .wrong(
                agent: nil, Text("the clock went ahead by \(leap.ahead.count / 1_000) s: retention deletes nothing"))
        case .agentLost:
            guard let agent = state.agents[agentID] else { return .over("the agent was deleted") }
            if agent.session != nil { return .over("it is connected again") }
            let seen = agent.lastSeenAt.map { ", and was heard last at \($0.text)" } ?? ""
            return .wrong(agent: agentID, Text("it is not connected\(seen)"))
        case .identityConflict:
            guard state.agents.contains(agentID) else { return .over("the agent was deleted") }
            guard let conflict = state.conflicts[agentID] else { return .over("the agent has another key or host now") }
            return conflict.refusedAt + Limits.reminder > moment ? .undecided : .over("no other host came for a day")
        case .configNotApplied:
            guard let agent = state.agents[agentID] else { return .over("the agent was deleted") }
            return agent.isConfigurationApplied
                ? .over(Text("it names version \(agent.configVersion), as it should")) : .undecided
        case .checkDown, .checkFlapping, .certificateExpiring:
            return standing(of: key.kind, of: CheckID(key.subject), in: state)
        case .diskFull:
            guard let agent = state.agents[agentID] else { return .over("the agent was deleted") }
            guard let metrics = agent.metrics, metrics.diskTotalByteCount > 0 else { return .undecided }
            let percent = metrics.diskPercent
            if percent >= Limits.fullDisk { return .wrong(agent: agentID, Text("\(percent) % of its disk are in use")) }
            return percent < Limits.roomyDisk ? .over(Text("\(percent) % of its disk are in use")) : .undecided
        }
    }

    private static func standing(of kind: Alert.Kind, of id: CheckID, in state: borrowing State) -> Standing {
        guard let check = state.checks[id] else { return .over("the check was deleted") }
        if check.spec.isPaused { return .over("the check is paused") }
        if kind == .certificateExpiring {
            return check.expiringCertificate.map { .wrong(agent: check.agent, Text("it ends at \($0.text)")) }
                ?? .over("it was replaced, or another server is probed")
        }
        switch check.phase {
        case .unknown: return .undecided
        case .up: return .over("it is up")
        case .down:
            let error = check.last?.errorText ?? ""
            return kind == .checkDown
                ? .wrong(agent: check.agent, error.isEmpty ? "it is down" : Text("it is down: \(error)"))
                : .over("it is down")
        case .flapping:
            return kind == .checkFlapping ? .wrong(agent: check.agent, "it goes up and down") : .over("it is flapping")
        }
    }

    private static func lateness(of id: RunID, at moment: Timestamp, in state: borrowing State) -> Standing {
        guard let run = state.runs[id], run.isOpen else { return .over("the run has ended") }
        guard let lateAt = run.lateAt, lateAt <= moment else {
            switch run.phase {
            case .unconfirmed, .running: return .over("the run has begun")
            // Also while it is being sent, which may fail again and again.
            case .queued, .sending, .verifying, .reconciling, .stored, .failed, .gone, .waiting, .expired, .stopped,
                .captured, .ended, .closed:
                return .undecided
            }
        }
        let text: Text =
            run.phase == .queued ? "it has waited for an hour" : "it takes longer than its job's timeout_sec"
        return .wrong(agent: run.order.agent, text)
    }

    /// It happens: for the first time, or again.
    static func raise(
        _ key: AlertKey, of agent: AgentID?, _ detail: Text, _ entry: Entry<Message>, in state: borrowing State
    ) -> [Message] {
        guard let alert = state.alerts[key] else {
            // Not by a counter: several alerts may be opened by one entry, all decided in the same state.
            let seed = Mix.bits(seed: state.seed, counter: entry.position.number)
            let id = AlertID(bits: Mix.bits(seed: seed, counter: key.fingerprint))
            return [.alerted(AlertDecision(key: key, id: id, agent: agent, step: .opened, detail: detail))]
        }
        return [
            .alerted(AlertDecision(key: key, id: alert.id, agent: alert.agent, step: .repeated, detail: detail))
        ]
    }

    /// It is over.
    static func settle(
        _ key: AlertKey, _ detail: Text, _ entry: Entry<Message>, in state: borrowing State
    ) -> [Message] {
        guard let alert = state.alerts[key] else { return [] }
        let grounds = alert.openedBy == entry.position ? [] : [alert.openedBy]
        return [
            .alerted(
                AlertDecision(
                    key: key, id: alert.id, agent: alert.agent, step: .resolved, detail: detail, grounds: grounds))
        ]
    }
}

extension AgentMetrics {
    /// How full the disk is, in whole percent; 0 when its size is not known.
    var diskPercent: UInt64 {
        guard diskTotalByteCount > 0 else { return 0 }
        // By division first, where the product would not fit.
        let (product, isTooLarge) = diskUsedByteCount.multipliedReportingOverflow(by: 100)
        return min(
            100, isTooLarge ? diskUsedByteCount / max(1, diskTotalByteCount / 100) : product / diskTotalByteCount)
    }
}
