/// What can go wrong in a world, by the names that `backupy simulate` prints.
public enum Fault: String, CaseIterable, Hashable, Sendable {
    /// A frame is seconds on its way.
    case delay
    /// A connection breaks, and what is on its way is lost.
    case loss
    /// A report comes a second time, to the byte.
    case duplication
    /// A report comes a second time under another number.
    case repetition
    /// A frame overtakes another one.
    case reordering
    /// A connection is dead, and at least one side does not know.
    case halfOpen = "half_open"
    /// An agent does not read for minutes.
    case slowReader = "slow_reader"
    /// A connection breaks during a dump.
    case disconnectDuringDump = "disconnect_during_dump"
    /// A connection breaks during an upload.
    case disconnectDuringUpload = "disconnect_during_upload"
    /// A connection breaks while a RunBackup is written to it.
    case disconnectDuringDispatch = "disconnect_during_dispatch"
    /// kill -9 of an agent.
    case agentKill = "agent_kill"
    /// kill -9 of the control plane, at any time.
    case serverKill = "server_kill"
    /// The same before a commit is written.
    case serverKillBeforeWrite = "server_kill_before_write"
    /// The same within the write: the commit is torn.
    case tornWrite = "torn_write"
    /// The same between write and sync.
    case serverKillBeforeSync = "server_kill_before_sync"
    /// The same between the commit and all that follows it.
    case serverKillAfterCommit = "server_kill_after_commit"
    /// A worker is gone after its effect and before its report.
    case workerDeath = "worker_death"
    /// The power fails, and what was not synced is lost, or a part of it.
    case powerFailure = "power_failure"
    /// A sync fails.
    case failedSync = "failed_sync"
    /// The control plane's disk is full for a while.
    case fullDisk = "full_disk"
    /// A bit of the stored log turns.
    case bitFlip = "bit_flip"
    /// A bit of a frame turns on its way, and the connection breaks.
    case garbledFrame = "garbled_frame"
    /// The control plane's clock jumps forwards.
    case clockForwards = "clock_forwards"
    /// The control plane's clock jumps back.
    case clockBackwards = "clock_backwards"
    /// The control plane's clock is days ahead or behind, mostly until somebody sets it.
    case wrongClock = "wrong_clock"
    /// The clocks of a zone are set an hour forwards or back.
    case daylightSaving = "daylight_saving"
    /// An agent's clock jumps, either way.
    case agentClock = "agent_clock"
    /// A reference agent begins its numbers anew, with messages of the former process on its disk.
    case sequenceReuse = "sequence_reuse"
    /// A reference agent has saved more than it can replay, and hangs.
    case backlogHang = "backlog_hang"
    /// A second host has an agent's key.
    case clonedAgent = "cloned_agent"
    /// The address for an upload has expired.
    case expiredURL = "expired_url"
    /// The store gives no answer for a while.
    case storeOutage = "store_outage"
    /// The store confirms an upload, and has nothing.
    case missingObject = "missing_object"
    /// It has less than was sent.
    case truncatedObject = "truncated_object"
    /// It has something else.
    case wrongObject = "wrong_object"
    /// An agent speaks of a run that is not its own, or of none.
    case forgedReport = "forged_report"
    /// An error text that is not UTF-8 is never delivered.
    case undeliverableReport = "undeliverable_report"
    /// A dump takes hours.
    case stalledDump = "stalled_dump"
    /// A worker is slow to begin.
    case slowWorker = "slow_worker"
    /// An agent gets another key.
    case rotatedKey = "rotated_key"
}
