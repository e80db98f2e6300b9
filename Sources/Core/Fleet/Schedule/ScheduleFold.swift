extension Fleet.State {
    /// From the first start of an engine that knows schedules on, jobs have slots; none before that moment.
    mutating func startSchedules(_ start: EngineStart, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard start.rules >= Fleet.Limits.firstRulesWithSchedules else { return [] }
        let wasInDoubt = clockDoubt != nil
        clockDoubt =
            isDoubtful(start)
            ? ClockDoubt(behind: start.clockBehind, since: entry.recordedAt) : nil
        var changes: [Fleet.Change] = []
        if schedulesSince == nil {
            schedulesSince = entry.recordedAt
            for job in jobs.idsByCreation { changes += reschedule(job, .jobChanged, entry) }
        } else if wasInDoubt != (clockDoubt != nil) {
            advanceAll(entry)
        }
        return changes
    }

    mutating func advanceAll(_ entry: Entry<Fleet.Message>) {
        for job in schedules.idsByCreation { advance(job, entry) }
    }

    /// Brings the schedule of a job in step with the job, which may be gone. Another expression or zone counts from now on,
    /// and so does the first one.
    mutating func reschedule(
        _ id: JobID, _ reason: SlotVerdict.SkipReason, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard schedulesSince != nil else { return [] }
        var wanted: Schedule.Plan?
        if let spec = jobs[id]?.spec, !spec.cron.isEmpty {
            wanted = Schedule.Plan(cron: spec.cron, zone: spec.timeZone, cursor: entry.recordedAt)
        }
        let former = schedules[id]?.planInForce
        var changes: [Fleet.Change] = []
        if former?.cron != wanted?.cron || former?.zone != wanted?.zone {
            schedules[id, default: Schedule()].replace(with: wanted, at: entry.recordedAt, reason)
            if let wanted {
                forgetPlans(of: id, notIn: wanted.zone)
                changes = want(wanted.zone)
            }
        }
        advance(id, entry)
        forgetPlans(of: id, entry)
        return changes
    }

    /// Nobody knows the slots of a zone that was never read, and it may be none: where another takes its place, its plans owe
    /// nothing any more, or they would hold up that one's for ever.
    private mutating func forgetPlans(of id: JobID, notIn zone: Text) {
        guard let plans = schedules[id]?.plans else { return }
        let rest = plans.filter { $0.ending == nil || $0.zone == zone || rules(of: $0.zone) != nil }
        schedules[id]?.plans = rest
    }

    /// While their zone cannot be read, nobody knows the slots of former expressions. Beyond so many of them the oldest owes
    /// nothing any more, or a job that is changed again and again would grow for ever.
    private mutating func forgetPlans(of id: JobID, _ entry: Entry<Fleet.Message>) {
        guard let plans = schedules[id]?.plans, plans.count > Fleet.Limits.plansPerJob,
            let oldest = plans.firstIndex(where: { $0.ending != nil && rules(of: $0.zone) == nil })
        else { return }
        schedules[id]?.plans.remove(at: oldest)
        advance(id, entry)
    }

    /// Looks for the next slot of a job, and arms its deadline. Plans that have no slots left are dropped.
    mutating func advance(_ id: JobID, _ entry: Entry<Fleet.Message>) {
        guard schedules.contains(id) else { return timers.disarm(.schedule(id)) }
        var next: Schedule.Upcoming?
        search: while let schedule = schedules[id], let plan = schedule.plans.first {
            switch upcoming(of: id, plan, after: plan.cursor, lastDue: schedule.lastDue) {
            case .slot(let slot, let due):
                next = Schedule.Upcoming(slot: slot, due: due)
                break search
            case .unknown: break search
            case .nothing: schedules[id]?.plans.removeFirst()
            }
        }
        schedules[id]?.next = next
        if schedules[id]?.isOver == true { schedules[id] = nil }
        guard let due = next?.due, clockDoubt == nil else { return timers.disarm(.schedule(id)) }
        if timers.due(.schedule(id)) != due { timers.arm(.schedule(id), due: due, by: entry.position) }
    }

    /// The time of a schedule has come.
    mutating func passSchedule(_ id: JobID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard clockDoubt == nil, let due = schedules[id]?.next?.due else { return [] }
        guard due <= entry.recordedAt else {
            timers.arm(.schedule(id), due: due, by: entry.position)
            return []
        }
        return [.slots(id)]
    }

    mutating func fold(
        _ decision: SlotDecision, of id: JobID, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        switch decision {
        case .opened(let slot, let run, let order, _):
            madeCount &+= 1
            schedules[id, default: Schedule()].meet(slot)
            schedules[id, default: Schedule()].open.append(Schedule.OpenSlot(slot: slot, run: run))
            advance(id, entry)
            return queue(run, order, entry)
        case .judged(let slot, let verdict, _):
            if let place = schedules[id]?.open.firstIndex(where: { $0.slot == slot }) {
                if let run = schedules[id]?.open.remove(at: place).run {
                    touch(run, entry) { if !$0.isOpen { $0.deadline = entry.recordedAt + Fleet.Limits.tombstone } }
                }
            } else {
                schedules[id]?.meet(slot)
                if verdict == .missed(.serverAway), let schedule = schedules[id] {
                    schedules[id]?.absence = Schedule.Absence(schedule.absence, and: slot)
                }
            }
            advance(id, entry)
            return [.slotJudged(id, slot, verdict)]
        }
    }
}

extension Fleet.State {
    /// Whether the slot that a run was made for has no verdict.
    func hasOpenSlot(of run: Run, _ id: RunID) -> Bool {
        guard let slot = run.order.slot, let open = schedules[run.order.job]?.open else { return false }
        return open.contains { $0.slot == slot && $0.run == id }
    }
}

/// What a plan's next slot is, and when it opens.
enum UpcomingSlot {
    case slot(Slot, due: Timestamp)
    case nothing
    case unknown
}

extension Fleet.State {
    /// The first slot of a plan behind a moment. What is due comes behind what was due before it.
    func upcoming(
        of id: JobID, _ plan: Schedule.Plan, after moment: Timestamp, lastDue: Timestamp
    ) -> UpcomingSlot {
        switch plan.outlook(after: moment, in: rules(of: plan.zone)) {
        case .nothing: return .nothing
        case .unknown: return .unknown
        case .slot(let slot):
            let jitter = plan.ending == nil ? self.jitter(of: id, slot) : Milliseconds(0)
            return .slot(slot, due: max(slot.instant + jitter, lastDue + Milliseconds(1)))
        }
    }

    /// The lot of a slot: the same whenever it is asked for, and another for each slot and job.
    private func jitter(of id: JobID, _ slot: Slot) -> Milliseconds {
        guard let limit = jobs[id]?.spec.jitterSeconds, limit > 0 else { return Milliseconds(0) }
        let counter = UInt64(bitPattern: slot.instant.milliseconds)
        let bits = Mix.bits(seed: seed ^ FNV.hash(of: id.text), counter: counter)
        return Milliseconds(Int64(bits % (UInt64(limit) * 1_000 + 1)))
    }
}
