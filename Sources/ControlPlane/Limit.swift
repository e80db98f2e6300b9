import Synchronization

/// Waits for the work, but not longer than the limit; the work goes on then, unheeded.
///
/// - Returns: Whether it was done in time.
@discardableResult
func within(_ limit: Duration, _ work: @escaping @Sendable () async -> Void) async -> Bool {
    let isDecided = Mutex(false)
    return await withCheckedContinuation { continuation in
        let decide: @Sendable (Bool) -> Void = { isDone in
            let isFirst = isDecided.withLock { decided in
                defer { decided = true }
                return !decided
            }
            if isFirst { continuation.resume(returning: isDone) }
        }
        let timer = Task.detached {
            try? await Task.sleep(for: limit)
            decide(false)
        }
        Task.detached {
            await work()
            timer.cancel()
            decide(true)
        }
    }
}
