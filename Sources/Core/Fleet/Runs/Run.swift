/// One execution of a job, as far as the log has been read: only what a later decision needs.
///
///     queued ─started▶ sending ─sent▶ running ─completed▶ verifying ─found▶ stored ┐
///       ▲  ▲───not sent──┘ │             │ │                  └─missing, different▶ failed ┤
///       │                  └─unknown▶ unconfirmed            running ─failed▶ failed ┤ closed
///       │                                │ └───────grace, deadline──▶ reconciling ─found▶ stored ┤
///       └──────────next attempt────── gone ◀────────────────missing──────┘                gone ┘
///
/// A captured run has a life of its own: `captured` until its time is over, then `ended`, then closed.
public struct Run: Hashable, Sendable {
    /// Small on purpose: deciders get the phase before a fact as a copy.
    public enum Phase: Hashable, Sendable {
        /// Waits for its agent.
        case queued
        /// `dispatch` is on the log without an outcome.
        case sending(Attempt)
        /// Whether it was sent is not known.
        case unconfirmed(Attempt)
        /// It was sent, or the agent speaks of it.
        case running(Attempt)
        /// The agent reported completion, and the store is being asked.
        case verifying(Attempt)
        /// Nothing is heard any more, and the store is being asked.
        case reconciling(Attempt, FailureClass)
        /// The object was seen, as it should be.
        case stored(Attempt, Evidence)
        /// The attempt failed.
        case failed(Attempt, FailureClass)
        /// Nothing is heard any more, and there is no object.
        case gone(Attempt, FailureClass)
        /// Stopped on request.
        case stopped
        /// Known from a capture, and not at its end.
        case captured
        /// A captured run whose time is over.
        case ended
        /// It has its verdict.
        case closed(Verdict)
    }

    /// What an agent reported about an attempt's object.
    public struct ReportedObject: Hashable, Sendable {
        /// The attempt.
        public var attempt: Attempt
        /// The object's size.
        public var byteCount: UInt64
        /// Its SHA-256, 32 bytes; nil when the report had none.
        public var digest: [UInt8]?
        /// The report's entry.
        public var position: Position
    }

    /// What a fact about a run shows besides a new phase.
    enum Sign: Hashable, Sendable {
        /// It came too late to matter.
        case late
        /// Progress went down.
        case backwards
        /// Another completion of an attempt, or of a captured run, that had one.
        case repeatedCompletion
        /// A completion after a failure, with no delivery between.
        case completionAfterFailure
        /// The store must be asked about this attempt.
        case observe(Attempt)
        /// It could not be sent a while ago, and may be tried again.
        case retry
        /// What follows from its phase has not followed yet.
        case follow
    }

    /// What it is to do.
    public internal(set) var order: RunOrder
    /// Where it stands.
    public internal(set) var phase: Phase
    /// The last attempt that was started.
    public internal(set) var attempt = Attempt.none
    /// How many attempts of unknown sending were given up.
    public internal(set) var replacementCount: UInt32 = 0
    /// How many RunBackups were sent.
    public internal(set) var deliveryCount: UInt32 = 0
    /// How many completions were reported.
    public internal(set) var completionCount: UInt32 = 0
    /// The class of the last reported failure.
    public internal(set) var failure: FailureClass?
    /// Whether a failure was reported and no delivery has followed.
    public internal(set) var hasFailedSinceDelivery = false
    /// Whether a cancellation was reported, in a capture.
    var wasCancelled = false
    /// What was reported about objects, the newest last, at most 8.
    public internal(set) var reported: [ReportedObject] = []
    /// The last progress, 0 to 100.
    public internal(set) var progressPercent: UInt32 = 0
    /// When the agent sent that, by its own clock.
    var progressSentAt: Timestamp?
    /// The entry by which the current attempt reached the agent: the outcome of its sending, or a captured delivery.
    public internal(set) var sentBy: Position?
    /// The last report of a failure or cancellation.
    public internal(set) var stoppedBy: Position?
    /// The entry that took up somebody's wish to cancel it.
    public internal(set) var cancelRequestedBy: Position?
    /// When the run as a whole must have ended.
    public internal(set) var deadline: Timestamp
    /// When the store is asked because nothing is heard; nil while in touch.
    public internal(set) var grace: Timestamp?
    /// When it was asked for.
    public internal(set) var createdAt: Timestamp

    init(order: RunOrder, phase: Phase, at moment: Timestamp) {
        self.order = order
        self.phase = phase
        createdAt = moment
        deadline = phase == .captured ? moment + Fleet.Limits.capture : order.takeBy ?? moment + Fleet.Limits.queue
    }

    /// Whether somebody wants it cancelled.
    public var isCancelRequested: Bool { cancelRequestedBy != nil }

    /// Whether its verdict is still to come.
    public var isOpen: Bool { if case .closed = phase { false } else { true } }

    /// Whether it is known from a capture only.
    public var isCaptured: Bool { order.target.text.isEmpty }

    /// The attempt that an agent may be working on.
    public var attemptInFlight: Attempt? {
        switch phase {
        case .sending(let attempt), .unconfirmed(let attempt), .running(let attempt): attempt
        case .verifying, .reconciling, .stored, .failed, .gone, .queued, .stopped, .ended, .closed: nil
        case .captured: isAnswered ? nil : attempt
        }
    }

    /// When the next thing must happen by itself.
    var due: Timestamp {
        if case .closed = phase { return deadline }
        return min(deadline, grace ?? deadline)
    }
}

extension Run {
    mutating func start(_ next: Attempt, at moment: Timestamp) {
        setDeadline(at: moment)
        switch phase {
        case .queued, .failed:
            attempt = next
            phase = .sending(next)
            sentBy = nil
            stoppedBy = nil
        case .sending, .unconfirmed, .running, .verifying, .reconciling, .stored, .gone, .stopped, .captured, .ended,
            .closed:
            break  // recorded decisions are made in the phases above only
        }
        grace = nil
        progressPercent = 0
        progressSentAt = nil
    }

    /// The outcome of `dispatch`.
    mutating func sent(
        _ tried: Attempt, _ result: CommandOutcome.Result, by position: Position, at moment: Timestamp
    ) {
        switch result {
        case .done, .unknown:
            deliveryCount &+= 1
            if tried == attempt { sentBy = position }
        case .undone, .found, .missing, .probed:
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
        case (.sending, .undone), (.sending, .found), (.sending, .missing), (.sending, .probed):
            attempt = Attempt(tried.number &- min(1, tried.number))
            queue(at: moment)
            if phase == .queued { grace = moment + Fleet.Limits.observation }
        case (.queued, _), (.unconfirmed, _), (.running, _), (.verifying, _), (.reconciling, _), (.stored, _),
            (.failed, _), (.gone, _), (.stopped, _), (.captured, _), (.ended, _), (.closed, _):
            break  // the agent was quicker than the outcome
        }
    }

    /// Waits for the agent (again): a run that may have been sent with all the time that a new one has, one that never
    /// was with what is left of it.
    private mutating func queue(at moment: Timestamp) {
        phase = isCancelRequested ? .stopped : .queued
        deadline =
            deliveryCount == 0 ? order.takeBy ?? createdAt + Fleet.Limits.queue : moment + Fleet.Limits.queue
        grace = nil
    }

    /// The store is asked until it answers, but not for ever.
    private mutating func ask(_ asking: Phase, at moment: Timestamp) {
        phase = asking
        deadline = moment + Fleet.Limits.verification
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
        case .running:
            grace = nil
        // Not from reconciling: the store has been asked, and that froze the object's name.
        case .queued, .verifying, .reconciling, .stored, .failed, .gone, .stopped, .captured, .ended, .closed:
            break
        }
    }

    /// - Parameter isLive: Whether it was said just now; what was kept from before proves no life.
    mutating func progressed(
        _ reported: Attempt, percent: UInt32, sentAt: Timestamp, isLive: Bool, at moment: Timestamp
    ) -> [Sign] {
        guard isOpen, reported == attempt else { return [.late] }
        if isLive { heard(of: reported, at: moment) }
        if let last = progressSentAt, sentAt < last { return [] }  // overtaken on the way: the newer one counts
        progressSentAt = sentAt
        defer { progressPercent = percent }
        return percent < progressPercent ? [.backwards] : []
    }

    mutating func failed(_ reported: Attempt, _ reason: FailureClass, by position: Position) -> [Sign] {
        guard isOpen, reported == attempt else { return [.late] }
        failure = reason
        hasFailedSinceDelivery = true
        switch phase {
        case .sending, .unconfirmed, .running, .reconciling:
            phase = .failed(reported, reason)
            stoppedBy = position
            return []
        case .captured:
            stoppedBy = position
            return []
        case .queued, .verifying, .stored, .failed, .gone, .stopped, .ended, .closed:
            return [.late]
        }
    }

    mutating func cancelled(_ reported: Attempt, by position: Position) -> [Sign] {
        guard isOpen, reported == attempt else { return [.late] }
        switch phase {
        case .sending, .unconfirmed, .running, .reconciling:
            phase = .stopped
            stoppedBy = position
            return []
        case .captured:
            stoppedBy = position
            wasCancelled = true
            return []
        case .queued, .verifying, .stored, .failed, .gone, .stopped, .ended, .closed:
            return [.late]
        }
    }

    mutating func completed(
        _ reported: Attempt, byteCount: UInt64, digest: [UInt8]?, by position: Position, at moment: Timestamp
    ) -> [Sign] {
        completionCount &+= 1
        // A captured run is one run to its agent, however often it was delivered; ours has attempts of its own.
        let isRepeated = isCaptured ? completionCount > 1 : self.reported.contains { $0.attempt == reported }
        var signs: [Sign] = isRepeated ? [.repeatedCompletion] : []
        if self.reported.count == 8 { self.reported.removeFirst() }
        self.reported.append(
            ReportedObject(attempt: reported, byteCount: byteCount, digest: digest, position: position))
        if hasFailedSinceDelivery, reported == attempt {
            signs.append(.completionAfterFailure)
            hasFailedSinceDelivery = false
        }
        guard isOpen else { return isRepeated ? signs : signs + [.late] }
        if isCaptured { return signs }
        guard reported == attempt else { return signs + [.late, .observe(reported)] }
        switch phase {
        case .sending, .unconfirmed, .running, .reconciling:
            ask(.verifying(reported), at: moment)
        case .verifying, .queued:
            signs.append(.observe(reported))  // what the store has may be the object of this report
        case .stored, .failed, .gone, .stopped, .captured, .ended, .closed:
            break
        }
        return signs
    }

    /// The outcome of `observe`.
    mutating func observed(_ asked: Attempt, _ result: CommandOutcome.Result, at moment: Timestamp) {
        guard isOpen else { return }
        switch result {
        case .found(let byteCount, let digest):
            let claims = reported.filter { $0.attempt == asked }
            let match = claims.contains { $0.byteCount == byteCount && (digest == nil || $0.digest == digest) }
            switch phase {
            case .reconciling(asked, _) where claims.isEmpty:
                // Whole by the store's own rules, but nothing was reported that its digest could be compared with.
                phase = .stored(asked, Evidence(byteCount: byteCount, digest: digest, source: .none))
            case .verifying(asked) where !match:
                phase = .failed(asked, .storage)
                failure = .storage
            case .queued, .sending, .unconfirmed, .running, .verifying, .reconciling:
                guard match else { return }
                phase = .stored(
                    asked, Evidence(byteCount: byteCount, digest: digest, source: digest == nil ? .none : .store))
            case .stored, .failed, .gone, .stopped, .captured, .ended, .closed:
                break
            }
        case .missing:
            switch phase {
            case .verifying(asked):
                phase = .failed(asked, .storage)
                failure = .storage
            case .reconciling(asked, .unknown) where replacementCount < Fleet.Limits.replacements:
                // An attempt that may never have been sent does not count: another takes its place, but not for ever.
                replacementCount += 1
                queue(at: moment)
            case .reconciling(asked, let reason):
                phase = isCancelRequested ? .stopped : .gone(asked, reason)
            case .queued, .sending, .unconfirmed, .running, .verifying, .reconciling, .stored, .failed, .gone,
                .stopped, .captured, .ended, .closed:
                break
            }
        case .undone, .done, .unknown, .probed:
            switch phase {
            case .verifying(asked), .reconciling(asked, _):
                // As long again as it has been asked already, but at least 30 s and at most an hour.
                let asking = moment - (deadline + Milliseconds(-Fleet.Limits.verification.count))
                grace = moment + min(max(asking, Fleet.Limits.observation), .hours(1))
            case .queued, .sending, .unconfirmed, .running, .verifying, .reconciling, .stored, .failed, .gone, .stopped,
                .captured, .ended, .closed:
                break  // it was about an older attempt; the present one has its own times
            }
        }
    }

    /// The agent's connection is gone. A grace that is running goes on: connections that come and go without a word
    /// about the run do not keep it open.
    mutating func lostTouch(at moment: Timestamp) {
        switch phase {
        case .sending, .unconfirmed, .running: grace = grace ?? moment + Fleet.Limits.grace
        case .queued, .verifying, .reconciling, .stored, .failed, .gone, .stopped, .captured, .ended, .closed: break
        }
    }

    /// We were gone, which is not counted against the agent: its grace begins anew, and no deadline comes before it.
    mutating func resumed(at moment: Timestamp) {
        switch phase {
        case .sending, .unconfirmed, .running: grace = moment + Fleet.Limits.grace
        case .queued, .verifying, .reconciling, .stored, .failed, .gone, .stopped, .captured, .ended, .closed: break
        }
        if isOpen { deadline = max(deadline, moment + Fleet.Limits.grace) }
    }

    /// Our clock has jumped forwards: that time has not passed for the agent.
    mutating func skipped(_ step: Milliseconds) {
        guard isOpen, phase != .captured else { return }
        deadline = deadline + step
        grace = grace.map { $0 + step }
    }

    /// Its deadline or grace has passed. Signs say what must be done that is no new phase.
    mutating func duePassed(at moment: Timestamp) -> [Sign] {
        let isOverdue = deadline <= moment
        grace = nil
        switch phase {
        case .queued where !isOverdue:
            return [.retry]
        case .queued:
            phase = isCancelRequested ? .stopped : .gone(attempt, .lost)
        case .sending(let attempt), .unconfirmed(let attempt):
            ask(.reconciling(attempt, .unknown), at: moment)
        case .running(let attempt):
            ask(.reconciling(attempt, isOverdue ? .timeout : .lost), at: moment)
        case .verifying(let attempt) where isOverdue:
            phase = .failed(attempt, .storage)
            failure = .storage
        case .reconciling(let attempt, let reason) where isOverdue:
            phase = isCancelRequested ? .stopped : .gone(attempt, reason)
        case .verifying(let attempt), .reconciling(let attempt, _):
            return [.observe(attempt)]
        case .captured:
            phase = .ended
        case .stored, .failed, .gone, .stopped, .ended:
            // Its verdict follows in the same turn; if that turn was cut off, it follows now.
            deadline = moment + Fleet.Limits.observation
            return [.follow]
        case .closed:
            break
        }
        return []
    }

    mutating func cancelAsked(by position: Position) {
        cancelRequestedBy = cancelRequestedBy ?? position
        if phase == .queued { phase = .stopped }
    }

    mutating func close(_ verdict: Verdict, at moment: Timestamp) {
        phase = .closed(verdict)
        grace = nil
        deadline = moment + Fleet.Limits.tombstone
    }
}
