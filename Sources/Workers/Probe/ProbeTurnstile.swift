import Synchronization

/// Lets so many in at the same time; others wait in the order they came.
final class ProbeTurnstile: Sendable {
    private struct State: Sendable {
        var free: Int
        var waiting: [(number: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
        var count: UInt64 = 0
    }

    private let state: Mutex<State>

    init(limit: Int) { state = Mutex(State(free: limit)) }

    /// Waits for a place. Whoever got one leaves it.
    func enter() async throws(CancellationError) {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        let isIn = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if Task.isCancelled { return false }
                    guard state.free == 0 else {
                        state.free -= 1
                        return true
                    }
                    state.waiting.append((number, continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiting = state.withLock { state in
                state.waiting.firstIndex { $0.number == number }.map { state.waiting.remove(at: $0).continuation }
            }
            waiting?.resume(returning: false)
        }
        if !isIn { throw CancellationError() }
    }

    /// Gives the place to the next.
    func leave() {
        let next = state.withLock { state in
            if state.waiting.isEmpty {
                state.free += 1
                return nil as CheckedContinuation<Bool, Never>?
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume(returning: true)
    }
}
