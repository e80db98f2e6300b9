/// What was decided about a slot of a job's schedule. Each slot is judged exactly once; one that is opened is so first.
public enum SlotDecision: Hashable, Sendable {
    /// Its time has come: this run is made for it. `isLate`: it is made up for, since nobody was there at its time.
    case opened(Slot, RunID, RunOrder, isLate: Bool)
    /// Its end: of an opened one when its run has ended, of any other at once. The run is the slot's own, or the one that
    /// was in its way.
    case judged(Slot, SlotVerdict, run: RunID?)

    /// The slot.
    public var slot: Slot {
        switch self {
        case .opened(let slot, _, _, _), .judged(let slot, _, _): slot
        }
    }
}

/// How a slot ended.
public enum SlotVerdict: Hashable, Sendable {
    /// Its run was a success.
    case completed
    /// Its run failed, or was lost after its agent had it.
    case failed(FailureClass)
    /// There was no run, or its agent never had it.
    case missed(MissedReason)
    /// There was not to be one.
    case skipped(SkipReason)

    /// Why a slot had no run that an agent took.
    public enum MissedReason: String, Hashable, Sendable, CaseIterable {
        /// The control plane was not there, or its clock jumped over it.
        case serverAway = "server_away"
        /// The agent did not take the run in time.
        case agentAway = "agent_away"
    }

    /// Why a slot was passed over.
    public enum SkipReason: String, Hashable, Sendable, CaseIterable {
        /// An earlier run of the job was open.
        case overlap
        /// As many runs of the job were open as there may be.
        case queueFull = "queue_full"
        /// Somebody cancelled its run.
        case cancelled
        /// The schedule was changed before it opened.
        case jobChanged = "job_changed"
        /// The job was deleted before it opened.
        case jobDeleted = "job_deleted"
    }

    /// The word that users see.
    public var word: String {
        switch self {
        case .completed: "completed"
        case .failed: "failed"
        case .missed: "missed"
        case .skipped: "skipped"
        }
    }

    /// The word for why; nil for a completed one.
    public var reason: String? {
        switch self {
        case .completed: nil
        case .failed(let failure): failure.word
        case .missed(let reason): reason.rawValue
        case .skipped(let reason): reason.rawValue
        }
    }

    /// What a slot comes to when its run has ended.
    init(of run: Run, _ verdict: Verdict) {
        self =
            switch verdict {
            case .success, .reported: .completed
            case .failed(let reason): .failed(reason)
            case .cancelled: .skipped(.cancelled)
            case .lost(let reason): run.deliveryCount == 0 ? .missed(.agentAway) : .failed(reason)
            }
    }
}
