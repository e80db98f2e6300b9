import Core

/// Whether each phase of a run ends in time (invariant 4). Counts by itself, from the entries of the log: an attempt has its
/// job's time and the overtime, what is out of touch its grace, a question to the store and a place in the queue a day.
/// Our own absence and jumps of our clock put that off.
///
/// A run is looked at by each entry that speaks of it, so a check costs nothing of the others' runs.
struct DeadlineAudit: Sendable {
    private struct Account: Sendable {
        var agent: AgentID
        var phase: Run.Phase
        /// When the phase must be over.
        var due: Timestamp
        /// When it was put in the queue last, and not only put back because it could not be sent.
        var queuedAt: Timestamp
        /// Nothing is heard about what is in flight; nil while it is in touch.
        var silence: Silence?
    }

    private struct Silence: Sendable {
        var since: Timestamp
        /// When it was sent again last, which begins its grace anew, as long as that does not end 300 s after its beginning.
        var sentAgainAt: Timestamp?

        /// When it must be over.
        var due: Timestamp {
            let grace = DeadlineAudit.grace
            return sentAgainAt.map { min($0 + grace, since + grace + grace) } ?? since + grace
        }
    }

    private var accounts: [RunID: Account] = [:]
    /// The session of each agent that has one.
    private var sessions: [AgentID: SessionID] = [:]

    /// The promises of `docs/guarantees.md`, in numbers of their own.
    private static let (overtime, withoutTimeout) = (Milliseconds.minutes(35), Milliseconds.hours(12))
    private static let (grace, day) = (Milliseconds.seconds(150), Milliseconds.hours(24))
    /// A full disk, or a turn behind others, makes a deadline pass a little late.
    private static let slack = Milliseconds.minutes(1)

    /// Looks at an entry in the state just behind it.
    mutating func take(
        _ entry: Entry<Fleet.Message>, in state: borrowing Fleet.State, _ open: OpenRuns
    ) throws(Breach) {
        let moment = entry.recordedAt
        switch entry.message {
        case .started:
            sessions = [:]
            for id in accounts.keys { resume(id, at: moment, in: state) }
        case .clockStepped(let step) where step.count > 0:
            for id in accounts.keys { skip(step, of: id) }
        case .accepted(.runQueued(let id, let order), _), .scheduled(_, .opened(_, let id, let order, _)):
            accounts[id] = Account(
                agent: order.agent, phase: .queued, due: order.takeBy ?? moment + Self.day, queuedAt: moment)
        case .sessionOpened(let agent, _), .sessionClosed(let agent, _, _), .deadline(.silence(let agent)),
            .deadline(.claim(let agent)), .accepted(.keyRotated(let agent, _), _):
            noteSession(of: agent, at: moment, in: state, open)
        case .received(let agent, let frame):
            for id in frame.namedRuns where accounts[id]?.agent == agent {
                if !frame.isReplayed { accounts[id]?.silence = nil }
                try look(at: id, entry, in: state)
            }
        case .decided(let id, _), .deadline(.run(let id)), .deadline(.cancellation(let id)),
            .accepted(.cancelRequested(let id), _):
            try look(at: id, entry, in: state)
        case .outcome(let outcome):
            switch outcome.command {
            case .dispatch(_, let id, _, _):
                let isSentAgain =
                    switch accounts[id]?.phase {
                    case .running, .unconfirmed: outcome.result == .done
                    default: false
                    }
                try look(at: id, entry, in: state)
                if isSentAgain { accounts[id]?.silence?.sentAgainAt = moment }
            case .observe(let id, _), .cancel(_, let id, _):
                try look(at: id, entry, in: state)
            default:
                break
            }
        default:
            break
        }
    }

    /// We were gone: whatever is in flight begins its grace anew, and no deadline comes before that is over.
    private mutating func resume(_ id: RunID, at moment: Timestamp, in state: borrowing Fleet.State) {
        guard var account = accounts[id], let run = state.runs[id] else { return }
        account.due = max(account.due, moment + Self.grace)
        if run.attemptInFlight != nil { account.silence = Silence(since: moment) }
        accounts[id] = account
    }

    private mutating func skip(_ step: Milliseconds, of id: RunID) {
        guard var account = accounts[id] else { return }
        account.due = account.due + step
        account.queuedAt = account.queuedAt + step
        account.silence = account.silence.map {
            Silence(since: $0.since + step, sentAgainAt: $0.sentAgainAt.map { $0 + step })
        }
        accounts[id] = account
    }

    /// With its session an agent loses touch with what it is doing.
    private mutating func noteSession(
        of agent: AgentID, at moment: Timestamp, in state: borrowing Fleet.State, _ open: OpenRuns
    ) {
        let session = state.agents[agent]?.session?.id
        guard session != sessions[agent] else { return }
        if sessions.updateValue(session ?? SessionID(""), forKey: agent) != nil {
            for (id, _) in open.inFlight(of: agent, in: state) where accounts[id]?.silence == nil {
                accounts[id]?.silence = Silence(since: moment)
            }
        }
        if session == nil { sessions[agent] = nil }
    }

    /// The phase must not have outlasted its time, whether or not it ends with this entry.
    private mutating func look(
        at id: RunID, _ entry: Entry<Fleet.Message>, in state: borrowing Fleet.State
    ) throws(Breach) {
        guard var account = accounts[id], let run = state.runs[id] else { return }
        let moment = entry.recordedAt
        guard moment <= account.due + Self.slack else {
            throw Breach(4, "\(id) was \(account.phase) until \(moment), and had time until \(account.due)")
        }
        if let silence = account.silence, moment > silence.due + Self.slack {
            throw Breach(
                4, "\(id) was \(account.phase) until \(moment), and nothing was heard of it since \(silence.since)")
        }
        defer { accounts[id] = run.isOpen ? account : nil }
        guard account.phase != run.phase else { return }
        account.due = due(of: run, at: moment, &account)
        if run.attemptInFlight == nil { account.silence = nil }
        if case .unconfirmed = run.phase { account.silence = Silence(since: moment) }
        if case .decided(_, .retried(let retry, _)) = entry.message { account.due = retry.due }
        account.phase = run.phase
    }

    /// When the phase that has begun must be over.
    private func due(of run: Run, at moment: Timestamp, _ account: inout Account) -> Timestamp {
        switch run.phase {
        case .sending, .unconfirmed, .running, .captured:
            return moment
                + (run.order.timeoutSeconds == 0
                    ? Self.withoutTimeout : .seconds(Int64(run.order.timeoutSeconds)) + Self.overtime)
        case .queued:
            // What could not be sent is put back, and has what is left of its time.
            if case .sending = account.phase {} else { account.queuedAt = moment }
            let limit = account.queuedAt + Self.day
            guard run.attempt == .none else { return max(limit, run.order.takeBy ?? limit) }
            return run.order.takeBy ?? limit
        case .verifying, .reconciling, .waiting:
            return moment + Self.day
        case .stored, .failed, .gone, .expired, .stopped, .ended, .closed:
            return moment + .seconds(30)  // the verdict follows in the same turn, or soon where that was cut off
        }
    }
}
