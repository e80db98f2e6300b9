/// Holds a log to the promise that every slot of every schedule gets exactly one verdict, from its entries alone and
/// without a state of the fleet: which slots there must be follows from what the jobs said and when.
public struct SlotLedger: Sendable {
    /// Something that the log should not hold.
    public struct Violation: Hashable, Sendable, CustomStringConvertible {
        /// The entry by which it was seen.
        public var position: Position
        /// What is wrong.
        public var description: String
    }

    private struct Plan: Sendable {
        var cron: Cron
        var text: Text
        var zone: Text
        /// Slots up to here were met.
        var cursor: Timestamp
        /// Its slots up to here are owed; nil while it is in force.
        var end: Timestamp?
    }

    private struct Account: Sendable {
        var plans: [Plan] = []
        var open = Table<Slot, RunID>()
    }

    /// What was found, in the order of the log.
    public private(set) var violations: [Violation] = []
    private var accounts = Table<JobID, Account>()
    private var specs = Table<JobID, JobSpec>()
    private var owners = Table<JobID, AgentID>()
    private var zones = Table<Text, ZoneRules>()
    private var hasBegun = false

    /// A ledger that has seen nothing.
    public init() { zones[ZoneRules.utcName] = .utc }

    /// Runs of slots that were opened and have no verdict.
    public var openRuns: [RunID] {
        accounts.idsByCreation.flatMap { job in
            guard let open = accounts[job]?.open else { return [RunID]() }
            return open.idsSorted.compactMap { open[$0] }
        }
    }

    /// Slots whose time had come by a moment and that no entry speaks of, at most so many of each job. What is due within
    /// a job's jitter is not owed yet, so the moment should be that much earlier; zones that were never read owe nothing.
    public func owed(by moment: Timestamp, limit: Int = 8) -> [(job: JobID, slot: Slot)] {
        var owed: [(JobID, Slot)] = []
        for job in accounts.idsByCreation {
            for plan in accounts[job]?.plans ?? [] {
                var cursor = plan.cursor
                let end = min(plan.end ?? moment, moment)
                while owed.count < limit, let slot = next(of: plan, after: cursor), slot.instant <= end {
                    owed.append((job, slot))
                    cursor = slot.instant
                }
            }
        }
        return owed
    }

    /// Reads the next entry of the log.
    public mutating func add(_ entry: Entry<Fleet.Message>) {
        switch entry.message {
        case .started(let start):
            guard start.rules >= Fleet.Limits.firstRulesWithSchedules, !hasBegun else { return }
            hasBegun = true
            for job in specs.idsByCreation { replan(job, at: entry.recordedAt) }
        case .accepted(let acceptance, _): add(acceptance, at: entry.recordedAt)
        case .outcome(let outcome):
            guard case .readZone(let zone, _) = outcome.command, case .zone(let rules) = outcome.result else { return }
            zones[zone] = rules
        case .scheduled(let job, let decision): add(decision, of: job, entry)
        case .clockStepped, .disk, .faulted, .captureOpened, .sessionOpened, .sessionClosed, .received, .captured,
            .unreadable,
            .requested, .refused, .deadline, .presence, .noted, .decided, .judged, .alerted, .object, .command:
            break
        }
    }

    private mutating func add(_ acceptance: Acceptance, at moment: Timestamp) {
        switch acceptance {
        case .jobCreated(let job, let agent, _, let spec):
            owners[job] = agent
            specs[job] = spec
            replan(job, at: moment)
        case .jobChanged(let job, let spec):
            specs[job] = spec
            replan(job, at: moment)
        case .jobDeleted(let job):
            specs[job] = nil
            owners[job] = nil
            replan(job, at: moment)
        case .agentDeleted(let agent):
            for job in owners.idsByCreation where owners[job] == agent {
                specs[job] = nil
                owners[job] = nil
                replan(job, at: moment)
            }
        case .agentCreated, .agentRenamed, .keyRotated, .agentConfigured, .targetCreated, .targetChanged,
            .targetDeleted,
            .runQueued, .cancelRequested, .runDeletionRequested, .tokenIssued, .checkCreated, .checkDeleted,
            .checkChanged, .checkRunRequested, .tokenCreated, .tokenDeleted, .clockConfirmed, .runLocked, .runUnlocked,
            .policyChanged, .alertAcknowledged, .repeated:
            break
        }
    }

    private mutating func replan(_ job: JobID, at moment: Timestamp) {
        guard hasBegun else { return }
        let spec = specs[job]
        let cron = spec.flatMap { try? Cron($0.cron) }
        if let last = accounts[job]?.plans.last, last.end == nil {
            if cron != nil, spec?.cron == last.text, spec?.timeZone == last.zone { return }
            let place = (accounts[job]?.plans.count ?? 1) - 1
            accounts[job]?.plans[place].end = moment
        }
        guard let cron, let spec else { return }
        // Of a zone that was never read, where another takes its place, nothing is owed.
        accounts[job]?.plans.removeAll { $0.end != nil && $0.zone != spec.timeZone && zones[$0.zone] == nil }
        accounts[job, default: Account()].plans.append(
            Plan(cron: cron, text: spec.cron, zone: spec.timeZone, cursor: moment))
        forgetPlans(of: job)
    }

    /// Of expressions whose zone was never read only so many owe their slots.
    private mutating func forgetPlans(of job: JobID) {
        while let plan = accounts[job]?.plans.first, let end = plan.end, zones[plan.zone] != nil,
            next(of: plan, after: plan.cursor).map({ $0.instant > end }) ?? true
        {
            accounts[job]?.plans.removeFirst()
        }
        guard let plans = accounts[job]?.plans, plans.count > Fleet.Limits.plansPerJob else { return }
        if let oldest = plans.firstIndex(where: { $0.end != nil && zones[$0.zone] == nil }) {
            accounts[job]?.plans.remove(at: oldest)
        }
    }

    private func next(of plan: Plan, after moment: Timestamp) -> Slot? {
        zones[plan.zone].flatMap { plan.cron.next(after: moment, in: $0) }
    }

    private mutating func add(_ decision: SlotDecision, of job: JobID, _ entry: Entry<Fleet.Message>) {
        switch decision {
        case .opened(let slot, let run, _, _):
            meet(slot, of: job, entry)
            accounts[job, default: Account()].open[slot] = run
        case .judged(let slot, let verdict, let run):
            guard let opened = accounts[job]?.open[slot] else {
                switch verdict {
                case .completed, .failed, .missed(.agentAway), .skipped(.cancelled):
                    note("has the verdict “\(verdict.word)” and was not open", slot, job, entry)
                case .missed(.serverAway), .skipped: meet(slot, of: job, entry)
                }
                return
            }
            if opened != run { note("was opened for \(opened) and judged for another run", slot, job, entry) }
            accounts[job]?.open[slot] = nil
        }
    }

    /// The slot must be the next one that is owed.
    private mutating func meet(_ slot: Slot, of job: JobID, _ entry: Entry<Fleet.Message>) {
        while let plan = accounts[job]?.plans.first {
            let expected = next(of: plan, after: plan.cursor)
            if let end = plan.end, expected.map({ $0.instant > end }) ?? true {
                accounts[job]?.plans.removeFirst()
                continue
            }
            if expected != slot {
                note("was met where \(expected.map { "\($0.text)" } ?? "none") was next", slot, job, entry)
            }
            accounts[job]?.plans[0].cursor = slot.instant
            return
        }
        note("was met though the job has no schedule", slot, job, entry)
    }

    private mutating func note(_ problem: String, _ slot: Slot, _ job: JobID, _ entry: Entry<Fleet.Message>) {
        violations.append(Violation(position: entry.position, description: "slot \(slot.text) of \(job) \(problem)"))
    }
}
