/// What is made of a wall clock that cannot be right, or may not be. Far behind the log at a start, it is in doubt, and
/// nothing that goes by the calendar happens. Far ahead, the time may have passed or not: schedules go on, since backups
/// must not stop for it, but no backup grows older by it until somebody says that the clock is right.
///
/// The log's clock never runs backwards, so after a leap that is set back it is ahead of the wall clock, by the lead less
/// what is still in doubt (``distance``). It runs at half speed then, and so comes closer by as much as it advances.
extension Fleet.State {
    /// The first look at the clock of a new process.
    mutating func startClock(_ start: EngineStart, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard start.rules >= Fleet.Limits.firstRulesWithCalendars else { return [] }
        approach()
        let closer = distance - max(start.clockBehind, Milliseconds(0))
        var changes: [Fleet.Change] = []
        if closer.count < 0 {
            changes += setBack(by: closer.magnitude, believing: Fleet.Limits.longAbsence, entry)
        } else {
            let jump = absence(before: entry)
            if closer + jump > Fleet.Limits.longAbsence, !objects.isEmpty {
                changes += leap(by: jump, inDoubt: closer + jump, entry)
            } else {
                setLead(clockLead - closer, entry)
            }
        }
        let behind = AlertKey(.clockBehind, AlertKey.server)
        if (clockDoubt != nil) != alerts.contains(behind) { changes.append(.alert(behind)) }
        return changes
    }

    /// A jump of the wall clock while the process lives.
    mutating func stepClock(_ step: Milliseconds, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        approach()
        // Behind a start with a clock that was far behind comes the rest of an absence.
        let limit = clockDoubt == nil ? Fleet.Limits.clockLeap : Fleet.Limits.longAbsence
        var changes = revisitDoubt(step, entry)
        guard step.count > 0 else {
            // Beyond the leap, it is the log that was ahead without anybody's doubt.
            let rest = step.magnitude - min(step.magnitude, clockLeap?.ahead ?? Milliseconds(0))
            changes += setBack(by: step.magnitude, believing: Fleet.Limits.clockLeap, entry)
            if rest > Fleet.Limits.clockLeap { setLead(clockLead + rest, entry) }
            return changes
        }
        let jump = jump(of: step, entry)
        // The rest brought the wall clock closer to a log that is ahead of it.
        let closer = min(step - jump, distance)
        guard !objects.isEmpty else {
            setLead(clockLead - closer, entry)
            return changes
        }
        guard max(jump, closer) > limit else { return changes }
        return changes + leap(by: jump, inDoubt: jump + closer, entry)
    }

    /// A clock in doubt that is set: by as much it is further behind the log, or nearer. Near enough, nobody need say that it
    /// is right.
    private mutating func revisitDoubt(_ step: Milliseconds, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard let doubt = clockDoubt else { return [] }
        let behind = doubt.behind - step + (step.count > 0 ? jump(of: step, entry) : Milliseconds(0))
        clockDoubt?.behind = behind
        return behind > Fleet.Limits.clockDoubt ? [] : endDoubt(entry)
    }

    private mutating func endDoubt(_ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        clockDoubt = nil
        advanceAll(entry)
        return [.alert(AlertKey(.clockBehind, AlertKey.server))]
    }

    /// How far the log's clock jumped with the wall clock: by no more than what lies between two entries, since it may have
    /// been ahead.
    func jump(of step: Milliseconds, _ entry: Entry<Fleet.Message>) -> Milliseconds {
        min(step, absence(before: entry))
    }

    /// Somebody says that the clock is right.
    mutating func confirmClock(_ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        approach()
        if let doubt = clockDoubt {
            // The log itself is ahead by as much, less what it has come closer by since, and it is the log's moments that
            // locks are looked at by.
            let behind = doubt.behind - ((recordedAt ?? doubt.since) - doubt.since)
            if behind > clockLead { setLead(behind, entry) }
            return endDoubt(entry)
        }
        return clockLeap == nil ? [] : believeLeap(entry)
    }

    /// How far the log's clock was ahead of the wall clock when that was looked at last.
    private var distance: Milliseconds { clockLead - min(clockLead, clockLeap?.ahead ?? Milliseconds(0)) }

    /// While the wall clock is behind it, the log's clock comes closer by as much as it advances.
    private mutating func approach() {
        guard let since = clockLeadAt, let recordedAt else { return }
        clockLead = clockLead - min(distance, max(recordedAt - since, Milliseconds(0)))
        clockLeadAt = clockLead.count == 0 ? nil : recordedAt
    }

    /// Whether a start finds the wall clock further behind the log than was known, or nobody has said so far that it is right.
    mutating func isDoubtful(_ start: EngineStart) -> Bool {
        approach()
        let known = clockDoubt == nil ? distance : Milliseconds(0)
        return start.clockBehind - known > Fleet.Limits.clockDoubt
    }

    private func absence(before entry: Entry<Fleet.Message>) -> Milliseconds {
        recordedAt.map { entry.recordedAt - $0 } ?? Milliseconds(0)
    }

    private mutating func setLead(_ lead: Milliseconds, _ entry: Entry<Fleet.Message>) {
        let isShorter = lead < clockLead
        clockLead = max(lead, Milliseconds(0))
        clockLeadAt = clockLead.count == 0 ? nil : entry.recordedAt
        // Locks end sooner than their jobs are looked at next.
        guard isShorter else { return }
        for id in locks.idsByCreation { if let job = objects[id]?.job { review(job, entry) } }
    }

    /// Time that may not have passed: no object grows older by what the log's clock has jumped.
    private mutating func leap(
        by jump: Milliseconds, inDoubt span: Milliseconds, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        for id in objects.idsByCreation { objects[id]?.putOff(by: jump) }
        clockLeap = ClockLeap(ahead: (clockLeap?.ahead ?? Milliseconds(0)) + span, since: entry.recordedAt)
        setLead(clockLead + jump, entry)
        return [.alert(AlertKey(.clockAhead, AlertKey.server))]
    }

    /// The wall clock is further back than it was: by so much a leap was no time. What is left of it is believed where it is
    /// no more than a clock may jump by, or a server be away for, and most of it is gone: a lag of milliseconds says nothing.
    private mutating func setBack(
        by span: Milliseconds, believing limit: Milliseconds, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard let leap = clockLeap else { return [] }
        let refuted = min(span, leap.ahead)
        for id in objects.idsByCreation { objects[id]?.settle(refuted) }
        clockLeap?.ahead = leap.ahead - refuted
        let rest = leap.ahead - refuted
        return rest > min(limit, refuted) ? [] : believeLeap(entry)
    }

    /// What is in doubt has been time.
    private mutating func believeLeap(_ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        for id in objects.idsByCreation { objects[id]?.undoDeferral() }
        setLead(distance, entry)
        clockLeap = nil
        for job in jobs.idsByCreation { review(job, entry) }
        return [.alert(AlertKey(.clockAhead, AlertKey.server))]
    }

    /// Whether retention deletes nothing until somebody has confirmed the clock.
    public var holdsRetention: Bool { clockDoubt != nil || clockLeap != nil }

    /// Now by the log's clock, by which backups age.
    public func moment(at wallTime: Timestamp) -> Timestamp { max(wallTime, recordedAt ?? wallTime) }

    /// How much longer locks hold than their dates say: what the log may be ahead by, also where that is in doubt.
    public var lockLead: Milliseconds { max(clockLead, clockDoubt?.behind ?? Milliseconds(0)) }

    /// The moment by which locks are judged: the log's, less what it may be ahead by.
    public func lockMoment(at moment: Timestamp) -> Timestamp { moment + (Milliseconds(0) - lockLead) }
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
