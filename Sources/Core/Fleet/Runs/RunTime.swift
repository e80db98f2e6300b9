/// What passes by itself.
extension Run {
    /// The agent's connection is gone. A grace that is running goes on: connections that come and go without a word
    /// about the run do not keep it open.
    mutating func lostTouch(at moment: Timestamp) {
        switch phase {
        case .sending, .unconfirmed, .running: grace = grace ?? moment + Fleet.Limits.grace
        case .queued, .verifying, .reconciling, .stored, .failed, .gone, .waiting, .expired, .stopped, .captured,
            .ended,
            .closed:
            break
        }
    }

    /// We were gone, which is not counted against the agent: its grace begins anew, and no deadline comes before it.
    mutating func resumed(at moment: Timestamp) {
        switch phase {
        case .sending, .unconfirmed, .running: grace = moment + Fleet.Limits.grace
        case .queued, .verifying, .reconciling, .stored, .failed, .gone, .waiting, .expired, .stopped, .captured,
            .ended,
            .closed:
            break
        }
        graceLimit = nil
        guard isOpen else { return }
        let earliest = moment + Fleet.Limits.grace
        deadline = max(deadline, earliest)
        order.takeBy = order.takeBy.map { max($0, earliest) }
    }

    /// Our clock has jumped forwards: that time has not passed for the agent.
    mutating func skipped(_ step: Milliseconds) {
        guard isOpen, phase != .captured else { return }
        deadline = deadline + step
        queuedAt = queuedAt + step
        order.takeBy = order.takeBy.map { $0 + step }
        grace = grace.map { $0 + step }
        graceLimit = graceLimit.map { $0 + step }
    }

    /// Its deadline or grace has passed. Signs say what must be done that is no new phase.
    mutating func duePassed(at moment: Timestamp) -> [Sign] {
        let isOverdue = deadline <= moment
        grace = nil
        switch phase {
        case .queued where !isOverdue:
            break  // it has waited long enough to be sent again
        case .queued:
            // First what may have come of an earlier attempt, of which the store has not said anything; for a day at most.
            let limit = queuedAt + Fleet.Limits.queue
            if let claim = openClaim, moment < limit + Fleet.Limits.verification {
                deadline = moment + pause(from: min(limit, moment), to: moment)
                return [.observe(claim)]
            }
            phase = .expired  // a cancelled run does not wait here
        case .waiting:
            queue(at: moment)
        case .sending(let attempt), .unconfirmed(let attempt):
            ask(.reconciling(attempt, .unknown), at: moment)
        case .running(let attempt):
            ask(.reconciling(attempt, isOverdue ? .timeout : .lost), at: moment)
        case .verifying(let attempt) where isOverdue:
            settleClaims(about: attempt)
            phase = .failed(attempt, .storage)
            failure = .storage
            askAboutClaims(at: moment)
        case .reconciling(let attempt, let reason) where isOverdue:
            settleClaims(about: attempt)
            foundNothing(reason, at: moment)
        case .verifying(let attempt), .reconciling(let attempt, _):
            return [.observe(attempt)]
        case .captured:
            phase = .ended
        case .stored, .failed, .gone, .expired, .stopped, .ended:
            return [.follow]  // its verdict follows in the same turn; if that turn was cut off, it follows now
        case .closed:
            break
        }
        return []
    }

    /// What follows from a deadline follows in the same turn; for the case that this is cut off it comes back, but later: one
    /// that stayed due would be taken before all others for ever.
    mutating func lookAgain(after moment: Timestamp) {
        if due <= moment { deadline = moment + Fleet.Limits.observation }
    }

    /// It has its verdict, and is remembered for a while.
    mutating func close(_ verdict: Verdict, at moment: Timestamp) {
        phase = .closed(verdict)
        grace = nil
        deadline = moment + Fleet.Limits.tombstone
    }
}
