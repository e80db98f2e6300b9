import Core
import Engine

/// What must hold at each entry of the control plane's log: invariants 5, 6, 7, 8, 10, 11, 12 and 14.
struct FleetChecks: Sendable {
    private var closings: [RunID: Int] = [:]
    private var runsByKey: [IdempotencyKey: RunID] = [:]
    private var deletions = DeletionAudit()
    private var retries = RetryAudit()
    private var slots = SlotLedger()
    private var slotVerdicts = SlotAudit()
    private var deadlines = DeadlineAudit()
    private var owners = OwnerAudit()
    private var alerts = AlertLedger()
    private var openRuns = OpenRuns()
    /// Whether nothing goes wrong any more: whatever could start must then.
    private var isHealed = false
    /// A run in the hands of its agent whose time may be over with this entry.
    private var dueRun: RunID?
    private var startedAt = Timestamp(milliseconds: 0)
    /// When each open session was heard last.
    private var heardAt: [SessionID: Timestamp] = [:]
    /// Objects that their own agent reported, whatever the state made of it.
    private var claims: [RunID: [(name: Text, object: ModelStore.Object)]] = [:]

    /// Looks at an entry in the state just before it.
    mutating func before(
        _ entry: Entry<Fleet.Message>, in state: borrowing Fleet.State, store: borrowing ModelStore,
        vault: borrowing ModelVault
    ) throws(Breach) {
        try owners.before(entry, in: state)
        try slotVerdicts.check(entry, in: state, openRuns)
        if let problem = deletions.check(entry, in: state) { throw Breach(10, problem.string) }
        dueRun = nil
        switch entry.message {
        case .started:
            startedAt = entry.recordedAt
            heardAt = [:]
        case .sessionOpened(_, let opening):
            if let session = opening.session { heardAt[session] = entry.recordedAt }
        case .sessionClosed(_, let session, _):
            heardAt[session] = nil
        case .deadline(.silence(let agent)):
            try checkSilence(of: agent, entry, in: state)
        case .deadline(.run(let id)):
            if state.runs[id]?.attemptInFlight != nil { dueRun = id }
        case .decided(let id, .started(let attempt, _)):
            try checkStart(of: id, attempt, at: entry.recordedAt, in: state)
        case .decided(let id, .retried(let retry, _)):
            guard let run = state.runs[id] else { throw Breach(7, "\(id) is tried again and is not known") }
            try retries.checkRetry(of: id, retry, run, at: entry.recordedAt)
        case .decided(let id, .closed(let verdict, _)):
            retries.forget(id)
            closings[id, default: 0] += 1
            guard closings[id] == 1 else { throw Breach(5, "\(id) is closed a second time") }
            try checkVerdict(verdict, of: id, in: state, store: store)
            try checkExpiry(of: id, at: entry.recordedAt, in: state)
        case .command(.dispatch(_, let id, let attempt, _)):
            guard let run = state.runs[id], run.attempt == attempt, run.attemptInFlight == attempt else {
                throw Breach(7, "attempt \(attempt) of \(id) is dispatched and is not the current one")
            }
            guard run.phase == .sending(attempt) || run.isRepeatable else {
                throw Breach(9, "attempt \(attempt) of \(id) is dispatched again, to an agent without a journal")
            }
        case .received(let agent, let frame):
            if let session = frame.session { heardAt[session] = entry.recordedAt }
            noteClaim(of: agent, frame, in: state)
            try SecretAudit.check(agent, frame, in: state, vault: vault)
        case .accepted(.runQueued(let id, _), let ticket):
            if let key = ticket.idempotencyKey, let former = runsByKey.updateValue(id, forKey: key) {
                throw Breach(2, "key \(key.key) made \(former) and then \(id)")
            }
        default:
            break
        }
        openRuns.take(entry, in: state)
    }

    /// From now on nothing goes wrong.
    mutating func heal() { isHealed = true }

    /// Looks again after the fold.
    mutating func after(_ entry: Entry<Fleet.Message>, in state: borrowing Fleet.State) throws(Breach) {
        slots.add(entry)
        if let violation = slots.violations.first { throw Breach(6, violation.description) }
        if let problem = alerts.check(entry) { throw Breach(3, problem.string) }
        try owners.after(in: state)
        try deadlines.take(entry, in: state, openRuns)
        if let dueRun, state.runs[dueRun]?.attemptInFlight == nil, entry.recordedAt - startedAt < Fleet.Limits.grace {
            throw Breach(4, "\(dueRun) is given up within the grace that follows our own absence")
        }
    }

    /// Time in which an agent spoke is not silence.
    private func checkSilence(
        of agent: AgentID, _ entry: Entry<Fleet.Message>, in state: borrowing Fleet.State
    ) throws(Breach) {
        guard let session = state.agents[agent]?.session?.id, let heard = heardAt[session] else { return }
        guard entry.recordedAt - heard >= Fleet.Limits.silence else {
            throw Breach(4, "\(agent) is taken for silent \((entry.recordedAt - heard).count) ms after it spoke")
        }
    }

    private mutating func checkStart(
        of id: RunID, _ attempt: Attempt, at moment: Timestamp, in state: borrowing Fleet.State
    ) throws(Breach) {
        guard let run = state.runs[id] else { throw Breach(7, "\(id) is started and is not known") }
        try retries.checkStart(of: id, run, at: moment)
        switch run.phase {
        case .queued, .failed: break
        default: throw Breach(7, "attempt \(attempt) of \(id) is started in phase \(run.phase.word)")
        }
        guard attempt == run.attempt.next else {
            throw Breach(7, "attempt \(attempt) of \(id) is started after attempt \(run.attempt)")
        }
        // Counted here: the state's own count is what must not be wrong.
        let others = openRuns.work(of: run.order.agent, in: state)
        guard let agent = state.agents[run.order.agent], others.count < Int(agent.settings.maxParallelJobs) else {
            throw Breach(8, "\(id) is started beyond the limit of \(run.order.agent)")
        }
        if agent.settings.isInMaintenance(at: moment) {
            throw Breach(8, "\(id) is started within the maintenance of \(run.order.agent)")
        }
        if let other = openRuns.rival(of: run, among: others) {
            throw Breach(8, "\(id) is started beside \(other), of the same target")
        }
    }

    /// In a healed world no run waits in vain for an agent that is there and could take it.
    private func checkExpiry(of id: RunID, at moment: Timestamp, in state: borrowing Fleet.State) throws(Breach) {
        guard isHealed, state.runs[id]?.phase == .expired, obstacle(to: id, at: moment, in: state) == nil else {
            return
        }
        throw Breach(4, "\(id) was not started in time, and nothing kept it")
    }

    /// What keeps a queued run from starting; nil when nothing does.
    func obstacle(to id: RunID, at moment: Timestamp, in state: borrowing Fleet.State) -> String? {
        openRuns.obstacle(to: id, at: moment, in: state)
    }

    /// A schedule that opens nothing, since its zone was never read.
    func unreadSchedule(at moment: Timestamp, in state: borrowing Fleet.State) -> String? {
        slotVerdicts.unreadSchedule(at: moment, in: state)
    }

    /// An alert that is open although what it is about is over, or gone; nil when there is none.
    func staleAlert(in state: borrowing Fleet.State) -> AlertKey? {
        alerts.openKeys.first { key in
            switch key.kind {
            case .agentLost: state.agents[AgentID(key.subject)]?.session != nil
            case .runLate: state.runs[RunID(key.subject)]?.isOpen != true
            case .clockBehind: state.clockDoubt == nil
            case .clockAhead: state.clockLeap == nil
            case .serverDiskFull: state.diskShortage == nil
            case .runFailed, .objectVanished: !state.jobs.contains(JobID(key.subject))
            case .slotMissed: state.jobs[JobID(key.subject)]?.spec.cron.isEmpty ?? true
            case .checkDown, .checkFlapping, .certificateExpiring: !state.checks.contains(CheckID(key.subject))
            case .identityConflict, .configNotApplied, .diskFull: !state.agents.contains(AgentID(key.subject))
            }
        }
    }

    /// A slot that was opened or that has come, and has no verdict; nil when every schedule has ended as it must.
    var unjudgedSlot: String? {
        if let run = slots.openRuns.first { return "the slot of \(run) is open" }
        return overdueSlot(by: Timestamp(milliseconds: .max))
    }

    /// A slot that had come by a moment, and that was neither opened nor judged.
    func overdueSlot(by moment: Timestamp) -> String? {
        slots.owed(by: moment, limit: 1).first.map { "slot \($0.slot.text) of \($0.job) was never judged" }
    }

    private func checkVerdict(
        _ verdict: Verdict, of id: RunID, in state: borrowing Fleet.State, store: borrowing ModelStore
    ) throws(Breach) {
        guard state.runs.contains(id) else { throw Breach(5, "\(id) is closed and is not known") }
        switch verdict {
        case .success(let attempt, let evidence):
            let name = Self.objectName(of: id, attempt, in: state)
            guard let object = store.objects[name] else {
                throw Breach(12, "\(id) is a success, and the store has no object of attempt \(attempt)")
            }
            guard object.byteCount == evidence.byteCount, evidence.digest == nil || evidence.digest == object.digest
            else {
                throw Breach(12, "\(id) is a success with evidence \(evidence), and the store has \(object)")
            }
            let reported = claims[id]?.filter { $0.name == name } ?? []
            guard reported.isEmpty || reported.contains(where: { $0.object == object }) else {
                throw Breach(12, "\(id) is a success, and its agent reported \(reported), the store has \(object)")
            }
        case .lost, .failed(.lost), .failed(.storage):
            for claim in claims[id] ?? [] where store.objects[claim.name] == claim.object {
                throw Breach(12, "\(id) is \(verdict), and \(claim.name) was reported and is in the store")
            }
        case .reported, .failed, .cancelled:
            break
        }
    }

    private static func objectName(of id: RunID, _ attempt: Attempt, in state: borrowing Fleet.State) -> Text {
        guard let order = state.runs[id]?.order else { return "" }
        return ObjectNames.name(agent: order.agent, job: order.job, run: id, attempt: attempt)
    }

    /// Keeps what an agent says of an object of its own.
    private mutating func noteClaim(of agent: AgentID, _ frame: ReceivedFrame, in state: borrowing Fleet.State) {
        guard case .completed(let completion) = frame.report, let (id, attempt) = completion.run.parts,
            state.runs[id]?.order.agent == agent
        else { return }
        let name = Self.objectName(of: id, attempt, in: state)
        let object = ModelStore.Object(byteCount: completion.byteCount, digest: completion.digest ?? [])
        claims[id, default: []].append((name, object))
    }
}
