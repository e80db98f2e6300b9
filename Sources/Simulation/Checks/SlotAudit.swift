import Core

/// Whether what is said of a slot is true (invariant 6). That each slot gets one verdict is what `SlotLedger` looks after; here
/// each verdict is held against what became of the slot's run, and against whether the server was there.
struct SlotAudit: Sendable {
    private struct Opened: Sendable {
        var slot: Slot
        /// Whether the run may have reached its agent.
        var wasSent = false
        var verdict: Verdict?
    }

    private var opened: [RunID: Opened] = [:]
    /// When each job's schedule was made or changed last.
    private var changedAt: [JobID: Timestamp] = [:]
    /// When each job was deleted, which may be made again under its name.
    private var deletedAt: [JobID: Timestamp] = [:]
    private var readZones: Set<Text> = [ZoneRules.utcName]
    /// When a zone could not be read: it is tried again after an hour.
    private var unreadAt: [Text: Timestamp] = [:]
    /// Since when nothing has kept us from opening slots at their time: no absence, no jump or doubt of the clock, no
    /// zone that was not read.
    private var awakeSince = Timestamp(milliseconds: 0)

    /// How late a slot may open without being late, as `docs/guarantees.md` has it.
    private static let punctuality = Milliseconds.minutes(2)
    private static let openRunsPerJob = 16

    /// Looks at an entry in the state just before it.
    mutating func check(
        _ entry: Entry<Fleet.Message>, in state: borrowing Fleet.State, _ open: OpenRuns
    ) throws(Breach) {
        switch entry.message {
        case .started, .clockStepped, .accepted(.clockConfirmed, _):
            awakeSince = entry.recordedAt
        case .accepted(.jobCreated(let job, _, _, _), _), .accepted(.jobChanged(let job, _), _):
            changedAt[job] = entry.recordedAt
        case .accepted(.jobDeleted(let job), _):
            deletedAt[job] = entry.recordedAt
        case .outcome(let outcome):
            note(outcome, entry)
        case .decided(let run, .closed(let verdict, _)):
            opened[run]?.verdict = verdict
        case .scheduled(let job, .opened(let slot, let run, let order, _)):
            try checkOpening(of: slot, of: job, order, entry, in: state, open)
            opened[run] = Opened(slot: slot)
        case .scheduled(let job, .judged(let slot, let verdict, let run)):
            guard let run, let own = opened[run], own.slot == slot else {
                return try checkUnopened(slot, of: job, verdict, run, entry, in: state, open)
            }
            opened[run] = nil
            guard let ending = own.verdict else {
                throw Breach(6, "slot \(slot.text) of \(job) is \(verdict), and \(run) is open")
            }
            guard verdict == Self.verdict(of: ending, wasSent: own.wasSent) else {
                throw Breach(6, "slot \(slot.text) of \(job) is \(verdict), and \(run) is \(ending)")
            }
        default:
            break
        }
    }

    /// A schedule in a zone that nobody has read and that nobody has just tried to read: it never opens anything.
    func unreadSchedule(at moment: Timestamp, in state: borrowing Fleet.State) -> String? {
        for job in state.jobs.idsByCreation {
            guard let spec = state.jobs[job]?.spec, !spec.cron.isEmpty, !readZones.contains(spec.timeZone) else {
                continue
            }
            if let tried = unreadAt[spec.timeZone], moment - tried < .minutes(65) { continue }
            return "\(job) has a schedule in \(spec.timeZone), which was never read"
        }
        return nil
    }

    private mutating func note(_ outcome: CommandOutcome, _ entry: Entry<Fleet.Message>) {
        switch (outcome.command, outcome.result) {
        case (.readZone(let zone, _), .zone):
            readZones.insert(zone)
            awakeSince = entry.recordedAt
        case (.readZone(let zone, _), _):
            unreadAt[zone] = entry.recordedAt
        case (.dispatch(_, let run, _, _), .done), (.dispatch(_, let run, _, _), .unknown):
            opened[run]?.wasSent = true
        default:
            break
        }
    }

    private static func verdict(of ending: Verdict, wasSent: Bool) -> SlotVerdict {
        switch ending {
        case .success, .reported: .completed
        case .failed(let reason): .failed(reason)
        case .cancelled: .skipped(.cancelled)
        case .lost(let reason): wasSent ? .failed(reason) : .missed(.agentAway)
        }
    }

    private func checkOpening(
        of slot: Slot, of job: JobID, _ order: RunOrder, _ entry: Entry<Fleet.Message>, in state: borrowing Fleet.State,
        _ open: OpenRuns
    ) throws(Breach) {
        let jitter = Milliseconds.seconds(Int64(state.jobs[job]?.spec.jitterSeconds ?? 0))
        let lateness = entry.recordedAt - slot.instant
        guard slot.instant <= awakeSince || lateness <= Self.punctuality + jitter else {
            throw Breach(6, "slot \(slot.text) of \(job) opens \(lateness.count) ms late, and nothing kept it")
        }
        if order.overlap == .skip, let other = openRuns(of: job, order.agent, in: state, open).first {
            throw Breach(6, "slot \(slot.text) of \(job) opens, and \(other) is open")
        }
    }

    /// The verdict of a slot that never opened: what it names as the reason must be so.
    private func checkUnopened(
        _ slot: Slot, of job: JobID, _ verdict: SlotVerdict, _ run: RunID?, _ entry: Entry<Fleet.Message>,
        in state: borrowing Fleet.State, _ open: OpenRuns
    ) throws(Breach) {
        var isTrue = true
        switch verdict {
        case .missed(.serverAway):
            isTrue = slot.instant <= awakeSince && entry.recordedAt - slot.instant > Self.punctuality
        case .skipped(.overlap):
            isTrue = run.map { state.runs[$0]?.order.job == job && state.runs[$0]?.isOpen == true } ?? false
        case .skipped(.queueFull):
            let agent = state.jobs[job]?.agent
            isTrue = agent.map { openRuns(of: job, $0, in: state, open).count >= Self.openRunsPerJob } ?? false
        case .skipped(.jobChanged):
            isTrue = changedAt[job].map { slot.instant <= $0 } ?? false
        case .skipped(.jobDeleted):
            isTrue = deletedAt[job].map { slot.instant <= $0 } ?? false
        case .completed, .failed, .missed(.agentAway), .skipped(.cancelled):
            break  // only of slots that were opened, which the ledger looks after
        }
        guard isTrue else {
            throw Breach(6, "slot \(slot.text) of \(job) is \(verdict) at \(entry.recordedAt), which is not so")
        }
    }

    private func openRuns(
        of job: JobID, _ agent: AgentID, in state: borrowing Fleet.State, _ open: OpenRuns
    ) -> [RunID] {
        var runs: [RunID] = []
        for id in open[agent] where state.runs[id]?.order.job == job { runs.append(id) }
        return runs
    }
}
