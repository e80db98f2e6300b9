public import Core
public import Engine
import Glibc

/// The clocks of the machine.
public struct SystemClock: Clock {
    /// The one system clock.
    public init() {}

    /// The wall clock, as people may have set it.
    public func wallTime() -> Timestamp {
        let time = Self.read(CLOCK_REALTIME)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// Nanoseconds since the machine started, without the time it was suspended.
    public func monotonicNanoseconds() -> UInt64 {
        let time = Self.read(CLOCK_MONOTONIC)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        clock_gettime(clock, &time)
        return time
    }
}
