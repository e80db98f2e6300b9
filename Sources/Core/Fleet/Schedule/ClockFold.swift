/// What is made of a wall clock that cannot be right, or may not be. Far behind the log at a start, it is in doubt, and
/// nothing that goes by the calendar happens. Far ahead, the time may have passed or not: schedules go on, since backups
/// must not stop for it, but no backup grows older by it until somebody says that the clock is right.
extension Fleet.State {
    /// The first look at the clock of a new process.
    mutating func startClock(_ start: EngineStart, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard start.rules >= Fleet.Limits.firstRulesWithCalendars else { return [] }
        var changes: [Fleet.Change] = []
        if start.clockBehind.count > 0 {
            changes += refuteLeap(by: start.clockBehind, entry)
            // While a leap may have been time, a clock that is a little behind says nothing about it.
            if clockLeap == nil { clockLead = min(clockLead, start.clockBehind) }
        } else {
            // The clocks have met.
            if clockLeap == nil { clockLead = Milliseconds(0) }
            changes += leap(of: absence(before: entry), beyond: Fleet.Limits.longAbsence, entry)
        }
        let behind = AlertKey(.clockBehind, AlertKey.server)
        if (clockDoubt != nil) != alerts.contains(behind) { changes.append(.alert(behind)) }
        return changes
    }

    /// A jump of the wall clock while the process lives.
    mutating func stepClock(_ step: Milliseconds, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        // The clock that is recorded does not jump by more than what lies between two entries: it may have been ahead.
        step.count > 0
            ? leap(of: min(step, absence(before: entry)), beyond: Fleet.Limits.clockLeap, entry)
            : refuteLeap(by: step.magnitude, entry)
    }

    /// Somebody says that the clock is right.
    mutating func confirmClock(_ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        if let doubt = clockDoubt {
            clockDoubt = nil
            // The log itself is ahead by as much, and it is the log's moments that locks are looked at by.
            clockLead = max(clockLead, doubt.behind)
            advanceAll(entry)
            return [.alert(AlertKey(.clockBehind, AlertKey.server))]
        }
        guard let leap = clockLeap else { return [] }
        for id in objects.idsByCreation { objects[id]?.takeUp() }
        clockLead = Milliseconds(clockLead.count - min(clockLead.count, leap.ahead.count))
        return endLeap(entry)
    }

    private func absence(before entry: Entry<Fleet.Message>) -> Milliseconds {
        recordedAt.map { entry.recordedAt - $0 } ?? Milliseconds(0)
    }

    /// Time that may not have passed: no object grows older by it.
    private mutating func leap(
        of span: Milliseconds, beyond limit: Milliseconds, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard span > limit, !objects.isEmpty else { return [] }
        for id in objects.idsByCreation { objects[id]?.putOff(by: span) }
        clockLeap = ClockLeap(ahead: (clockLeap?.ahead ?? Milliseconds(0)) + span, since: entry.recordedAt)
        clockLead = clockLead + span
        return [.alert(AlertKey(.clockAhead, AlertKey.server))]
    }

    /// The clock was set back by about as much as it had jumped: that time never passed.
    private mutating func refuteLeap(by span: Milliseconds, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard let leap = clockLeap, span.count >= leap.ahead.count / 2 else { return [] }
        return endLeap(entry)
    }

    private mutating func endLeap(_ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        clockLeap = nil
        for id in objects.idsByCreation { objects[id]?.deferral = Milliseconds(0) }
        for job in jobs.idsByCreation { review(job, entry) }
        return [.alert(AlertKey(.clockAhead, AlertKey.server))]
    }

    /// Whether retention deletes nothing until somebody has confirmed the clock.
    public var holdsRetention: Bool { clockDoubt != nil || clockLeap != nil }

    /// The moment by which locks are judged: never later than the true one.
    public func lockMoment(at moment: Timestamp) -> Timestamp { moment + Milliseconds(-clockLead.count) }
}

extension Fleet.State {
    /// How it stands with the control plane's own disk.
    mutating func fold(_ fact: DiskFact, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        let alert = Fleet.Change.alert(AlertKey(.serverDiskFull, AlertKey.server))
        switch fact {
        case .logWasFull(let span):
            diskShortage = DiskShortage(since: diskShortage?.since ?? entry.recordedAt, room: diskShortage?.room)
            // For the agents it is the same as a clock that jumped: time that they could not be heard in. It has passed, though.
            excuse(span, entry)
            return [alert]
        case .short(let room):
            diskShortage = DiskShortage(since: diskShortage?.since ?? entry.recordedAt, room: room)
            return [alert]
        case .roomy:
            diskShortage = nil
            return [alert]
        }
    }
}
