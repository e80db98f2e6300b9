/// What to probe, how, how often, and what is to be made of the results.
public struct CheckSpec: Hashable, Sendable {
    /// The wire's `CheckType`.
    public enum Kind: UInt8, Hashable, Sendable, CaseIterable {
        case http = 0
        case https, tcp

        /// The word that users see.
        public var word: String {
            switch self {
            case .http: "http"
            case .https: "https"
            case .tcp: "tcp"
            }
        }
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
    /// The HTTP status that is well; 0 for any from 200 to 399.
    public var expectedStatus: UInt32
    /// So many failures in a row make it down.
    public var failuresToDown: UInt32 = 3
    /// So many successes in a row make it up.
    public var successesToUp: UInt32 = 2
    /// So many changes between success and failure within the last 20 results make it flapping; 0: never.
    public var flapChanges: UInt32 = 6
    /// A certificate that ends within so many days is told of; 0: never.
    public var certificateDays: UInt32 = 14
    /// Whether it is not probed at present.
    public var isPaused = false

    /// A check with all that the wire knows of it, and the default thresholds.
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
        func refusal(_ field: Text, _ text: Text) -> Refusal { Refusal(code: .validation, field: field, text: text) }
        if name.isEmpty || name.byteCount > 200 { return refusal("name", "must have 1 to 200 bytes") }
        if let problem = CheckTarget.problem(of: target, kind) { return refusal("target", problem) }
        if !(5...86_400).contains(intervalSeconds) { return refusal("interval_sec", "must be 5 to 86400") }
        if timeoutSeconds < 1 || timeoutSeconds > min(300, intervalSeconds) {
            return refusal(
                "timeout_sec", Text("must be 1 to 300, and at most interval_sec, which is \(intervalSeconds)"))
        }
        if expectedStatus != 0, kind == .tcp || !(100...599).contains(expectedStatus) {
            return refusal("expected_status", "must be 0, or with http and https a status from 100 to 599")
        }
        if !(1...20).contains(failuresToDown) { return refusal("failures_to_down", "must be 1 to 20") }
        if !(1...20).contains(successesToUp) { return refusal("successes_to_up", "must be 1 to 20") }
        if flapChanges != 0, !(3...19).contains(flapChanges) {
            return refusal("flap_changes", "must be 3 to 19 within the last 20 results, or 0 for never")
        }
        if certificateDays > 365 { return refusal("certificate_days", "must be at most 365") }
        return nil
    }

    /// Without a result for so long, nothing is known.
    var patience: Milliseconds { max(.seconds(3 * Int64(intervalSeconds)), Fleet.Limits.checkSilence) }

    /// From one probe to the next.
    var interval: Milliseconds { .seconds(Int64(max(intervalSeconds, 1))) }

    /// Whether results of the other one say nothing about this one.
    func asksOther(than other: CheckSpec) -> Bool {
        kind != other.kind || target != other.target || expectedStatus != other.expectedStatus
    }
}

/// One thing to set in a check.
public enum CheckField: Hashable, Sendable {
    case name(Text)
    case kind(CheckSpec.Kind)
    case target(Text)
    case intervalSeconds(UInt32)
    case timeoutSeconds(UInt32)
    case expectedStatus(UInt32)
    case failuresToDown(UInt32)
    case successesToUp(UInt32)
    case flapChanges(UInt32)
    case certificateDays(UInt32)
    case isPaused(Bool)
}

extension CheckSpec {
    /// Sets one thing.
    public mutating func set(_ field: CheckField) {
        switch field {
        case .name(let value): name = value
        case .kind(let value): kind = value
        case .target(let value): target = value
        case .intervalSeconds(let value): intervalSeconds = value
        case .timeoutSeconds(let value): timeoutSeconds = value
        case .expectedStatus(let value): expectedStatus = value
        case .failuresToDown(let value): failuresToDown = value
        case .successesToUp(let value): successesToUp = value
        case .flapChanges(let value): flapChanges = value
        case .certificateDays(let value): certificateDays = value
        case .isPaused(let value): isPaused = value
        }
    }
}
