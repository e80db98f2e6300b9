import Core
import Engine

/// One reading of a model machine's two clocks.
struct ModelClock: Clock {
    let wall: Timestamp
    let nanoseconds: UInt64

    /// The clocks of a machine whose wall clock is ahead by an offset.
    init(at now: Timestamp, offset: Milliseconds) {
        wall = now + offset
        nanoseconds = UInt64(clamping: (now - World.beginning).count) &* 1_000_000
    }

    func wallTime() -> Timestamp { wall }
    func monotonicNanoseconds() -> UInt64 { nanoseconds }
}
