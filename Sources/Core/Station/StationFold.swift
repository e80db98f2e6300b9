extension Station {
    /// Applies one entry, in place.
    public static func fold(_ entry: Entry<Message>, into state: inout State) -> [Change] {
        switch entry.message {
        case .started(let build, _):
            state.build = build
            state.startCount &+= 1
            state.session = nil
            state.extensions = []
            return []
        case .connected(let session, let extensions):
            state.session = session
            state.extensions = extensions
            return []
        case .disconnected:
            state.session = nil
            state.extensions = []
            return []
        case .configured(let version, let limit):
            state.configVersion = version
            let before = state.parallelRunLimit
            state.parallelRunLimit = limit == 0 ? Limits.defaultParallelRuns : min(limit, Limits.maximumParallelRuns)
            return state.parallelRunLimit > before ? [.widened] : []
        case .told(let id, let order):
            return told(id, order, entry, &state)
        case .cancelTold(let job):
            return cancel(job, entry, &state)
        case .progressed(let id, let progress):
            if state.runs[id]?.holdsSlot == true { state.runs[id]?.progress = progress }
            return []
        case .dump(let id):
            let startCount = state.startCount
            return command(id, entry, &state) { run in
                guard run.phase == .queued else { return }
                run.begunInStart = startCount
                run.phase = .dumping(entry.position)
                run.begunAt = entry.recordedAt
                run.progress = Progress(step: "dump", percentOfStep: 0)
            }
        case .upload(let id):
            return command(id, entry, &state) { run in
                guard run.phase == .staged else { return }
                run.phase = .uploading(entry.position)
                run.progress = Progress(step: "upload", percentOfStep: 0)
            }
        case .report(let id):
            return command(id, entry, &state) { run in
                if let ending = run.ending { run.phase = .reporting(ending, entry.position) }
            }
        case .announce, .stop, .discard, .forget:
            return []
        case .outcome(let id, let position, let outcome):
            guard outcome != .done else { return [] }
            var isExpected = false
            let startCount = state.startCount
            let changes = command(id, entry, &state) {
                isExpected = $0.fold(outcome, of: position, at: entry.recordedAt, startCount: startCount)
            }
            if !isExpected { state.staleCount &+= 1 }
            return changes
        case .reportExpired(let id):
            return command(id, entry, &state) { run in
                switch run.phase {
                case .concluded(let ending), .reporting(let ending, _): run.phase = .confirmed(ending)
                case .queued, .dumping, .staged, .uploading, .confirmed: break
                }
            }
        case .journalExpired(let id):
            guard case .confirmed = state.runs[id]?.phase else { return [] }
            state.runs[id] = nil
            state.timers.disarm(id)
            return []
        }
    }

    private static func told(_ id: RunID, _ order: Order, _ entry: Entry<Message>, _ state: inout State) -> [Change] {
        if state.runs.contains(id) {
            state.runs[id]?.repeatCount &+= 1
            return [.repeated(id)]
        }
        let isFull = state.openCount >= Limits.maximumOpenRuns
        state.runs[id] = Run(order)
        state.waiting.append(id)
        if isFull {
            _ = command(id, entry, &state) {
                $0.phase = .concluded(.failed(Text("pipeline: \(Limits.maximumOpenRuns) runs are waiting already")))
            }
        }
        return [.run(id, before: nil)]
    }

    private static func cancel(_ job: Text, _ entry: Entry<Message>, _ state: inout State) -> [Change] {
        var changes: [Change] = []
        for id in state.runs.idsByCreation {
            guard let run = state.runs[id], run.order.job == job, run.isOpen, !run.isCancelled else { continue }
            let phaseChanges = command(id, entry, &state) { run in
                run.isCancelled = true
                if run.phase == .queued { run.phase = .concluded(.cancelled) }
            }
            changes += phaseChanges.isEmpty ? [.cancelled(id)] : phaseChanges
        }
        return changes
    }

    /// Changes one run and keeps queue, slots and timers in step with its phase.
    private static func command(
        _ id: RunID, _ entry: Entry<Message>, _ state: inout State, _ change: (inout Run) -> Void
    ) -> [Change] {
        guard var run = state.runs[id] else { return [] }
        let before = run
        change(&run)
        defer { state.runs[id] = run }
        guard run.phase != before.phase else { return [] }
        if before.phase == .queued { state.waiting.removeAll { $0 == id } }
        if before.holdsSlot != run.holdsSlot {
            state.activeCount = run.holdsSlot ? state.activeCount &+ 1 : state.activeCount &- 1
        }
        switch run.phase {
        case .queued, .dumping, .staged, .uploading, .reporting:
            if before.ending != nil, case .confirmed = before.phase {
                // Told again after all was delivered: the report is owed once more, and for as long.
                arm(&run)
            }
        case .concluded, .confirmed:
            arm(&run)
        }
        func arm(_ run: inout Run) {
            let due = entry.recordedAt + Limits.retention
            run.keptUntil = due
            state.timers.arm(id, due: due, by: entry.position)
        }
        return [.run(id, before: before.phase)]
    }
}
