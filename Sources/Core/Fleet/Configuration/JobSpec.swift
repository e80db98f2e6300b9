/// What to back up, how, and when.
public struct JobSpec: Hashable, Sendable {
    /// Five fields, UTC; empty for runs on request only.
    public var cron: Text = ""
    /// How long objects must be kept; 0 is not at all.
    public var retentionDays: UInt32 = 0
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
    /// How long a run may take; 0 is no limit of its own (the run deadline is then 12 h).
    public var timeoutSeconds: UInt32 = 0

    /// A job that nothing has been said about.
    public init() {}

    /// What is wrong with it; nil when nothing is.
    public var problem: Refusal? {
        if compression != "zstd" {
            return Refusal(code: .validation, field: "compression", text: "must be zstd")
        }
        if let problem = CronText.problem(of: cron) {
            return Refusal(code: .validation, field: "cron", text: problem)
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
        return nil
    }
}

/// One thing to set in a job.
public enum JobField: Hashable, Sendable {
    case cron(Text)
    case retentionDays(UInt32)
    case compression(Text)
    case preHooks([Text])
    case postHooks([Text])
    case maxAttempts(UInt32)
    case backoffSeconds([UInt32])
    case timeoutSeconds(UInt32)
}

extension JobSpec {
    /// Sets one thing.
    public mutating func set(_ field: JobField) {
        switch field {
        case .cron(let value): cron = value
        case .retentionDays(let value): retentionDays = value
        case .compression(let value): compression = value
        case .preHooks(let value): preHooks = value
        case .postHooks(let value): postHooks = value
        case .maxAttempts(let value): maxAttempts = value
        case .backoffSeconds(let value): backoffSeconds = value
        case .timeoutSeconds(let value): timeoutSeconds = value
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
