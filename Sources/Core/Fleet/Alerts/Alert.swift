/// Something that a person should see to, from the entry that opened it to the one that resolves it. Of a kind, at most
/// one is open for a subject, however often it happens again.
///
///     (not open) ──opened──▶ open ──repeated──▶ open ──resolved──▶ (not open)
///
/// The state holds open ones only, so it is bounded by the fleet; what was resolved is on the log and in a view.
public struct Alert: Hashable, Sendable {
    /// The kinds, by the names that users see. A shipped name is never changed or reused.
    public enum Kind: String, Hashable, Sendable, CaseIterable, Comparable {
        /// A run of the job failed or was lost, and none has succeeded since. About a job.
        case runFailed = "run_failed"
        /// A time of the job's schedule had no run that its agent took, and none has been kept since. About a job.
        case slotMissed = "slot_missed"
        /// A run waits or goes on for longer than it should. About a run.
        case runLate = "run_late"
        /// An agent that had connected has been out of reach for 5 min. About an agent.
        case agentLost = "agent_lost"
        /// An agent's key is on two machines. About an agent.
        case identityConflict = "identity_conflict"
        /// An agent goes on with another configuration than the one it was sent. About an agent.
        case configNotApplied = "config_not_applied"
        /// What a health check probes is down. About a check.
        case checkDown = "check_down"
        /// It goes up and down. About a check.
        case checkFlapping = "check_flapping"
        /// The certificate that a health check saw ends soon. About a check.
        case certificateExpiring = "certificate_expiring"
        /// A disk is nearly full. About an agent.
        case diskFull = "disk_full"
        /// A survey of the store did not find objects of successes. About a job.
        case objectVanished = "object_vanished"
        /// The control plane's own disk is full, or objects are refused so that it does not become so. About the server.
        case serverDiskFull = "server_disk_full"
        /// The wall clock was far behind the log at a start. About the server.
        case clockBehind = "clock_behind"
        /// The wall clock jumped far ahead, or nothing was recorded for as long. About the server.
        case clockAhead = "clock_ahead"

        /// Orders by name.
        public static func < (left: Kind, right: Kind) -> Bool { Text(left.rawValue) < Text(right.rawValue) }
    }

    /// Its name.
    public internal(set) var id: AlertID
    /// The agent that it concerns; nil when none does.
    public internal(set) var agent: AgentID?
    /// What is wrong, for people, as it was said last.
    public internal(set) var detail: Text
    /// When it was opened.
    public internal(set) var openedAt: Timestamp
    /// By which entry.
    public internal(set) var openedBy: Position
    /// How often it happened, the first time included.
    public internal(set) var count: UInt64 = 1
    /// When it happened last.
    public internal(set) var lastAt: Timestamp
    /// The entry that it followed from last.
    public internal(set) var lastCause: Position
    /// Whose token has taken note of it: there are no reminders any more.
    public internal(set) var acknowledgedBy: Text?
    /// When.
    public internal(set) var acknowledgedAt: Timestamp?
}

/// What an alert is about: its kind, and the id of the thing.
public struct AlertKey: Hashable, Comparable, Sendable {
    /// The kind.
    public var kind: Alert.Kind
    /// The id of the job, run, agent or check; `server` for what is the control plane's own.
    public var subject: Text

    /// The subject of what is the control plane's own.
    public static let server: Text = "server"

    /// A key with both parts.
    public init(_ kind: Alert.Kind, _ subject: Text) {
        self.kind = kind
        self.subject = subject
    }

    /// The key of an alert about a thing.
    public init<Thing>(_ kind: Alert.Kind, _ id: Identifier<Thing>) { self.init(kind, id.text) }

    /// Orders by kind, then subject.
    public static func < (left: AlertKey, right: AlertKey) -> Bool {
        (left.kind, left.subject) < (right.kind, right.subject)
    }

    /// The same 64 bits for the same key everywhere.
    var fingerprint: UInt64 { FNV.hash(of: Text("\(kind.rawValue)\u{0}\(subject)\u{0}")) }
}

/// What was decided about an alert. A recorded decision is a fact.
public struct AlertDecision: Hashable, Sendable {
    /// What becomes of it.
    public enum Step: String, Hashable, Sendable, CaseIterable {
        /// It begins.
        case opened
        /// It happened again.
        case repeated
        /// A day has passed, it still is open, and nobody has taken note of it.
        case reminded
        /// It is over.
        case resolved
    }

    /// What it is about.
    public var key: AlertKey
    /// Its name.
    public var id: AlertID
    /// The agent that it concerns; nil when none does.
    public var agent: AgentID?
    /// What becomes of it.
    public var step: Step
    /// What is wrong, or why it no longer is, for people.
    public var detail: Text
    /// The positions it rests on besides its cause.
    public var grounds: [Position]

    /// A decision with all its parts.
    public init(
        key: AlertKey, id: AlertID, agent: AgentID?, step: Step, detail: Text, grounds: [Position] = []
    ) {
        self.key = key
        self.id = id
        self.agent = agent
        self.step = step
        self.detail = detail
        self.grounds = grounds
    }
}

extension Alert.Kind {
    /// What it means and what to do, in one sentence.
    public var remedy: String {
        switch self {
        case .runFailed:
            "Look at the run's error_message and at `backupy log why RUN`; the alert ends with the next success of the job."
        case .slotMissed:
            "Look at `backupy jobs slots JOB`: was the server or the agent away? The alert ends with the next slot that is kept."
        case .runLate:
            "See whether the agent is connected and how many runs it may do at once, or whether the dump hangs."
        case .agentLost:
            "Look at the agent's host, its network and its key: nothing is backed up there until it is back."
        case .identityConflict:
            "Register the second machine as an agent of its own, and rotate this agent's key if you do not know that machine."
        case .configNotApplied:
            "Restart the agent: until then it works by an older configuration."
        case .checkDown:
            "Look at what the check probes: `backupy checks show` has the last error."
        case .checkFlapping:
            "Look at what the check probes, and whether its thresholds are too narrow for it: it goes up and down."
        case .certificateExpiring:
            "Renew the certificate before it ends."
        case .diskFull:
            "Make room on that host: dumps are staged on it, and fail when there is none."
        case .objectVanished:
            "Look at the store: was it restored, or cleaned by hand? The alert ends when a survey finds the objects again, or when "
                + "their runs' objects are deleted with `backupy runs delete RUN`."
        case .serverDiskFull:
            "Make room on the control plane's disk: on the disk of the objects uploads are refused meanwhile, and without any room nothing is recorded."
        case .clockBehind:
            "Set the clock, or say that it is right with `backupy clock confirm`: until then no schedule runs."
        case .clockAhead:
            "Look at the clock: if it is right, say so with `backupy clock confirm`, else set it; until then retention deletes nothing."
        }
    }
}

extension Alert: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("id", id)
        encoder.encode("agent_id", agent)
        encoder.encode("detail", detail)
        encoder.encode("opened_at", openedAt)
        encoder.encode("opened_by", openedBy)
        encoder.encode("count", count)
        encoder.encode("last_at", lastAt)
        encoder.encode("last_cause", lastCause)
        encoder.encode("acknowledged_by", acknowledgedBy)
        encoder.encode("acknowledged_at", acknowledgedAt)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        id = try decoder.decode("id")
        agent = try decoder.decode("agent_id")
        detail = try decoder.decode("detail")
        openedAt = try decoder.decode("opened_at")
        openedBy = try decoder.decode("opened_by")
        count = try decoder.decode("count")
        lastAt = try decoder.decode("last_at")
        lastCause = try decoder.decode("last_cause")
        acknowledgedBy = try decoder.decode("acknowledged_by")
        acknowledgedAt = try decoder.decode("acknowledged_at")
    }
}

extension AlertKey {
    /// The key as the id of an entity: the kind, a slash, the subject.
    var joined: Text { Text("\(kind.rawValue)/\(subject)") }

    /// The key of a table that is restored. Snapshots of another version are not read, so the kind is known; of any other
    /// text a key is made all the same, since restoring is total.
    init(restored text: Text) { self = AlertKey(joined: text) ?? AlertKey(.runFailed, text) }

    /// Nil for a kind that this version does not know.
    init?(joined text: Text) {
        let parts = text.string.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let kind = Alert.Kind(rawValue: String(parts[0])) else { return nil }
        self.init(kind, Text(String(parts[1])))
    }
}
