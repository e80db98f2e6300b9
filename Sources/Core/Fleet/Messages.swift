extension Fleet {
    /// What an entry of the control plane's log holds. A shipped case is never renamed or reused.
    public enum Message: Hashable, Sendable {
        /// The engine began to write: the first entry of each start.
        case started(EngineStart)
        /// The wall clock was seen to jump by more than 2 s; positive is forwards.
        case clockStepped(Milliseconds)
        /// How it stands with the control plane's own disks.
        case disk(DiskFact)
        /// A turn was cut off because it would not end: a defect of this program.
        case faulted(Text)
        /// An import began to read a capture of this agent.
        case captureOpened(AgentID)
        /// An agent's connection came to its Register.
        case sessionOpened(AgentID, SessionOpening)
        /// A connection ended.
        case sessionClosed(AgentID, SessionID, SessionClosing)
        /// A frame from an agent.
        case received(AgentID, ReceivedFrame)
        /// A frame to an agent, known from a capture.
        case captured(AgentID, CapturedFrame)
        /// A frame that is no envelope.
        case unreadable(AgentID, UnreadableFrame)
        /// Somebody asks for something.
        case requested(Request, Ticket)
        /// The request at the cause is granted, and this is what has become true.
        case accepted(Acceptance, Ticket)
        /// The request at the cause is refused.
        case refused(Refusal)
        /// An armed deadline has passed.
        case deadline(TimerKey)
        /// An agent can be reached, or no longer.
        case presence(AgentID, Presence)
        /// Something about an agent is not as it should be.
        case noted(Anomaly)
        /// What was decided about a run.
        case decided(RunID, RunDecision)
        /// What was decided about an object in the store.
        case object(ObjectReference, ObjectDecision)
        /// What was decided about an alert.
        case alerted(AlertDecision)
        /// What was decided about a slot of a job's schedule.
        case scheduled(JobID, SlotDecision)
        /// What was decided about a health check.
        case judged(CheckID, CheckDecision)
        /// An instruction to a worker.
        case command(Command)
        /// What became of an instruction.
        case outcome(CommandOutcome)
    }
}

/// A start of the engine.
public struct EngineStart: Hashable, Sendable {
    /// The build's version text.
    public var build: Text
    /// Raised whenever a golden result changes.
    public var rules: UInt32
    /// 64 random bits, from which deciders make ids. Only the first start's count.
    public var seed: UInt64
    /// How far the wall clock was behind the log's last entry; 0 when it was not.
    public var clockBehind: Milliseconds

    /// A start with all its parts.
    public init(build: Text, rules: UInt32, seed: UInt64, clockBehind: Milliseconds = Milliseconds(0)) {
        self.clockBehind = clockBehind
        self.build = build
        self.rules = rules
        self.seed = seed
    }
}

/// What is known of the room on the control plane's own disks. Told when it changes, and never while the log itself has no
/// room, since then nothing can be written.
public enum DiskFact: Hashable, Sendable {
    /// The log had no room for so long, and took nothing: the first entry once it has. Nobody could be heard meanwhile.
    case logWasFull(Milliseconds)
    /// Less is free on the disk of the log or of the objects than must stay so. On that of the objects uploads are refused.
    case short(DiskRoom)
    /// There is room again.
    case roomy(DiskRoom)

    /// The last part of the kind of its entry.
    public var word: String {
        switch self {
        case .logWasFull: "log_was_full"
        case .short: "disk_short"
        case .roomy: "disk_roomy"
        }
    }
}

/// The room on a disk.
public struct DiskRoom: Hashable, Sendable {
    /// What is free.
    public var freeByteCount: UInt64
    /// All of it.
    public var totalByteCount: UInt64

    /// Room with both parts.
    public init(freeByteCount: UInt64, totalByteCount: UInt64) {
        self.freeByteCount = freeByteCount
        self.totalByteCount = totalByteCount
    }
}

/// How a connection began.
public struct SessionOpening: Hashable, Sendable {
    /// Drawn at the door; in a capture, what the RegisterAck says (nil when none came).
    public var session: SessionID?
    /// Where the agent dialled from; empty in a capture.
    public var remoteAddress: Text
    /// The extensions both sides speak, sorted.
    public var extensions: [Text]
    /// The host that the Register names; nil in a capture, and where an earlier version wrote the entry.
    public var hostname: Text?

    /// An opening with all its parts.
    public init(session: SessionID?, remoteAddress: Text, extensions: [Text], hostname: Text? = nil) {
        self.hostname = hostname
        self.session = session
        self.remoteAddress = remoteAddress
        self.extensions = extensions
    }
}

/// Why a connection ended.
public enum SessionClosing: String, Hashable, Sendable, CaseIterable {
    /// The agent closed it, or the network did.
    case closed
    /// A newer connection of the same agent took its place.
    case replaced
    /// Nothing was heard for 90 s.
    case silent
    /// The server ended it: shutdown, or the agent was deleted or got another key.
    case ended
}

/// A frame from an agent, as it is stored: redacted first, then decoded.
public struct ReceivedFrame: Hashable, Sendable {
    /// The connection it came on; nil in a capture.
    public var session: SessionID?
    /// The redacted bytes of the envelope.
    public var bytes: [UInt8]
    /// A hash of those bytes, to recognise an exact repetition.
    public var fingerprint: UInt64
    /// The envelope's `seq`.
    public var sequence: UInt64
    /// The envelope's `ts_ms`: when the agent built it, by its own clock.
    public var sentAt: Timestamp
    /// Whether the agent had kept it from before this connection. Concluded at the door.
    public var isReplayed: Bool
    /// The class of a reported failure. Concluded at the door; nil when the frame reports none.
    public var failure: FailureClass?
    /// What it says.
    public var report: Report

    /// A frame with all its parts.
    public init(
        session: SessionID?, bytes: [UInt8], fingerprint: UInt64, sequence: UInt64, sentAt: Timestamp, isReplayed: Bool,
        failure: FailureClass?, report: Report
    ) {
        self.session = session
        self.bytes = bytes
        self.fingerprint = fingerprint
        self.sequence = sequence
        self.sentAt = sentAt
        self.isReplayed = isReplayed
        self.failure = failure
        self.report = report
    }
}

/// A frame to an agent, known from a capture.
public struct CapturedFrame: Hashable, Sendable {
    /// The redacted bytes of the envelope.
    public var bytes: [UInt8]
    /// What it told the agent.
    public var order: CapturedOrder

    /// A frame with all its parts.
    public init(bytes: [UInt8], order: CapturedOrder) {
        self.bytes = bytes
        self.order = order
    }
}

/// What a captured server frame told the agent.
public enum CapturedOrder: Hashable, Sendable {
    /// The answer to Register; the version of its configuration, nil when it carried none.
    case registerAck(SessionID, configVersion: UInt64?)
    /// A configuration; nil when the message carried none.
    case configUpdate(configVersion: UInt64?)
    /// A delivery of a run.
    case runBackup(JobID, WireRunID, manual: Bool)
    /// A cancellation of a job's run.
    case cancelJob(JobID)
    /// Recorded, and changes nothing. The tag is 0 when the envelope has no message.
    case other(tag: UInt32)
}

/// Bytes that are no envelope.
public struct UnreadableFrame: Hashable, Sendable {
    /// Whether the agent sent it (else a captured server did).
    public var isFromAgent: Bool
    /// Its whole length.
    public var byteCount: UInt64
    /// The first bytes of it, redacted, at most 4 096.
    public var start: [UInt8]
    /// What was wrong with it.
    public var problem: Text

    /// A frame with all its parts.
    public init(isFromAgent: Bool, byteCount: UInt64, start: [UInt8], problem: Text) {
        self.isFromAgent = isFromAgent
        self.byteCount = byteCount
        self.start = start
        self.problem = problem
    }
}

/// Whether an agent can be reached.
public enum Presence: String, Hashable, Sendable, CaseIterable {
    case online
    case offline
}

/// What a deadline is for.
public enum TimerKey: Hashable, Comparable, Sendable {
    /// The agent was silent for too long.
    case silence(AgentID)
    /// The run's next deadline: grace, run deadline, or removal of its tombstone.
    case run(RunID)
    /// An idempotency key is forgotten.
    case idempotency(IdempotencyKey)
    /// A connection from another host takes the agent's place, unless the agent's own was heard.
    case claim(AgentID)
    /// A job's objects are judged anew.
    case retention(JobID)
    /// What the attempts of a closed run may have left in the store is deleted.
    case leftovers(RunID)
    /// A deletion that failed is tried again.
    case deletion(ObjectKey)
    /// The store is surveyed.
    case survey
    /// An agent's maintenance is over, and runs are queued.
    case window(AgentID)
    /// Runs may start again that the fleet's limit of starts held back.
    case starts
    /// An agent did not answer a cancellation in time.
    case cancellation(RunID)
    /// Something that is not over is an alert from now on, or one that is open is looked at again.
    case alert(AlertKey)
    /// A slot of the job's schedule is to be opened or judged.
    case schedule(JobID)
    /// The rules of a time zone are to be read anew.
    case zone(Text)
    /// A health check's next probe, or that none was heard of for too long.
    case check(CheckID)
}

/// A key under which a repeated request gives the same answer.
public struct IdempotencyKey: Hashable, Comparable, Sendable {
    /// Whose.
    public var token: Text
    /// What the client chose.
    public var key: Text

    /// A key with both parts.
    public init(token: Text, key: Text) {
        self.token = token
        self.key = key
    }

    /// Orders by token, then key.
    public static func < (left: IdempotencyKey, right: IdempotencyKey) -> Bool {
        (left.token, left.key) < (right.token, right.key)
    }
}
