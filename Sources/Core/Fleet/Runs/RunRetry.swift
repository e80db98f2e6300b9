/// From one attempt to the next.
extension Run {
    /// How many attempts count against what the job allows. One of unknown sending may never have been made, and the first
    /// that is cut off is no fault of the job's: neither counts.
    var countedAttempts: UInt32 {
        let free = replacementCount &+ (wasCutOff ? 1 : 0)
        return attempt.number &- min(free, attempt.number)
    }

    /// Another attempt after one that came to nothing; nil where trying again cannot help or is not allowed.
    func retry(after failed: Attempt, _ reason: FailureClass, at moment: Timestamp) -> Retry? {
        switch reason {
        case .configuration:
            return nil
        case .disconnect where !wasCutOff:
            return Retry(attempt: failed, failure: reason, due: moment + Fleet.Limits.shortestWait, isFree: true)
        case .source, .upload, .storage, .disconnect, .timeout, .lost, .unknown:
            guard countedAttempts < order.maxAttempts else { return nil }
            return Retry(attempt: failed, failure: reason, due: moment + waitBeforeRetry, isFree: false)
        }
    }

    /// The job's wait behind the attempts that counted so far; behind its last wait, that one again. Never so short that
    /// the next attempt falls into the same millisecond, and never longer than a run waits for its agent.
    private var waitBeforeRetry: Milliseconds {
        guard let last = order.backoffSeconds.last else { return Fleet.Limits.defaultWait }
        let number = Int(countedAttempts) - 1
        let seconds = order.backoffSeconds.indices.contains(number) ? order.backoffSeconds[number] : last
        return min(max(.seconds(Int64(seconds)), Fleet.Limits.shortestWait), Fleet.Limits.longestWait)
    }

    /// Another attempt will follow. As with ``start(_:isRepeatable:at:)``, whatever today's rules make of what came before.
    mutating func retry(_ retry: Retry) {
        guard isOpen, !isCaptured, retry.attempt == attempt else { return }
        if retry.isFree { wasCutOff = true }
        phase = .waiting(retry.attempt, retry.failure)
        grace = retry.due
        deadline = retry.due + Fleet.Limits.queue
    }
}

extension Fleet {
    /// What follows from an attempt that came to nothing: another one, or the verdict.
    static func conclude(
        _ id: RunID, after attempt: Attempt, _ reason: FailureClass, otherwise verdict: Verdict,
        _ entry: Entry<Message>,
        in state: borrowing State
    ) -> Message? {
        guard let run = state.runs[id] else { return nil }
        guard let retry = run.retry(after: attempt, reason, at: entry.recordedAt) else {
            return close(run, id, verdict, entry)
        }
        // Where another attempt would follow, somebody's wish is granted by not making it.
        if run.isCancelRequested { return close(run, id, .cancelled, entry) }
        let grounds = run.grounds(of: verdict).filter { $0 != entry.position }
        return .decided(id, .retried(retry, grounds: grounds))
    }
}
