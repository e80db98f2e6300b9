import Foundation
import Synchronization

/// Does long work on a thread of its own, so that those of the tasks stay free: a signal could not be heard otherwise.
///
/// - Parameter work: Is given what tells whether the calling task has been cancelled meanwhile.
func onThread<Value: Sendable>(
    _ work: @escaping @Sendable (_ isCancelled: @escaping @Sendable () -> Bool) throws -> Value
) async throws -> Value {
    let flag = Flag()
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { continuation.resume(with: Result { try work { flag.isSet } }) }
            thread.name = "start"
            thread.stackSize = 8 << 20
            thread.start()
        }
    } onCancel: {
        flag.set()
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() { value.store(true, ordering: .relaxed) }
}

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
