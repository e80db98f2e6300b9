/// What alerts keep in the state, and the moments at which they are looked at again: one timer a key, for the moment from
/// which something that is not over will be an alert, and, once it is one, for the next reminder.
extension Fleet.State {
    mutating func fold(_ decision: AlertDecision, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        let key = decision.key
        switch decision.step {
        case .opened:
            alerts[key] = Alert(
                id: decision.id, agent: decision.agent, detail: decision.detail, openedAt: entry.recordedAt,
                openedBy: entry.position, lastAt: entry.recordedAt, lastCause: entry.cause ?? entry.position)
            timers.arm(.alert(key), due: entry.recordedAt + Fleet.Limits.reminder, by: entry.position)
            told(key)
        case .repeated:
            guard let alert = alerts[key] else { return [] }
            alerts[key]?.count = alert.count &+ 1
            alerts[key]?.detail = decision.detail
            alerts[key]?.lastAt = entry.recordedAt
            alerts[key]?.lastCause = entry.cause ?? entry.position
            told(key)
        case .reminded:
            break
        case .resolved:
            alerts[key] = nil
            timers.disarm(.alert(key))
            // It has begun at last, and may take too long.
            if key.kind == .runLate { watchLateness(of: RunID(key.subject), entry) }
        }
        return []
    }

    /// What we missed ourselves is told once.
    private mutating func told(_ key: AlertKey) {
        let job = JobID(key.subject)
        if key.kind == .slotMissed, schedules.contains(job) { schedules[job]?.absence = nil }
    }

    mutating func acknowledge(_ key: AlertKey, _ ticket: Ticket, _ entry: Entry<Fleet.Message>) {
        guard alerts.contains(key) else { return }
        alerts[key]?.acknowledgedBy = ticket.token
        alerts[key]?.acknowledgedAt = entry.recordedAt
    }

    /// The time has come to look at an alert.
    mutating func passAlert(_ key: AlertKey, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        if alerts.contains(key) {
            timers.arm(.alert(key), due: entry.recordedAt + Fleet.Limits.reminder, by: entry.position)
        }
        return [.alert(key)]
    }

    /// From this moment on it is an alert, unless it is over before.
    mutating func watch(_ key: AlertKey, from moment: Timestamp, _ entry: Entry<Fleet.Message>) {
        guard !alerts.contains(key) else { return }
        timers.arm(.alert(key), due: moment, by: entry.position)
    }

    /// It is over before it was an alert.
    mutating func stopWatching(_ key: AlertKey) {
        if !alerts.contains(key) { timers.disarm(.alert(key)) }
    }

    /// An agent is out of reach from now on. One that never connected is not missed.
    mutating func watchAbsence(of id: AgentID, _ entry: Entry<Fleet.Message>) {
        guard let agent = agents[id], !agent.isCaptured, agent.registration != nil else { return }
        watch(AlertKey(.agentLost, id), from: entry.recordedAt + Fleet.Limits.absence, entry)
    }

    /// When a run will be late, if it goes on as it does now.
    mutating func watchLateness(of id: RunID, _ entry: Entry<Fleet.Message>) {
        guard let run = runs[id], !run.isCaptured else { return }
        let key = AlertKey(.runLate, id)
        if let moment = run.lateAt { return watch(key, from: moment, entry) }
        stopWatching(key)
    }

    /// Our clock has jumped forwards: that time has not passed for anyone else.
    mutating func skipAlerts(of id: AgentID, _ step: Milliseconds, _ entry: Entry<Fleet.Message>) {
        for key in [AlertKey(.agentLost, id)] + (agents[id]?.openRuns ?? []).map({ AlertKey(.runLate, $0) }) {
            if !alerts.contains(key), let due = timers.due(.alert(key)) { watch(key, from: due + step, entry) }
        }
    }

    /// Open alerts about what is gone are looked at at once, each in a turn of its own: there may be hundreds.
    mutating func revisitAlerts(_ entry: Entry<Fleet.Message>, where isConcerned: (AlertKey, Alert) -> Bool) {
        var keys: [AlertKey] = []
        alerts.forEach { key, alert in if isConcerned(key, alert) { keys.append(key) } }
        for key in keys { timers.arm(.alert(key), due: entry.recordedAt, by: entry.position) }
    }
}

extension Run {
    /// From when on a run is late where it stands: it has waited for an hour, or takes longer than its job allows. Nil
    /// where nothing is said about its time, or its end is being made out.
    var lateAt: Timestamp? {
        switch phase {
        case .queued: queuedAt + Fleet.Limits.lateness
        case .sending, .unconfirmed, .running:
            order.timeoutSeconds == 0 ? nil : deadline + Milliseconds(-Fleet.Limits.overtime.count)
        case .waiting, .verifying, .reconciling, .stored, .failed, .gone, .expired, .stopped, .captured, .ended,
            .closed:
            nil
        }
    }
}

extension Fleet.State {
    /// The alerts about an agent that its last heartbeat begins or ends.
    func alertsToLookAt(of id: AgentID) -> [Fleet.Change] {
        guard let agent = agents[id], !agent.isCaptured else { return [] }
        var changes: [Fleet.Change] = []
        let (disk, configuration) = (AlertKey(.diskFull, id), AlertKey(.configNotApplied, id))
        let percent = agent.metrics?.diskPercent ?? 0
        if percent >= Fleet.Limits.fullDisk ? !alerts.contains(disk) : alerts.contains(disk) {
            changes.append(.alert(disk))
        }
        if agent.isConfigurationApplied, alerts.contains(configuration) { changes.append(.alert(configuration)) }
        return changes
    }
}
