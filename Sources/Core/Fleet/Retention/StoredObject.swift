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
    /// When its run was asked for: the time that it is a backup of.
    public var createdAt: Timestamp
    /// When it was seen in its store: its age counts from there.
    public var storedAt: Timestamp
    /// Until when the job wanted it kept when its run was asked for: holds once there is no such job any more.
    public var keepUntil: Timestamp
    /// How far ``storedAt`` and ``keepUntil`` were put off by leaps of the clock that nobody has confirmed.
    var deferral = Milliseconds(0)
    /// Whether it has been decided that it is deleted.
    public var isBeingDeleted = false
    /// Whether a survey has not found it in its store. It counts as no backup then.
    public var isVanished = false

    /// Time that may not have passed makes it no older.
    mutating func putOff(by span: Milliseconds) {
        storedAt = storedAt + span
        keepUntil = keepUntil + span
        deferral = deferral + span
    }

    /// So much of what it was put off by never was time: that stays.
    mutating func settle(_ span: Milliseconds) { deferral = deferral - min(deferral, span) }

    /// What it was put off by has been time after all.
    mutating func undoDeferral() {
        storedAt = storedAt + (Milliseconds(0) - deferral)
        keepUntil = keepUntil + (Milliseconds(0) - deferral)
        deferral = Milliseconds(0)
    }

    /// The parts of its name.
    func reference(of run: RunID) -> ObjectReference {
        ObjectReference(agent: agent, job: job, run: run, attempt: attempt)
    }
}

/// What forbids to delete a run's object, whoever wants to.
public struct ObjectLock: Hashable, Sendable {
    /// When it ends by itself; nil never.
    public var until: Timestamp?
    /// Why, for people.
    public var reason: Text
    /// Whose token set it.
    public var token: Text
    /// When it was set.
    public var setAt: Timestamp

    /// A lock with all its parts.
    public init(until: Timestamp?, reason: Text, token: Text, setAt: Timestamp) {
        self.until = until
        self.reason = reason
        self.token = token
        self.setAt = setAt
    }

    /// Whether it still holds.
    public func holds(at moment: Timestamp) -> Bool { until.map { moment < $0 } ?? true }

    /// Whether it holds for as long as another one, or longer.
    func outlasts(_ other: ObjectLock) -> Bool {
        guard let until else { return true }
        return other.until.map { until >= $0 } ?? false
    }

    /// What is wrong with a new one; nil when nothing is.
    func problem(at moment: Timestamp) -> Refusal? {
        if reason.isEmpty || reason.byteCount > 500 {
            return Refusal(code: .validation, field: "reason", text: "must say in 1 to 500 bytes why it is locked")
        }
        return holds(at: moment)
            ? nil : Refusal(code: .validation, field: "until", text: "must lie in the future, or be null for no end")
    }
}

/// One object of our own, by the parts of its name.
public struct ObjectReference: Hashable, Sendable {
    /// Whose.
    public var agent: AgentID
    /// Of which job.
    public var job: JobID
    /// Of which run.
    public var run: RunID
    /// The attempt that made it, or was to.
    public var attempt: Attempt

    /// A reference with all its parts.
    public init(agent: AgentID, job: JobID, run: RunID, attempt: Attempt) {
        self.agent = agent
        self.job = job
        self.run = run
        self.attempt = attempt
    }

    /// The parts of a name that ``ObjectNames`` makes; nil when it has another form.
    public init?(name: Text) {
        let parts = name.string.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2].utf8.count > 4, parts[2].hasSuffix(".enc"),
            let wire = WireRunID(Text(String(parts[2].dropLast(4)))).parts
        else { return nil }
        self.init(
            agent: AgentID(Text(String(parts[0]))), job: JobID(Text(String(parts[1]))), run: wire.run,
            attempt: wire.attempt)
        guard agent.text.string.hasPrefix(FleetNames.Agent.prefix), job.text.string.hasPrefix(FleetNames.Job.prefix),
            run.text.string.hasPrefix(FleetNames.Run.prefix), self.name == name
        else { return nil }
    }

    /// Its name in the store.
    public var name: Text { ObjectNames.name(agent: agent, job: job, run: run, attempt: attempt) }
    /// What it is found by in the state.
    public var key: ObjectKey { ObjectKey(run: run, attempt: attempt) }
}

/// Which object of which run.
public struct ObjectKey: Hashable, Comparable, Sendable {
    /// The run.
    public var run: RunID
    /// The attempt that made it, or was to.
    public var attempt: Attempt

    /// A key with both parts.
    public init(run: RunID, attempt: Attempt) {
        self.run = run
        self.attempt = attempt
    }

    /// Orders by run, then attempt.
    public static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        (left.run, left.attempt) < (right.run, right.attempt)
    }
}

/// The deletion of an object that has been decided and is not done.
public struct Deletion: Hashable, Sendable {
    /// Whose the object is.
    public var agent: AgentID
    /// Of which job.
    public var job: JobID
    /// How often it was tried in vain.
    public internal(set) var failureCount: UInt32 = 0

    /// The wait before it is tried again: 30 s, doubled with each failure, at most an hour.
    var wait: Milliseconds {
        let doublings = min(max(failureCount, 1) - 1, 7)
        return min(.seconds(30 << Int64(doublings)), .hours(1))
    }
}
