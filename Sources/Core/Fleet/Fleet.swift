/// The machine of the control plane: folds what a fleet of agents says, and decides what must follow.
public enum Fleet: Machine {
    /// Raised whenever a golden result of `Replays/` changes.
    public static let rules: UInt32 = 6

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
        /// So often, and within so long, processes that another had replaced are to come back before it is said that a key is on
        /// two machines of one name. Agents dial again after a minute at most.
        public static let alternations = 4
        /// See ``alternations``.
        public static let alternation = Milliseconds.minutes(10)
        /// How many objects retention lets go of in one turn.
        public static let expirations = 64
        /// How long a job's objects are left alone when only time can let one go.
        public static let review = Milliseconds.hours(24)
        /// How long after a run's end its other attempts may still have something in the store.
        public static let leftovers = Milliseconds.hours(24)
        /// How many attempts of a run are cleaned up at once; a survey finds what there may be of more.
        public static let leftoverCount: UInt32 = 120
        /// How often the store is surveyed.
        public static let survey = Milliseconds.hours(24)
        /// How long after a start, or after a survey that found more than it could tell.
        public static let surveyDelay = Milliseconds.minutes(10)
        /// The wait before a store that could not be surveyed is surveyed again.
        public static let surveyRetry = Milliseconds.hours(1)
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
        /// How long a journaling agent may take, from its welcome on, to say what it is working on, before it is given runs
        /// all the same. Ours says it at once; heartbeats come each 30 s.
        public static let listing = Milliseconds.seconds(90)
        /// How many jobs of an agent are told to stop with one heartbeat, as many as it may work on at once.
        static let stops = 64
        /// How many health checks one agent may have: its configuration stays far below the 4 MiB of a frame.
        public static let checksOfAgent = 500
        /// How many health checks there may be.
        public static let checks = 10_000
        /// How many messages a reference agent can replay; with more it hangs. Source: the recording `backlog-hang`.
        public static let replay: UInt32 = 64
        /// How many attempts of unknown sending are replaced per run.
        public static let replacements: UInt32 = 2
        /// The wait before another attempt of a job that names none.
        public static let defaultWait = Milliseconds.seconds(60)
        /// The wait before another attempt is never shorter.
        public static let shortestWait = Milliseconds.seconds(1)
        /// The wait before another attempt is never longer.
        public static let longestWait = Milliseconds.hours(24)
        /// How long an agent that journals runs may take to say that it has stopped one. Ours stops within a second; the
        /// rest is for its way back after a lost connection.
        public static let cancellation = Milliseconds.minutes(10)
        /// The same, for all others: known ones only log that they were told.
        public static let cancellationOfOthers = Milliseconds.minutes(1)
        /// The first rules that know schedules.
        static let firstRulesWithSchedules: UInt32 = 3
        /// How late a slot may open without being late.
        public static let punctuality = Milliseconds.minutes(2)
        /// The least that an agent has for taking the run of a slot.
        public static let shortestCatchUp = Milliseconds.hours(1)
        /// How many slots are met in one turn: with all that follows from each, far below a turn's limit.
        static let slotsPerTurn = 32
        /// With so many open runs of a job, its slots are skipped.
        public static let openRunsPerJob = 16
        /// With so many, nobody can ask for another.
        public static let askedRunsPerJob = 200
        /// A wall clock further behind the log than this is not believed.
        public static let clockDoubt = Milliseconds.hours(24)
        /// A jump of the wall clock forwards beyond this is not believed where backups would be deleted.
        public static let clockLeap = Milliseconds.hours(24)
        /// Nor is a start so long after the last entry: an absence and a wrong clock look the same then.
        public static let longAbsence = Milliseconds.hours(7 * 24)
        /// The first rules that read zones for retention.
        static let firstRulesWithCalendars: UInt32 = 4
        /// How many expressions of a job, one after the other, are remembered while their zone cannot be read.
        static let plansPerJob = 16
        /// How far back a zone is read for the backups that there are.
        static let zoneReach = Milliseconds.hours(20 * 366 * 24)
        /// After this a zone is read anew.
        public static let zoneAge = Milliseconds.hours(7 * 24)
        /// The wait before a zone that could not be read is tried again.
        public static let zoneRetry = Milliseconds.hours(1)
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
        /// A journaling agent is back and does not know an attempt that it was sent.
        case forgotten(RunID, Attempt)
        /// A journaling agent goes on with an attempt that was given up.
        case abandoned(RunID, Attempt)
        /// Runs may start again that the fleet's limit of starts held back.
        case startsFree
        /// It has been decided that an object is deleted, or it must be tried again.
        case deletion(ObjectKey)
        /// Some of a job's objects are kept by nothing any more.
        case retention(JobID)
        /// Attempts of a closed run may have left something in the store.
        case leftovers(RunID)
        /// The store is to be surveyed.
        case surveyDue
        /// What a survey came to.
        case surveyed(Survey)
        /// The object of a run has vanished from its store, or is back.
        case vanished(RunID)
        /// Something is not as it should be.
        case anomaly(Anomaly)
        /// What an alert is about may stand otherwise than before.
        case alert(AlertKey)
        /// Slots of a job's schedule are due.
        case slots(JobID)
        /// A slot has its verdict.
        case slotJudged(JobID, Slot, SlotVerdict)
        /// A time zone's rules are wanted.
        case zone(Text)
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
        /// Objects that nobody may delete for now.
        public internal(set) var locks = Table<RunID, ObjectLock>()
        /// Deletions that have been decided and are not done.
        public internal(set) var deletions = Table<ObjectKey, Deletion>()
        /// The runs of each job that have an object. Derived from the objects.
        public internal(set) var shelves = Table<JobID, [RunID]>()
        /// Health checks.
        public internal(set) var checks = Table<CheckID, Check>()
        /// Answers that a repeated request gets again.
        public internal(set) var answers = Table<IdempotencyKey, RememberedAnswer>()
        /// Tokens of the REST interface, besides the one in `admin.token`.
        public internal(set) var tokens = Table<TokenID, APIToken>()
        /// Connections from other hosts that wait for their verdict.
        public internal(set) var claims = Table<AgentID, Claim>()
        /// Other hosts that were refused, or replace the agent's again and again.
        public internal(set) var conflicts = Table<AgentID, Conflict>()
        /// Agents of which a connection was replaced while it was open.
        var alternations = Table<AgentID, Alternation>()
        /// What holds for the whole fleet.
        public internal(set) var policy = FleetPolicy()
        /// How many runs may start now.
        public internal(set) var startBudget = StartBudget()
        /// Agents with queued runs, in the order in which they were served last.
        var queueing: [AgentID] = []
        /// Alerts that are open.
        public internal(set) var alerts = Table<AlertKey, Alert>()
        /// Where the schedules of jobs stand.
        public internal(set) var schedules = Table<JobID, Schedule>()
        /// Time zones that schedules are read in.
        public internal(set) var zones = Table<Text, Zone>()
        /// Since when jobs have slots; nil before the first start of an engine that knows them.
        public internal(set) var schedulesSince: Timestamp?
        /// Why no slot is judged for now; nil when slots are.
        public internal(set) var clockDoubt: ClockDoubt?
        /// Why retention deletes nothing for now, besides that; nil when nothing else holds it back.
        public internal(set) var clockLeap: ClockLeap?
        /// How far the log's clock may be ahead of the true one: locks hold that much longer.
        public internal(set) var clockLead = Milliseconds(0)
        /// When that was found; nil while there is none.
        var clockLeadAt: Timestamp?
        /// When the last entry was recorded; nil before the first.
        public internal(set) var recordedAt: Timestamp?
        /// That the control plane's own disk has too little room; nil when it has enough.
        public internal(set) var diskShortage: DiskShortage?
        /// How many ids deciders have made.
        public internal(set) var madeCount: UInt64 = 0
        /// What is due when. Derived from the entities.
        var timers = Timers<TimerKey>()

        init() {}
    }

    /// The soonest deadline that is armed.
    public static func nextDeadline(in state: borrowing State) -> Deadline<Message>? {
        state.timers.first.map { Deadline(due: $0.due, message: .deadline($0.key), armedBy: $0.armedBy) }
    }
}

/// The wall clock was found far behind the log at a start, and nobody has said so far that it is right.
public struct ClockDoubt: Hashable, Sendable {
    /// By how much.
    public var behind: Milliseconds
    /// The start at which it was found.
    public var since: Timestamp
}

/// The wall clock jumped far ahead, or nothing was recorded for as long, and nobody has said so far that so much time has
/// passed.
public struct ClockLeap: Hashable, Sendable {
    /// By how much, all such jumps together, less what was set back since.
    public var ahead: Milliseconds
    /// When it was seen last.
    public var since: Timestamp
}

/// The control plane's own disk has too little room.
public struct DiskShortage: Hashable, Sendable {
    /// Since when that is known.
    public var since: Timestamp
    /// What was measured last; nil when only the log had no room.
    public var room: DiskRoom?
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
