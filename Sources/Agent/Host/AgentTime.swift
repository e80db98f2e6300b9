public import Core
public import Engine

/// All the time an agent uses: the engine's clocks, and waiting. Tests bring their own.
public protocol AgentTime: Clock {
    /// Waits; throws when the task is cancelled.
    func sleep(for duration: Duration) async throws
}

extension AgentTime {
    /// The monotonic clock as a span since its arbitrary start.
    var uptime: Duration { .nanoseconds(Int64(clamping: monotonicNanoseconds())) }
}

/// The time of this machine.
public struct HostTime: AgentTime {
    private static let start = ContinuousClock.now

    /// The time; it has no state.
    public init() {}

    /// From the system's clock.
    public func wallTime() -> Timestamp { Timestamp(milliseconds: HostVitals.wallMilliseconds()) }

    /// From the process's first use of it.
    public func monotonicNanoseconds() -> UInt64 {
        let (seconds, attoseconds) = (ContinuousClock.now - Self.start).components
        return UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(clamping: attoseconds / 1_000_000_000)
    }

    /// Really waits.
    public func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}
