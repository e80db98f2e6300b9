extension Fleet {
    /// What becomes of the slots of a job that are due by now: of several only the newest may open, since nobody wants the
    /// backup of six hours ago six times; each of the others gets its verdict. At most so many in one turn that it stays
    /// far from its limit; the deadline comes back for the rest.
    ///
    /// - Returns: Also whether the deadline comes back.
    static func meetSlots(
        of id: JobID, _ entry: Entry<Message>, in state: borrowing State
    ) -> (messages: [Message], hasMore: Bool) {
        guard state.clockDoubt == nil, let schedule = state.schedules[id], let plan = schedule.plans.first,
            var next = schedule.next
        else { return ([], false) }
        var messages: [Message] = []
        while next.due <= entry.recordedAt {
            if messages.count == Limits.slotsPerTurn { return (messages, true) }
            let following = state.upcoming(of: id, plan, after: next.slot.instant, lastDue: next.due)
            if let ending = plan.ending {
                messages.append(.scheduled(id, .judged(next.slot, .skipped(ending.reason), run: nil)))
            } else if case .slot(_, let due) = following, due <= entry.recordedAt,
                entry.recordedAt - next.due > Limits.punctuality
            {
                messages.append(.scheduled(id, .judged(next.slot, .missed(.serverAway), run: nil)))
            } else {
                // Lots that are longer than the time between two slots make them due within moments of each other.
                // At most one run is made in a turn, since the next one's id follows from how many were made.
                messages.append(newest(next, of: id, entry, in: state))
                break
            }
            guard case .slot(let slot, let due) = following else { break }
            next = Schedule.Upcoming(slot: slot, due: due)
        }
        return (messages, false)
    }

    /// The newest slot that is due: it opens, unless it is too late or something is in its way.
    private static func newest(
        _ next: Schedule.Upcoming, of id: JobID, _ entry: Entry<Message>, in state: borrowing State
    ) -> Message {
        func judged(_ verdict: SlotVerdict, _ run: RunID?) -> Message {
            .scheduled(id, .judged(next.slot, verdict, run: run))
        }
        guard let job = state.jobs[id], let agent = state.agents[job.agent] else {
            return judged(.skipped(.jobDeleted), nil)
        }
        let lateness = entry.recordedAt - next.due
        let catchUp = Milliseconds.seconds(Int64(job.spec.catchUpSeconds))
        guard lateness <= max(catchUp, Limits.punctuality) else { return judged(.missed(.serverAway), nil) }
        let open = agent.openRuns.filter { state.runs[$0]?.order.job == id }
        switch job.spec.overlap {
        case .skip: if let run = open.first { return judged(.skipped(.overlap), run) }
        case .queue, .alongside:
            if open.count >= Limits.openRunsPerJob { return judged(.skipped(.queueFull), open.first) }
        }
        var order = order(of: id, job, isManual: false)
        order.slot = next.slot
        order.overlap = job.spec.overlap
        // An agent that was away as we were gets an hour to come back in any case.
        let patience = max(catchUp, Limits.shortestCatchUp)
        order.takeBy = max(next.slot.instant + patience, entry.recordedAt + Limits.shortestCatchUp)
        let run = RunID(bits: Mix.bits(seed: state.seed, counter: state.madeCount &+ 1))
        return .scheduled(id, .opened(next.slot, run, order, isLate: lateness > Limits.punctuality))
    }

    /// What a run of a job is to do, as the job says now.
    static func order(of id: JobID, _ job: Job, isManual: Bool) -> RunOrder {
        RunOrder(
            job: id, agent: job.agent, target: job.target, isManual: isManual, timeoutSeconds: job.spec.timeoutSeconds,
            retentionDays: job.spec.retentionDays, maxAttempts: job.spec.maxAttempts,
            backoffSeconds: job.spec.backoffSeconds)
    }

    /// The end of a slot whose run has ended.
    static func judgeSlot(of run: Run, _ id: RunID, in state: borrowing State) -> [Message] {
        guard case .closed(let verdict) = run.phase, let slot = run.order.slot, state.hasOpenSlot(of: run, id) else {
            return []
        }
        return [.scheduled(run.order.job, .judged(slot, SlotVerdict(of: run, verdict), run: id))]
    }
}
