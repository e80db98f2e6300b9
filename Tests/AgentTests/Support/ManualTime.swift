import Agent
import Core
import Synchronization

/// Time that passes only when a test says so.
final class ManualTime: AgentTime {
    private struct Sleeper {
        var id: UInt64
        var due: Duration
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = Duration.zero
        var count: UInt64 = 0
        var sleepers: [Sleeper] = []
        var cancelled: Set<UInt64> = []
        /// Waits that were asked for and that no test has looked at yet.
        var requested: [Duration] = []
        var watchers: [(wanted: Duration, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())
    private static let start: Int64 = 1_750_000_000_000

    func wallTime() -> Timestamp {
        Timestamp(milliseconds: Self.start) + Milliseconds(Int64(state.withLock { $0.now } / .milliseconds(1)))
    }

    func monotonicNanoseconds() -> UInt64 { UInt64(state.withLock { $0.now } / .nanoseconds(1)) }

    func sleep(for duration: Duration) async throws {
        let id = state.withLock { state in
            state.count += 1
            return state.count
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (isCancelled, watchers) = state.withLock { state in
                    if state.cancelled.remove(id) != nil { return (true, [CheckedContinuation<Void, Never>]()) }
                    state.sleepers.append(Sleeper(id: id, due: state.now + duration, continuation: continuation))
                    guard let index = state.watchers.firstIndex(where: { $0.wanted == duration }) else {
                        state.requested.append(duration)
                        return (false, [])
                    }
                    return (false, [state.watchers.remove(at: index).continuation])
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
                for watcher in watchers { watcher.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return Sleeper?.none
                }
                return state.sleepers.remove(at: index)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Returns once somebody waits for exactly so long; each wait is seen once.
    func waited(for duration: Duration) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if let index = state.requested.firstIndex(of: duration) {
                    state.requested.remove(at: index)
                    return true
                }
                state.watchers.append((duration, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Lets time pass.
    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.sleepers.filter { $0.due <= state.now }
            state.sleepers.removeAll { $0.due <= state.now }
            return due
        }
        for sleeper in due { sleeper.continuation.resume() }
    }
}
