/// Everything that people read about a run, folded from the entries of its stream.
///
/// The state of ``Fleet`` keeps only what later decisions need and forgets a run after a while; this keeps what is shown,
/// for ever. It follows the same rules as ``Run``: only reports about the attempt that is current count, and the verdict
/// is the last word.
public struct RunDetail: Hashable, Sendable, Codable {
    /// How it stands, in the words that users see.
    public enum Status: String, Hashable, Sendable, Codable, CaseIterable {
        /// Waits for its agent.
        case queued
        /// An agent may be working on it, or the store is being asked.
        case running
        /// The object was seen in its store.
        case success
        /// The agent or the store said no.
        case failed
        /// A cancellation was confirmed.
        case cancelled
        /// Nothing more was heard.
        case lost
        /// A captured agent said that it had completed.
        case reported
    }

    /// Where it stands between two verdicts; coarser than ``Run/Phase``.
    enum Phase: String, Hashable, Sendable, Codable {
        case queued, waiting, sending, unconfirmed, running, verifying, reconciling, ending, captured, closed
    }

    /// What an agent reported about an attempt's object.
    public struct Claim: Hashable, Sendable, Codable {
        /// The number of the attempt.
        public var attempt: UInt32
        /// The object's name as the agent echoed it.
        public var objectName: Text
        /// Its size.
        public var byteCount: UInt64
        /// Its SHA-256 in hexadecimal digits; nil when the report had none.
        public var digest: Text?
        /// From the first check to the end of the upload.
        public var durationMilliseconds: UInt64
        /// Such as `zstd`.
        public var compression: Text
        /// Such as `SQLite 3.40.1`.
        public var databaseVersion: Text
    }

    /// One numbered try at the run.
    public struct Try: Hashable, Sendable, Codable {
        /// Its number.
        public var number: UInt32
        /// When it began.
        public var startedAt: Timestamp
        /// When it was over; nil before.
        public internal(set) var endedAt: Timestamp?
        /// The class of what went wrong, as ``FailureClass/word`` has it; nil when nothing did.
        public internal(set) var errorClass: Text?
        /// What went wrong, for people, at most 300 bytes; nil when nothing did.
        public internal(set) var errorText: Text?

        private enum CodingKeys: String, CodingKey {
            case number
            case startedAt = "started_at"
            case endedAt = "ended_at"
            case errorClass = "error_class"
            case errorText = "error_message"
        }
    }

    /// What proved a success: in words.
    public struct Proof: Hashable, Sendable, Codable {
        /// `seen` or `none`; `vanished` when it was seen and a survey of the store missed it later.
        public var object: Text
        /// `store`, `read_back` or `none`.
        public var digest: Text

        /// A proof with both words.
        public init(object: Text, digest: Text) {
            self.object = object
            self.digest = digest
        }
    }

    /// Its id; of a captured run, the wire's.
    public let id: RunID
    /// The job.
    public let job: JobID
    /// The agent.
    public let agent: AgentID
    /// The target; empty for a captured run.
    public let target: TargetID
    /// How it stands.
    public internal(set) var status: Status
    /// The last attempt that was started; 0 before the first.
    public internal(set) var attempt: UInt32 = 0
    /// Every attempt that was started, in order.
    public internal(set) var tries: [Try] = []
    /// When the next attempt is due; nil unless it waits for one.
    public internal(set) var nextAttemptAt: Timestamp?
    /// What has become of somebody's wish to cancel it; nil while there is none.
    public internal(set) var cancellation: Run.Cancellation?
    /// Whether a person asked for it.
    public let isManual: Bool
    /// 0 to 100.
    public internal(set) var progressPercent: UInt32 = 0
    /// What went wrong, for people; nil when nothing did.
    public internal(set) var errorText: Text?
    /// The class of what went wrong, as ``FailureClass/word`` has it.
    public internal(set) var errorClass: Text?
    /// What proved the success; nil while the run is open.
    public internal(set) var proof: Proof?
    /// The size of the object that the verdict rests on.
    public internal(set) var provenByteCount: UInt64?
    /// The SHA-256 of that object in hexadecimal digits, where the store gave one.
    public internal(set) var provenDigest: Text?
    /// The attempt that made that object.
    public internal(set) var provenAttempt: UInt32?
    /// Why that object was deleted, or is being deleted; nil while it stays.
    public internal(set) var deletionReason: Text?
    /// When it had been deleted; nil before.
    public internal(set) var deletedAt: Timestamp?
    /// When it was asked for.
    public let createdAt: Timestamp
    /// When its first attempt began; nil before.
    public internal(set) var startedAt: Timestamp?
    /// When it had its verdict; nil before.
    public internal(set) var finishedAt: Timestamp?
    /// The number of the entry that created it.
    public let createdPosition: UInt64
    /// The slot of a schedule that it is for, as its clock showed it; nil when a person asked for it.
    public let slot: Text?

    var phase: Phase
    var step: Text?
    var progressSentAt: Timestamp?
    var claims: [Claim] = []
    var hasFailedSinceDelivery = false
    var wasCancelled = false
    /// The entry that said that the store has no object of the attempt. Only what follows from it at once tells whether another
    /// takes its place, as of one that may never have been sent: heartbeats, which are no entries of the run's, may have told
    /// of it.
    var missedBy: UInt64?

    /// The run that an entry begins; nil when it begins none.
    public init?(_ entry: Entry<Fleet.Message>) {
        switch entry.message {
        case .accepted(.runQueued(let id, let order), _), .scheduled(_, .opened(_, let id, let order, _)):
            self.init(id, order, .queued, entry)
        case .captured(let agent, let frame):
            guard case .runBackup(let job, let wire, let isManual) = frame.order else { return nil }
            let order = RunOrder(
                job: job, agent: agent, target: TargetID(""), isManual: isManual, timeoutSeconds: 0, retentionDays: 0)
            self.init(RunID(wire.text), order, .captured, entry)
            deliver(at: entry.recordedAt)
        default:
            return nil
        }
    }

    private init(_ id: RunID, _ order: RunOrder, _ phase: Phase, _ entry: Entry<Fleet.Message>) {
        self.id = id
        self.phase = phase
        job = order.job
        agent = order.agent
        target = order.target
        isManual = order.isManual
        status = phase == .captured ? .running : .queued
        createdAt = entry.recordedAt
        createdPosition = entry.position.number
        slot = order.slot?.text
    }

    /// Whether its verdict is still to come.
    public var isOpen: Bool { phase != .closed }

    /// With what none of its own entries tells, such as that a jump of the clock puts the next attempt off.
    public func brought(upTo state: borrowing Fleet.State) -> RunDetail {
        guard isOpen, let run = state.runs[id] else { return self }
        var detail = self
        detail.nextAttemptAt = run.nextAttemptAt
        switch (phase, run.phase) {
        // What said that it runs came of a connection that was over, which the run's own entries do not tell.
        case (.running, .sending): detail.phase = .sending
        case (.running, .unconfirmed): detail.phase = .unconfirmed
        // It is over but for the object of an earlier attempt, which the store is asked about.
        case (.ending, .reconciling): detail.phase = .reconciling
        default: break
        }
        return detail
    }

    /// Whether it is known from a capture only.
    public var isCaptured: Bool { target.text.isEmpty }

    /// What is being done: `dispatching`, `unconfirmed`, `verifying` or `reconciling` while we are at it, else what the
    /// agent last said; nil when nothing is.
    public var currentStep: Text? {
        switch phase {
        case .queued, .waiting: nil
        case .sending: "dispatching"
        case .unconfirmed: "unconfirmed"
        case .verifying: "verifying"
        case .reconciling: "reconciling"
        case .running, .ending, .captured: step
        case .closed: status == .success ? nil : step
        }
    }

    /// What was reported about the object: of the one that the verdict rests on, else of the current attempt's newest.
    public var claim: Claim? {
        guard let provenAttempt else { return claims.last { $0.attempt == attempt } }
        let candidates = claims.filter { $0.attempt == provenAttempt }
        return candidates.last {
            $0.byteCount == provenByteCount && (provenDigest == nil || $0.digest == provenDigest)
        } ?? candidates.last
    }

    /// The object's size: as it was seen, else as it was reported.
    public var byteCount: UInt64? { provenByteCount ?? claim?.byteCount }

    /// The object's SHA-256 in hexadecimal digits: as it was seen, else as it was reported.
    public var digest: Text? { provenDigest ?? claim?.digest }

    private enum CodingKeys: String, CodingKey {
        case id
        case job = "job_id"
        case agent = "agent_id"
        case target = "target_id"
        case status, attempt
        case tries = "attempts"
        case nextAttemptAt = "next_attempt_at"
        case cancellation
        case isManual = "manual_trigger"
        case progressPercent = "progress_percent"
        case errorText = "error_message"
        case errorClass = "error_class"
        case proof = "evidence"
        case provenByteCount = "proven_size_bytes"
        case provenDigest = "proven_sha256"
        case provenAttempt = "proven_attempt"
        case deletionReason = "object_deleted_reason"
        case deletedAt = "object_deleted_at"
        case createdAt = "created_at"
        case startedAt = "started_at"
        case finishedAt = "finished_at"
        case createdPosition = "position"
        case slot
        case phase, step
        case progressSentAt = "progress_sent_at"
        case claims
        case hasFailedSinceDelivery = "has_failed_since_delivery"
        case wasCancelled = "was_cancelled"
        case missedBy = "missed_by"
    }
}
