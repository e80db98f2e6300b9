/// The agent's side: what it was told, what it has staged, what the server has not confirmed.
///
///     told ─▶ queued ─▶ dumping ─▶ staged ─▶ uploading ─▶ concluded ─▶ reporting ─▶ confirmed ─▶ (removed)
///               └──────────┴─────────┴───────────┴── cancelled, failed ──▲              │ told again
///                                                                        └──────────────┘
///
/// A lost connection touches no run. A run id that is in the journal is never run again.
public enum Station: Machine {
    /// A run as the wire names it: one attempt, any text the server chose.
    public typealias RunID = Text

    /// Raised whenever a golden result changes.
    public static let rules: UInt32 = 1

    /// Figures that bound what the agent keeps.
    public enum Limits {
        /// Runs at a time when the server does not say.
        public static let defaultParallelRuns: UInt32 = 4
        /// More than this at a time are never run, whatever the server says.
        public static let maximumParallelRuns: UInt32 = 64
        /// Runs that are not concluded. A further one fails at once, so that what waits and works is bounded, and cancelling
        /// it all is less than a turn may hold. What fails so is kept with its report for a week like any other run, however
        /// much a server sends.
        public static let maximumOpenRuns = 200
        /// How long a report waits for a server that takes it, and how long a run id is remembered after that.
        public static let retention = Milliseconds.hours(7 * 24)
        /// Bytes of an error text.
        public static let maximumErrorByteCount = 4_096
    }

    /// What the log has been folded into. Bounded by open runs and the runs of the last days.
    public struct State: Sendable {
        /// The build that folded last.
        public var build = Text.empty
        /// How many times an agent process has started on this log.
        public var startCount: UInt64 = 0
        /// The session that is open.
        public var session: Text?
        /// What that session agreed on beyond v1.
        public var extensions: [Text] = []
        /// The configuration that is in force; its content is never recorded, since it holds passwords.
        public var configVersion: UInt64 = 0
        /// Runs that may be under way at once.
        public var parallelRunLimit = Limits.defaultParallelRuns
        /// The run journal.
        public var runs = Table<RunID, Run>()
        /// Runs that wait for their turn, longest first.
        public var waiting: [RunID] = []
        /// Runs that hold a slot.
        public var activeCount: UInt32 = 0
        /// Messages about runs that nobody knows, or from commands that were given up.
        public var staleCount: UInt64 = 0
        var timers = Timers<RunID>()

        /// Nothing told yet.
        public init() {}
    }

    /// One thing that a fold changed, and the phase it was in before.
    public enum Change: Hashable, Sendable {
        /// A run is in another phase; nil when it is new.
        case run(RunID, before: Run.Phase?)
        /// A run that has its worker is to stop.
        case cancelled(RunID)
        /// A run was told once more.
        case repeated(RunID)
        /// More runs may be under way at once.
        case widened
    }

    /// The state before the first entry.
    public static var initial: State { State() }
}

extension Station.State {
    /// Runs that are to start now: as many as there are free slots, longest waiting first.
    public var startable: ArraySlice<Station.RunID> {
        waiting.prefix(parallelRunLimit > activeCount ? Int(parallelRunLimit - activeCount) : 0)
    }

    /// Runs that are not concluded.
    public var openCount: Int { waiting.count + Int(activeCount) }
}
