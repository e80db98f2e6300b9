/// Hears how the engine fares, on the engine's thread: must be quick.
public struct EngineMeter: Sendable {
    /// A batch was committed: so many entries, in so many nanoseconds.
    public var committed: @Sendable (_ entryCount: Int, _ nanoseconds: UInt64) -> Void
    /// A batch was not committed.
    public var failed: @Sendable (LogError) -> Void

    /// A meter with both parts; without them it hears nothing.
    public init(
        committed: @escaping @Sendable (_ entryCount: Int, _ nanoseconds: UInt64) -> Void = { _, _ in },
        failed: @escaping @Sendable (LogError) -> Void = { _ in }
    ) {
        self.committed = committed
        self.failed = failed
    }
}
