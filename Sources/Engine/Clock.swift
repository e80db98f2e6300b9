public import Core

/// The two clocks of a machine.
public protocol Clock: Sendable {
    /// The wall clock: can be set by people, forwards and back.
    func wallTime() -> Timestamp
    /// Nanoseconds that only ever grow, from an arbitrary start, not counting from one boot to the next.
    func monotonicNanoseconds() -> UInt64
}

/// What the engine stamps on entries: driven by the monotonic clock while the process lives, follows the wall clock
/// forwards, never runs backwards and never stands still. Behind a wall clock that was set back it runs at half speed
/// until they meet.
public struct RecordingClock: Sendable {
    private var recorded: Timestamp
    private var lastWall: Timestamp
    private var lastMonotonic: UInt64
    private var halfMilliseconds: Int64 = 0
    /// How far the wall clock was behind the log's last entry when this one started; 0 when it was not.
    public let behind: Milliseconds
    /// Jumps of the wall clock beyond this are told.
    public static let toleratedStep = Milliseconds(2_000)

    /// Starts at the wall clock, but not before the log's last entry.
    public init(notBefore last: Timestamp?, clock: any Clock) {
        lastWall = clock.wallTime()
        lastMonotonic = clock.monotonicNanoseconds()
        recorded = max(last ?? lastWall, lastWall)
        behind = recorded - lastWall
    }

    /// The time to record now, and by how much the wall clock was seen to jump since the last reading (nil up to 2 s).
    public mutating func read(_ clock: any Clock) -> (now: Timestamp, step: Milliseconds?) {
        let wall = clock.wallTime()
        let monotonic = clock.monotonicNanoseconds()
        let elapsed = Milliseconds(Int64(clamping: (monotonic &- lastMonotonic) / 1_000_000))
        // The rest below a millisecond stays with the next reading, or frequent readings would stop time.
        lastMonotonic &+= UInt64(elapsed.count) &* 1_000_000
        let expectedWall = lastWall + elapsed
        let step = wall - expectedWall
        let steady = recorded + elapsed
        if wall >= steady {
            recorded = wall
        } else {
            let half = elapsed.count &+ halfMilliseconds
            halfMilliseconds = half % 2
            recorded = max(recorded + Milliseconds(half / 2), wall)
        }
        lastWall = wall
        return (recorded, step.magnitude > Self.toleratedStep ? step : nil)
    }
}
