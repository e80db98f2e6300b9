extension Fleet.State {
    mutating func fold(_ decision: RunDecision, of id: RunID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        switch decision {
        case .started(let attempt, let isRepeatable):
            let changes = fold(id, entry) {
                $0.start(attempt, isRepeatable: isRepeatable, at: entry.recordedAt)
                return []
            }
            if !changes.isEmpty, let order = runs[id]?.order { countStart(of: order, entry) }
            return changes
        case .retried(let retry, _):
            return fold(id, entry) {
                $0.retry(retry)
                return []
            }
        case .closed(let verdict, _):
            settleObjects(of: id, verdict, entry)
            let hasOpenSlot = runs[id].map { self.hasOpenSlot(of: $0, id) } ?? false
            return fold(id, entry) {
                $0.close(verdict, at: entry.recordedAt)
                // Looked at soon, unless the verdict of its slot comes first.
                if hasOpenSlot { $0.deadline = entry.recordedAt + Fleet.Limits.observation }
                return []
            }
        }
    }

    mutating func fold(_ outcome: CommandOutcome, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        switch outcome.command {
        case .welcome(let agent, let session):
            guard agents[agent]?.session?.id == session, outcome.result == .done else { return [] }
            agents[agent]?.session?.welcomedAt = entry.recordedAt
            agents[agent]?.session?.takesRuns = true
            agents[agent]?.configSentAt = entry.recordedAt
            return [.ready(agent)]
        case .dispatch(let agent, let run, let attempt, _):
            let changes = fold(run, entry) {
                $0.sent(attempt, outcome, by: entry.position, at: entry.recordedAt)
                return []
            }
            // Tried again at once it would fail at once, for ever: it waits for the next session, or for 30 s.
            if runs[run]?.waitsToBeSentAgain == true { agents[agent]?.session?.takesRuns = false }
            return changes
        case .observe(let run, let attempt):
            return fold(run, entry) {
                $0.observed(attempt, outcome.result, at: entry.recordedAt)
                return []
            }
        case .delete(let run, let attempt):
            return deletionEnded(ObjectKey(run: run, attempt: attempt), outcome.result, entry)
        case .survey:
            return surveyed(outcome.result, entry)
        case .cancel(let agent, let run, let attempt):
            cancelSent(to: agent, run, outcome.result, entry)
            stopSent(to: agent, ListedAttempt(run: run, attempt: attempt), outcome.result, entry)
            return []
        case .readZone(let zone, let start):
            return learn(zone, from: start, outcome.result, entry)
        case .probeTarget(let check):
            return probed(check, outcome, entry)
        case .configure(let agent, let version):
            guard agents[agent]?.configVersion == version else { return [] }
            agents[agent]?.configSentAt = outcome.result == .done ? entry.recordedAt : nil
            return outcome.result == .done ? [.ready(agent)] : []
        case .disconnect, .probe, .refuse, .runCheck:
            return []
        }
    }
}
