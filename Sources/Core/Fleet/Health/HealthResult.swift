/// What a probe found.
public struct HealthResult: Hashable, Sendable {
    /// The check.
    public var check: CheckID
    /// When it was probed, by the prober's clock.
    public var probedAt: Timestamp
    /// Whether it was well.
    public var isHealthy: Bool
    /// How long the answer took.
    public var latencyMilliseconds: UInt32
    /// What was wrong, redacted.
    public var errorText: Text
    /// The HTTP status; 0 for other kinds.
    public var statusCode: UInt32

    /// A result with all its parts.
    public init(
        check: CheckID, probedAt: Timestamp, isHealthy: Bool, latencyMilliseconds: UInt32, errorText: Text,
        statusCode: UInt32
    ) {
        self.check = check
        self.probedAt = probedAt
        self.isHealthy = isHealthy
        self.latencyMilliseconds = latencyMilliseconds
        self.errorText = errorText
        self.statusCode = statusCode
    }
}
