/// One execution of a job, as far as the log has been read: only what a later decision needs.
///
///     queued ─started▶ sending ─sent▶ running ─completed▶ verifying ─found, as reported▶ stored
///      ▲ ▲                │ │            │                    └─missing or different▶ failed ─────────┐
///      │ ├────not sent────┘ │            ├─failed▶ failed ────────────────────────────────────────────┤
///      │ │                  └─unknown▶ unconfirmed                                                    │
///      │ │                               └─grace, deadline▶ reconciling ─found▶ stored                │
///      │ └──missing, and its sending is unknown: at most twice──┴─missing▶ gone ──────────────────────┤
///      └──due── waiting ◀─retried: attempts left, and trying again can help───────────────────────────┘
///
///     failed, gone ─no other attempt, an earlier one's object not answered about▶ reconciling of that one
///     queued ─not taken in time (24 h, or as long as its slot may be made up for)▶ expired
///     queued, waiting ─cancelled▶ stopped
///     sending, unconfirmed, running, reconciling ─the agent confirms it; missing, and it was asked for▶ stopped
///     stored, failed, gone, expired, stopped ─in the same turn▶ closed
///
/// What happens in each place: `RunStart.swift` (queued to running), `RunReports.swift` (what agents say),
/// `RunStore.swift` (what the store says), `RunRetry.swift` (from one attempt to the next), `RunCancellation.swift`, and
/// `RunTime.swift` (what passes by itself).
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
        /// The attempt came to nothing, and another one follows after a while.
        case waiting(Attempt, FailureClass)
        /// Its agent did not come for it in time.
        case expired
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
        /// Whether the store has said what it has of the attempt since, or was asked for long enough.
        public internal(set) var isSettled = false
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
    /// Whether an attempt that was cut off has been replaced without counting against the job's attempts.
    public internal(set) var wasCutOff = false
    /// Whether sending the current attempt twice is harmless.
    public internal(set) var isRepeatable = false
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
    /// The instruction that reached the agent by that, the first of the attempt; nil for a captured delivery.
    var orderedBy: Position?
    /// The last report of a failure or cancellation.
    public internal(set) var stoppedBy: Position?
    /// The newest attempt before the current one whose end the agent told.
    var formerlyStopped: Attempt?
    /// The entry that took up somebody's wish to cancel it.
    public internal(set) var cancelRequestedBy: Position?
    /// The entry by which the agent's time to answer had passed.
    public internal(set) var unansweredBy: Position?
    /// What has become of that wish; nil while there is none.
    public internal(set) var cancellation: Cancellation?
    /// When the run as a whole must have ended.
    public internal(set) var deadline: Timestamp
    /// What comes before the deadline: when the store is asked because nothing is heard (nil while in touch), or asked
    /// again; when what could not be sent is tried again; when the next attempt is due.
    public internal(set) var grace: Timestamp?
    /// How far the grace may be put off by sending the attempt again; nil while it was not sent again since the agent
    /// spoke of it last.
    var graceLimit: Timestamp?
    /// When it was asked for.
    public internal(set) var createdAt: Timestamp
    /// Since when it waits, or waited, for its agent to take the current attempt.
    public internal(set) var queuedAt: Timestamp

    init(order: RunOrder, phase: Phase, at moment: Timestamp) {
        self.order = order
        self.phase = phase
        createdAt = moment
        queuedAt = moment
        deadline = phase == .captured ? moment + Fleet.Limits.capture : order.takeBy ?? moment + Fleet.Limits.queue
    }

    /// Whether its verdict is still to come.
    public var isOpen: Bool { if case .closed = phase { false } else { true } }

    /// Whether it is known from a capture only.
    public var isCaptured: Bool { order.target.text.isEmpty }

    /// The attempt that an agent may be working on.
    public var attemptInFlight: Attempt? {
        switch phase {
        case .sending(let attempt), .unconfirmed(let attempt), .running(let attempt): attempt
        case .verifying, .reconciling, .stored, .failed, .gone, .waiting, .expired, .queued, .stopped, .ended, .closed:
            nil
        case .captured: isAnswered ? nil : attempt
        }
    }

    /// Whether it could not be sent to an agent that is connected, and waits for another try.
    var waitsToBeSentAgain: Bool { phase == .queued && grace != nil }

    /// Whether sending it again at a moment leaves the agent all the time that it may take to speak of it. So an order that
    /// never reaches its agent, or that its agent never survives, is given up.
    func maySendAgain(at moment: Timestamp) -> Bool { graceLimit.map { moment + Fleet.Limits.grace <= $0 } ?? true }

    /// When the next attempt is due; nil unless it waits for one.
    public var nextAttemptAt: Timestamp? { if case .waiting = phase { grace } else { nil } }

    /// When the next thing must happen by itself.
    var due: Timestamp {
        if case .closed = phase { return deadline }
        return min(deadline, grace ?? deadline)
    }
}
