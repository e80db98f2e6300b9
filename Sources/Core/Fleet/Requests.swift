/// What somebody asks for. Ids of new things are drawn at the door, and secrets are in the vault already: here are only
/// their names.
public enum Request: Hashable, Sendable {
    /// Register an agent with the SHA-256 of its key, 32 bytes.
    case createAgent(AgentID, name: Text, keyDigest: [UInt8])
    /// Rename an agent.
    case renameAgent(AgentID, name: Text)
    /// Forget an agent with its targets and jobs; closes its connection.
    case deleteAgent(AgentID)
    /// Replace an agent's key; closes its connection.
    case rotateKey(AgentID, keyDigest: [UInt8])
    /// Change an agent's settings.
    case configureAgent(AgentID, [SettingsField])
    /// Add a database.
    case createTarget(TargetID, AgentID, [TargetField])
    /// Change a database.
    case changeTarget(TargetID, [TargetField])
    /// Forget a database; refused while jobs use it.
    case deleteTarget(TargetID)
    /// Add a job.
    case createJob(JobID, AgentID, TargetID, [JobField])
    /// Change a job.
    case changeJob(JobID, [JobField])
    /// Forget a job; its runs stay.
    case deleteJob(JobID)
    /// Run a job now.
    case runJob(RunID, JobID)
    /// Cancel a run.
    case cancelRun(RunID)
    /// Delete a run's object and key; refused while retention holds it.
    case deleteRun(RunID)
    /// Forbid to delete a run's object, until a moment or until it is unlocked.
    case lockRun(RunID, until: Timestamp?, reason: Text)
    /// Allow it again.
    case unlockRun(RunID)
    /// Hand out the data key of a run's object, inside a token.
    case issueDecryptionToken(RunID)
    /// Add a health check; nil: the control plane probes.
    case createCheck(CheckID, AgentID?, CheckSpec)
    /// Change a health check; who probes stays as it is.
    case changeCheck(CheckID, [CheckField])
    /// Forget a health check.
    case deleteCheck(CheckID)
    /// Probe a health check now.
    case runCheck(CheckID)
    /// Let somebody in with a new token.
    case createToken(TokenID, APITokenSpec)
    /// Let nobody in with a token any more.
    case deleteToken(TokenID)
    /// Change what holds for the whole fleet.
    case changePolicy([FleetPolicyField])
    /// Take note of an open alert: no more reminders.
    case acknowledgeAlert(AlertID)
    /// Say that the wall clock is right, although the log is far ahead of it or was left far behind.
    case confirmClock
}

/// Who asks, and whether it may be the same question again.
public struct Ticket: Hashable, Sendable {
    /// Whose token, by name.
    public var token: Text
    /// What the token may do.
    public var role: Role
    /// The client's key for this request, with the SHA-256 of its body, 32 bytes.
    public var idempotency: Idempotency?
    /// The last change of the thing that the request is about, as its author has seen it: the request is granted only
    /// while that still is the last one. Nil where any state will do.
    public var expected: Position?

    /// A client's key with what it was used for.
    public struct Idempotency: Hashable, Sendable {
        /// The key.
        public var key: Text
        /// SHA-256 over method, path and body.
        public var bodyDigest: [UInt8]

        /// A key with its digest.
        public init(key: Text, bodyDigest: [UInt8]) {
            self.key = key
            self.bodyDigest = bodyDigest
        }
    }

    /// A ticket with its parts.
    public init(token: Text, role: Role = .admin, idempotency: Idempotency? = nil, expected: Position? = nil) {
        self.token = token
        self.role = role
        self.idempotency = idempotency
        self.expected = expected
    }

    /// The key under which the state remembers it.
    public var idempotencyKey: IdempotencyKey? { idempotency.map { IdempotencyKey(token: token, key: $0.key) } }
}

/// What has become true because a request was granted.
public enum Acceptance: Hashable, Sendable {
    case agentCreated(AgentID, name: Text, keyDigest: [UInt8])
    case agentRenamed(AgentID, name: Text)
    case agentDeleted(AgentID)
    case keyRotated(AgentID, keyDigest: [UInt8])
    case agentConfigured(AgentID, AgentSettings)
    case targetCreated(TargetID, AgentID, TargetSpec)
    case targetChanged(TargetID, TargetSpec)
    case targetDeleted(TargetID)
    case jobCreated(JobID, AgentID, TargetID, JobSpec)
    case jobChanged(JobID, JobSpec)
    case jobDeleted(JobID)
    case runQueued(RunID, RunOrder)
    case cancelRequested(RunID)
    case runDeletionRequested(RunID)
    case runLocked(RunID, ObjectLock)
    case runUnlocked(RunID)
    case tokenIssued(RunID, Attempt)
    case checkCreated(CheckID, AgentID?, CheckSpec)
    case checkChanged(CheckID, CheckSpec)
    case checkDeleted(CheckID)
    case checkRunRequested(CheckID)
    case tokenCreated(TokenID, APITokenSpec)
    case tokenDeleted(TokenID)
    case policyChanged(FleetPolicy)
    case alertAcknowledged(AlertID, AlertKey)
    case clockConfirmed
    /// The same question under the same key: what was answered at that position.
    case repeated(Position)
}

/// What a queued run is to do, as the job said when it was asked for.
public struct RunOrder: Hashable, Sendable {
    /// The job.
    public var job: JobID
    /// Its agent.
    public var agent: AgentID
    /// Its target.
    public var target: TargetID
    /// Whether a person asked for it (else a schedule).
    public var isManual: Bool
    /// How long it may take; 0 is no limit of the job's.
    public var timeoutSeconds: UInt32
    /// How long its object must be kept; 0 is not at all.
    public var retentionDays: UInt32
    /// How often it is tried; 0 and 1 are once.
    public var maxAttempts: UInt32
    /// The waits between tries.
    public var backoffSeconds: [UInt32]
    /// The slot of the schedule that it is for; nil when a person asked for it.
    public var slot: Slot?
    /// How it stands to other open runs of the job; nil when a person asked for it: it waits for its turn then.
    public var overlap: Overlap?
    /// When it is given up if its agent has not taken it by then; nil when a person asked for it.
    public var takeBy: Timestamp?

    /// An order with all its parts; without the last three it is a person's.
    public init(
        job: JobID, agent: AgentID, target: TargetID, isManual: Bool, timeoutSeconds: UInt32, retentionDays: UInt32,
        maxAttempts: UInt32 = 0, backoffSeconds: [UInt32] = [], slot: Slot? = nil, overlap: Overlap? = nil,
        takeBy: Timestamp? = nil
    ) {
        self.job = job
        self.agent = agent
        self.target = target
        self.isManual = isManual
        self.timeoutSeconds = timeoutSeconds
        self.retentionDays = retentionDays
        self.maxAttempts = maxAttempts
        self.backoffSeconds = backoffSeconds
        self.slot = slot
        self.overlap = overlap
        self.takeBy = takeBy
    }
}

/// Why a request is not granted.
public struct Refusal: Hashable, Sendable {
    /// The kinds of refusal; each has its code and status in the REST interface.
    public enum Code: String, Hashable, Sendable, CaseIterable {
        case notFound = "RESOURCE_NOT_FOUND"
        case validation = "VALIDATION_ERROR"
        case conflict = "CONFLICT"
        case precondition = "PRECONDITION_FAILED"
        case rateLimited = "RATE_LIMITED"
        case permission = "PERMISSION_DENIED"
    }

    /// The kind.
    public var code: Code
    /// The member of the body that is wrong; empty when it is not about one.
    public var field: Text
    /// What is wrong and what to do.
    public var text: Text
    /// The last change of the thing, where the request had believed in another one.
    public var current: Position?

    /// A refusal with all its parts.
    public init(code: Code, field: Text = "", text: Text, current: Position? = nil) {
        self.code = code
        self.field = field
        self.text = text
        self.current = current
    }
}
