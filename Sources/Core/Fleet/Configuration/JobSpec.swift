/// What to back up, how, and when.
public struct JobSpec: Hashable, Sendable {
    /// Five fields, read on the clock of ``timeZone``; empty for runs on request only.
    public var cron: Text = ""
    /// The IANA name of the clock that the schedule is read on, such as `Europe/Berlin`.
    public var timeZone: Text = "UTC"
    /// A slot opens up to so much later, by a lot that is drawn for each slot, so that many jobs do not start at once.
    public var jitterSeconds: UInt32 = 0
    /// What becomes of a slot while an earlier run of the job is open.
    public var overlap = Overlap.skip
    /// How late the newest missed slot is still made up for, and how long its run waits for its agent; 0 is never.
    public var catchUpSeconds: UInt32 = Self.defaultCatchUpSeconds
    /// How long objects must be kept; 0 is not at all.
    public var retentionDays: UInt32 {
        get { retention.days }
        set { retention.days = newValue }
    }
    /// Which objects are kept, that age included.
    public var retention = RetentionRule()
    /// `zstd`.
    public var compression: Text = "zstd"
    /// Commands for `/bin/sh -c` before the dump, in order.
    public var preHooks: [Text] = []
    /// The same, after it.
    public var postHooks: [Text] = []
    /// How often a run is tried; 0 and 1 are once.
    public var maxAttempts: UInt32 = 0
    /// The waits between tries.
    public var backoffSeconds: [UInt32] = []
    /// How long a run may take, at most a week; 0 is no limit of its own (the run deadline is then 12 h). A job from before
    /// there was a limit may have more.
    public var timeoutSeconds: UInt32 = 0

    /// Half a day.
    public static let defaultCatchUpSeconds: UInt32 = 43_200
    /// The most that a slot may be put off, and that it may be made up for later: a day, and 31 days.
    static let jitterLimit: UInt32 = 86_400
    static let catchUpLimit: UInt32 = 31 * 86_400
    /// The longest a run may take: a week.
    static let timeoutLimit: UInt32 = 7 * 86_400

    /// A job that nothing has been said about.
    public init() {}

    /// What is wrong with it; nil when nothing is.
    public var problem: Refusal? {
        if compression != "zstd" {
            return Refusal(code: .validation, field: "compression", text: "must be zstd")
        }
        if let problem = Cron.problem(of: cron) {
            return Refusal(code: .validation, field: "cron", text: problem)
        }
        // Whether there is such a zone is looked up at the door: the zones of the world are not the log's to know.
        if !Self.isZoneName(timeZone) {
            return Refusal(
                code: .validation, field: "time_zone", text: "must be the IANA name of a zone, such as Europe/Berlin")
        }
        if jitterSeconds > Self.jitterLimit {
            return Refusal(
                code: .validation, field: "jitter_sec", text: Text("must be at most \(Self.jitterLimit), a day"))
        }
        if catchUpSeconds > Self.catchUpLimit {
            return Refusal(
                code: .validation, field: "catch_up_sec", text: Text("must be at most \(Self.catchUpLimit), 31 days"))
        }
        if timeoutSeconds > Self.timeoutLimit {
            return Refusal(
                code: .validation, field: "timeout_sec", text: Text("must be at most \(Self.timeoutLimit), a week"))
        }
        for (field, hooks) in [("pre_hooks", preHooks), ("post_hooks", postHooks)] {
            if hooks.count > 16 {
                return Refusal(code: .validation, field: Text(field), text: "must have at most 16 entries")
            }
            if hooks.contains(where: { $0.byteCount > 4_096 || $0.string.utf8.contains(0) }) {
                return Refusal(
                    code: .validation, field: Text(field),
                    text: "each must have at most 4096 bytes, none of them zero")
            }
        }
        if maxAttempts > 100 || backoffSeconds.count > 100 {
            return Refusal(code: .validation, field: "retry", text: "at most 100 attempts and 100 waits")
        }
        if backoffSeconds.contains(where: { $0 > 86_400 }) {
            return Refusal(
                code: .validation, field: "retry.backoff_seconds", text: "each must be at most 86400, which is a day")
        }
        return retention.problem
    }

    private static func isZoneName(_ name: Text) -> Bool {
        !name.isEmpty && name.byteCount <= 64
            && name.string.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "+"),
                    UInt8(ascii: "/"):
                    true
                default: false
                }
            }
    }
}

/// One thing to set in a job.
public enum JobField: Hashable, Sendable {
    case cron(Text)
    case retentionDays(UInt32)
    case keep(RetentionRule.Count, UInt32)
    case compression(Text)
    case preHooks([Text])
    case postHooks([Text])
    case maxAttempts(UInt32)
    case backoffSeconds([UInt32])
    case timeoutSeconds(UInt32)
    case timeZone(Text)
    case jitterSeconds(UInt32)
    case overlap(Overlap)
    case catchUpSeconds(UInt32)
}

extension JobSpec {
    /// Sets one thing.
    public mutating func set(_ field: JobField) {
        switch field {
        case .cron(let value): cron = value
        case .retentionDays(let value): retentionDays = value
        case .keep(let part, let value): retention[part] = value
        case .compression(let value): compression = value
        case .preHooks(let value): preHooks = value
        case .postHooks(let value): postHooks = value
        case .maxAttempts(let value): maxAttempts = value
        case .backoffSeconds(let value): backoffSeconds = value
        case .timeoutSeconds(let value): timeoutSeconds = value
        case .timeZone(let value): timeZone = value
        case .jitterSeconds(let value): jitterSeconds = value
        case .overlap(let value): overlap = value
        case .catchUpSeconds(let value): catchUpSeconds = value
        }
    }
}

/// A job with its owner and target.
public struct Job: Hashable, Sendable {
    /// Whose.
    public var agent: AgentID
    /// What it backs up.
    public var target: TargetID
    /// How and when.
    public var spec: JobSpec
    /// Its last change.
    public var position: Position
    /// The last start of an attempt at one of its runs.
    public internal(set) var startedBy: Position?

    /// A job with all its parts.
    public init(agent: AgentID, target: TargetID, spec: JobSpec, position: Position) {
        self.agent = agent
        self.target = target
        self.spec = spec
        self.position = position
    }
}
