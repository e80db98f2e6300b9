import Core

/// Whether each attempt was allowed (invariant 7): as many as the job says, none after a wrong configuration, none before
/// its wait is over, none of a run that somebody wants cancelled. Counts by itself, from the decisions on the log.
struct RetryAudit: Sendable {
    private struct Account: Sendable {
        /// Retries that count against the job's attempts.
        var countedCount = 0
        /// Whether the one that is free of charge was given.
        var wasCutOff = false
        /// When the next attempt may begin.
        var due: Timestamp?
    }

    private var accounts: [RunID: Account] = [:]

    /// Another attempt will follow.
    mutating func checkRetry(of id: RunID, _ retry: Retry, _ run: Run, at moment: Timestamp) throws(Breach) {
        var account = accounts[id] ?? Account()
        defer { accounts[id] = account }
        guard !run.isCancelRequested else { throw Breach(7, "\(id) is to be cancelled, and is tried again") }
        guard retry.failure != .configuration else {
            throw Breach(7, "\(id) is tried again with a configuration that was wrong")
        }
        account.due = retry.due
        guard !retry.isFree else {
            guard retry.failure == .disconnect, !account.wasCutOff else {
                throw Breach(7, "\(id) is tried again free of charge after \(retry.failure)")
            }
            account.wasCutOff = true
            return
        }
        let waits = run.order.backoffSeconds
        if !waits.isEmpty {
            let wait = Milliseconds.seconds(Int64(waits[min(account.countedCount, waits.count - 1)]))
            guard retry.due >= moment + min(wait, .hours(24)) else {
                throw Breach(7, "\(id) is tried again after \((retry.due - moment).count) ms in place of \(wait.count)")
            }
        }
        account.countedCount += 1
        guard account.countedCount < Int(run.order.maxAttempts) else {
            throw Breach(7, "\(id) is tried again \(account.countedCount) times, of \(run.order.maxAttempts) attempts")
        }
    }

    /// An attempt begins.
    mutating func checkStart(of id: RunID, _ run: Run, at moment: Timestamp) throws(Breach) {
        guard !run.isCancelRequested else { throw Breach(7, "\(id) is to be cancelled, and is started") }
        if let due = accounts[id]?.due, moment < due {
            throw Breach(7, "\(id) is started \((due - moment).count) ms before its wait is over")
        }
        accounts[id]?.due = nil
    }

    /// The run has ended.
    mutating func forget(_ id: RunID) { accounts[id] = nil }
}
