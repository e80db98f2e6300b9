/// From the queue to the agent.
extension Run {
    /// The next attempt begins. Whatever today's rules make of what came before: it was decided, and what follows on the log
    /// is about it. But each begins once, and nothing begins again that has its verdict.
    mutating func start(_ next: Attempt, isRepeatable: Bool, at moment: Timestamp) {
        guard isOpen, !isCaptured, phase == .queued || next == attempt.next else { return }
        if stoppedBy != nil { formerlyStopped = attempt }
        attempt = next
        phase = .sending(next)
        self.isRepeatable = isRepeatable
        sentBy = nil
        orderedBy = nil
        stoppedBy = nil
        hasFailedSinceDelivery = false
        setDeadline(at: moment)
        grace = nil
        graceLimit = nil
        progressPercent = 0
        progressSentAt = nil
    }

    /// The outcome of `dispatch`.
    mutating func sent(
        _ tried: Attempt, _ outcome: CommandOutcome, by position: Position, at moment: Timestamp
    ) {
        let result = outcome.result
        switch result {
        case .done, .unknown:
            deliveryCount &+= 1
            if tried == attempt {
                sentBy = position
                orderedBy = orderedBy ?? outcome.position
            }
        case .undone, .found, .missing, .surveyed, .probed, .zone:
            break
        }
        guard tried == attempt else { return }
        switch (phase, result) {
        case (.sending, .done):
            phase = .running(tried)
            setDeadline(at: moment)
        case (.sending, .unknown):
            phase = .unconfirmed(tried)
            setDeadline(at: moment)
            grace = moment + Fleet.Limits.grace
        case (.sending, .undone), (.sending, .found), (.sending, .missing), (.sending, .surveyed), (.sending, .probed),
            (.sending, .zone):
            attempt = Attempt(tried.number &- min(1, tried.number))
            queueAgain()
            if phase == .queued { grace = moment + Fleet.Limits.observation }
        case (.unconfirmed, .done), (.running, .done), (.unconfirmed, .unknown), (.running, .unknown):
            // Sent again, since the agent did not list it: it has as long as any other to speak of it, but not each time anew.
            guard let former = grace else { return }
            let limit = graceLimit ?? former + Fleet.Limits.grace
            grace = min(moment + Fleet.Limits.grace, limit)
            graceLimit = limit
        case (.queued, _), (.unconfirmed, _), (.running, _), (.verifying, _), (.reconciling, _), (.stored, _),
            (.failed, _), (.gone, _), (.waiting, _), (.expired, _), (.stopped, _), (.captured, _), (.ended, _),
            (.closed, _):
            break  // the agent was quicker than the outcome
        }
    }

    /// Waits for the agent, with all the time that a new run has.
    mutating func queue(at moment: Timestamp) {
        queuedAt = moment
        queueAgain()
    }

    /// Waits for the agent with what is left of its time: what could not be sent was not taken.
    private mutating func queueAgain() {
        guard !isCancelRequested else { return stop() }
        phase = .queued
        let limit = queuedAt + Fleet.Limits.queue
        deadline = deliveryCount == 0 ? order.takeBy ?? limit : limit
        grace = nil
    }

    private mutating func setDeadline(at moment: Timestamp) {
        let limit =
            order.timeoutSeconds == 0
            ? Fleet.Limits.runWithoutTimeout : .seconds(Int64(order.timeoutSeconds)) + Fleet.Limits.overtime
        deadline = moment + limit
    }

    /// The agent speaks of the attempt: it has it.
    mutating func heard(of reported: Attempt, at moment: Timestamp) {
        guard reported == attempt else { return }
        switch phase {
        case .sending, .unconfirmed:
            phase = .running(reported)
            setDeadline(at: moment)
            grace = nil
            graceLimit = nil
        case .running:
            grace = nil
            graceLimit = nil
        // Not from reconciling: the store has been asked, and that froze the object's name.
        case .queued, .verifying, .reconciling, .stored, .failed, .gone, .waiting, .expired, .stopped, .captured,
            .ended, .closed:
            break
        }
    }
}
