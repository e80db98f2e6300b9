extension Station {
    /// What must follow from one change.
    public static func decide(_ change: Change, _ entry: Entry<Message>, in state: borrowing State) -> [Message] {
        switch change {
        case .widened:
            return state.startable.map { .dump($0) }
        case .cancelled(let id):
            return [.stop(id)]
        case .repeated(let id):
            guard let run = state.runs[id] else { return [] }
            if case .confirmed = run.phase { return [.report(id)] }
            return [.announce(id)]
        case .run(let id, let before):
            guard let run = state.runs[id] else { return [] }
            switch run.phase {
            case .queued:
                let startable = state.startable
                return startable.map { .dump($0) } + (startable.contains(id) ? [] : [.announce(id)])
            case .staged:
                return [.upload(id)]
            case .concluded:
                switch before {
                case .dumping, .staged, .uploading:
                    return [.discard(id), .report(id)] + state.startable.map { .dump($0) }
                case nil, .queued, .concluded, .reporting, .confirmed:
                    return [.report(id)]
                }
            case .confirmed:
                return [.forget(id)]
            case .dumping, .uploading, .reporting:
                return []
            }
        }
    }

    /// Where a message belongs and what it is, in the state just before it is folded.
    public static func describe(_ message: Message, in state: borrowing State) -> Description {
        func of(_ id: RunID) -> Stream { state.runs.contains(id) ? Stream("run", id) : .engine }
        switch message {
        case .started: return Description(stream: .engine, kind: "station.started", role: .fact)
        case .connected: return Description(stream: .engine, kind: "session.connected", role: .fact)
        case .disconnected: return Description(stream: .engine, kind: "session.disconnected", role: .fact)
        case .configured: return Description(stream: .engine, kind: "config.applied", role: .fact)
        case .told(let id, _): return Description(stream: Stream("run", id), kind: "run.told", role: .fact)
        case .cancelTold(let job):
            let isKnown = state.runs.idsByCreation.contains { state.runs[$0]?.order.job == job }
            return Description(stream: isKnown ? Stream("job", job) : .engine, kind: "job.cancel_told", role: .fact)
        case .progressed(let id, _): return Description(stream: of(id), kind: "run.progressed", role: .fact)
        case .announce(let id): return Description(stream: of(id), kind: "run.announce", role: .command)
        case .dump(let id): return Description(stream: of(id), kind: "run.dump", role: .command)
        case .upload(let id): return Description(stream: of(id), kind: "run.upload", role: .command)
        case .stop(let id): return Description(stream: of(id), kind: "run.stop", role: .command)
        case .discard(let id): return Description(stream: of(id), kind: "run.discard", role: .command)
        case .report(let id): return Description(stream: of(id), kind: "run.report", role: .command)
        case .forget(let id): return Description(stream: of(id), kind: "run.forget", role: .command)
        case .outcome(let id, let position, let outcome):
            return Description(stream: of(id), kind: kind(of: outcome), role: .outcome(of: position))
        case .reportExpired(let id): return Description(stream: of(id), kind: "run.report_expired", role: .deadline)
        case .journalExpired(let id): return Description(stream: of(id), kind: "run.journal_expired", role: .deadline)
        }
    }

    private static func kind(of outcome: Outcome) -> Text {
        switch outcome {
        case .staged: "run.staged"
        case .uploaded: "run.uploaded"
        case .failed: "run.failed"
        case .interrupted: "run.interrupted"
        case .delivered: "run.delivered"
        case .withdrawn: "run.withdrawn"
        case .done: "run.done"
        }
    }

    /// The soonest deadline that is armed: a run has at most one, and its phase says which.
    public static func nextDeadline(in state: borrowing State) -> Deadline<Message>? {
        guard let timer = state.timers.first else { return nil }
        var message = Message.reportExpired(timer.key)
        if case .confirmed = state.runs[timer.key]?.phase { message = .journalExpired(timer.key) }
        return Deadline(due: timer.due, message: message, armedBy: timer.armedBy)
    }
}
