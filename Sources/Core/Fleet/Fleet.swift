/// The machine of the control plane: folds what a fleet of agents says, and decides what must follow.
public enum Fleet: Machine {
    /// Raised whenever a golden result of `Replays/` changes.
    public static let rules: UInt32 = 3

    /// The state before the first entry.
    public static var initial: State { State() }

    /// The limits of time that deciders use.
    public enum Limits {
        /// Without a frame from an agent for so long, its session is over.
        public static let silence = Milliseconds.seconds(90)
        /// How long an open run may be out of touch before the store is asked.
        public static let grace = Milliseconds.seconds(150)
        /// What a run may take beyond its job's timeout.
        public static let overtime = Milliseconds.minutes(35)
        /// What a run may take when its job has no timeout.
        public static let runWithoutTimeout = Milliseconds.hours(12)
        /// How long a run waits for its agent.
        public static let queue = Milliseconds.hours(24)
        /// How long a captured run stays open behind the last frame about it.
        public static let capture = Milliseconds.hours(24)
        /// How long a closed run is remembered.
        public static let tombstone = Milliseconds.hours(7 * 24)
        /// How long an idempotency key is remembered.
        public static let idempotency = Milliseconds.hours(24)
        /// How many idempotency keys are remembered.
        public static let idempotencyKeys = 100_000
        /// The wait before a store that gave no answer is asked again.
        public static let observation = Milliseconds.seconds(30)
        /// How long a store that gives no answer is asked about an attempt.
        public static let verification = Milliseconds.hours(24)
        /// Clocks further apart than this are an anomaly.
        public static let skew = Milliseconds.seconds(30)
        /// An agent that still names another configuration so long after it was sent one has not applied it. Heartbeats
        /// come each 30 s.
        public static let application = Milliseconds.seconds(90)
        /// How long a connection of an agent may take to show that it lives while another host waits in its place. With
        /// the way back shorter than the 15 s that agents wait for their RegisterAck.
        public static let claim = Milliseconds.seconds(8)
        /// An agent that is out of reach for so long is an alert.
        public static let absence = Milliseconds.minutes(5)
        /// A run that waits for so long is an alert.
        public static let lateness = Milliseconds.hours(1)
        /// From one reminder of an open alert to the next.
        public static let reminder = Milliseconds.hours(24)
        /// A disk that is so full is an alert, in percent.
        public static let fullDisk: UInt64 = 95
        /// And below this no longer.
        public static let roomyDisk: UInt64 = 90
        /// Without a result for three intervals, and for at least so long, a check is unknown.
        public static let checkSilence = Milliseconds.seconds(90)
        /// How many health checks one agent may have: its configuration stays far below the 4 MiB of a frame.
        public static let checksOfAgent = 500
        /// How many health checks there may be.
        public static let checks = 10_000
        /// How many messages a reference agent can replay; with more it hangs. Source: the recording `backlog-hang`.
        public static let replay: UInt32 = 64
        /// How many attempts of unknown sending are replaced per run.
        public static let replacements: UInt32 = 2
    }

    /// One thing that a fold changed, and the phase it was in before.
    public enum Change: Hashable, Sendable {
        /// A request waits for its answer.
        case asked(Request, Ticket)
        /// A session began or ended.
        case session(AgentID)
        /// An agent registered and waits for its configuration.
        case registered(AgentID, SessionID)
        /// An agent can be given work.
        case ready(AgentID)
        /// A session is over for us while its connection may still be open.
        case disowned(AgentID, SessionID)
        /// Another host came with an agent's key while the agent is connected.
        case claimed(AgentID)
        /// A connection that came in an agent's place is not the agent's.
        case rejected(AgentID, SessionID)
        /// An agent's configuration has a new version.
        case configuration(AgentID)
        /// A run's phase.
        case run(RunID, before: Run.Phase)
        /// Somebody wants an open run cancelled.
        case cancellation(RunID)
        /// The store must be asked (again) about an attempt, whatever the run's phase.
        case observation(RunID, Attempt)
        /// Somebody wants a run's object deleted.
        case deletion(RunID)
        /// Something is not as it should be.
        case anomaly(Anomaly)
        /// What an alert is about may stand otherwise than before.
        case alert(AlertKey)
        /// There is a new result of a check, by which it may go otherwise than before.
        case checked(CheckID)
        /// A check was made, changed, paused or resumed.
        case checkChanged(CheckID)
        /// Nothing was heard about a check for too long.
        case unheard(CheckID)
        /// A check is to be probed now.
        case probeDue(CheckID)
        /// A check's phase, by a decision.
        case check(CheckID, before: Check.Phase)
        /// A check's certificate ends soon, or no longer.
        case certificate(CheckID)
    }

    /// What the log has been folded into: bounded by the fleet, by open work, and by the objects that exist.
    public struct State: Sendable {
        /// From which deciders make ids; of the first start.
        public internal(set) var seed: UInt64 = 0
        /// How many times the engine was started on this log.
        public internal(set) var startCount: UInt64 = 0
        /// Agents.
        public internal(set) var agents = Table<AgentID, Agent>()
        /// Databases.
        public internal(set) var targets = Table<TargetID, Target>()
        /// Jobs.
        public internal(set) var jobs = Table<JobID, Job>()
        /// Open runs, and tombstones of closed ones.
        public internal(set) var runs = Table<RunID, Run>()
        /// Objects that exist.
        public internal(set) var objects = Table<RunID, StoredObject>()
        /// Health checks.
        public internal(set) var checks = Table<CheckID, Check>()
        /// Answers that a repeated request gets again.
        public internal(set) var answers = Table<IdempotencyKey, RememberedAnswer>()
        /// Tokens of the REST interface, besides the one in `admin.token`.
        public internal(set) var tokens = Table<TokenID, APIToken>()
        /// Connections from other hosts that wait for their verdict.
        public internal(set) var claims = Table<AgentID, Claim>()
        /// Other hosts that were refused.
        public internal(set) var conflicts = Table<AgentID, Conflict>()
        /// Alerts that are open.
        public internal(set) var alerts = Table<AlertKey, Alert>()
        /// What is due when. Derived from the entities.
        var timers = Timers<TimerKey>()

        init() {}
    }

    /// The soonest deadline that is armed.
    public static func nextDeadline(in state: borrowing State) -> Deadline<Message>? {
        state.timers.first.map { Deadline(due: $0.due, message: .deadline($0.key), armedBy: $0.armedBy) }
    }
}

/// What a request was answered with, for the case that it is repeated.
public struct RememberedAnswer: Hashable, Sendable {
    /// SHA-256 over the request, 32 bytes.
    public var bodyDigest: [UInt8]
    /// The answer's entry.
    public var position: Position
    /// When it is forgotten.
    public var expiresAt: Timestamp
}

/// An object in a store that belongs to a run.
public struct StoredObject: Hashable, Sendable {
    /// Whose.
    public var agent: AgentID
    /// Of which job.
    public var job: JobID
    /// The attempt that made it.
    public var attempt: Attempt
    /// Its size.
    public var byteCount: UInt64
    /// Not to be deleted before.
    public var keepUntil: Timestamp
    /// Whether its deletion has been asked for.
    public var isBeingDeleted = false
}
