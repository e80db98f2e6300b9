/// What to probe, how, and how often.
public struct CheckSpec: Hashable, Sendable {
    /// The wire's `CheckType`.
    public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        case http = 0
        case https, tcp
    }

    /// For people.
    public var name: Text
    /// How to probe.
    public var kind: Kind
    /// A URL, or host:port.
    public var target: Text
    /// From one probe to the next.
    public var intervalSeconds: UInt32
    /// How long a probe may take.
    public var timeoutSeconds: UInt32
    /// The HTTP status that is well; 0 for any below 400.
    public var expectedStatus: UInt32

    /// A check with all its parts.
    public init(
        name: Text, kind: Kind, target: Text, intervalSeconds: UInt32, timeoutSeconds: UInt32, expectedStatus: UInt32
    ) {
        self.name = name
        self.kind = kind
        self.target = target
        self.intervalSeconds = intervalSeconds
        self.timeoutSeconds = timeoutSeconds
        self.expectedStatus = expectedStatus
    }

    /// What is wrong with it; nil when nothing is.
    public var problem: Refusal? {
        if name.isEmpty || name.byteCount > 200 {
            return Refusal(code: .validation, field: "name", text: "must have 1 to 200 bytes")
        }
        if target.isEmpty || target.byteCount > 2_048 {
            return Refusal(code: .validation, field: "target", text: "must have 1 to 2048 bytes")
        }
        if intervalSeconds < 5 || timeoutSeconds < 1 || timeoutSeconds > intervalSeconds {
            return Refusal(
                code: .validation, field: "interval_sec",
                text: "must be at least 5, and timeout_sec between 1 and the interval")
        }
        return nil
    }
}
