import Synchronization
import Wire

/// The configuration in force, for whoever needs it, and for whoever must wait for the first one: a restarted agent knows
/// none until a server has accepted it, because it is never written down.
final class SettingsBoard: Sendable {
    private struct State: Sendable {
        var settings: StationSettings?
        var waiting: [UInt64: CheckedContinuation<StationSettings?, Never>] = [:]
        var count: UInt64 = 0
    }

    private let state = Mutex(State())

    /// The configuration; nil until one came.
    var current: StationSettings? { state.withLock { $0.settings } }

    /// Puts another one in force.
    func put(_ settings: StationSettings) {
        let waiting = state.withLock { state in
            state.settings = settings
            defer { state.waiting = [:] }
            return state.waiting.values.map { $0 }
        }
        for continuation in waiting { continuation.resume(returning: settings) }
    }

    /// The configuration, once there is one.
    func wait() async throws(CancellationError) -> StationSettings {
        let number = state.withLock { state in
            state.count += 1
            return state.count
        }
        let settings = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let known = state.withLock { state in
                    if state.settings == nil, !Task.isCancelled { state.waiting[number] = continuation }
                    return state.waiting[number] == nil ? Optional(state.settings) : nil
                }
                if let known { continuation.resume(returning: known) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume(returning: nil)
        }
        guard let settings else { throw CancellationError() }
        return settings
    }
}
