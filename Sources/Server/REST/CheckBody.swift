import Core

/// The body of a new or changed health check, without who probes.
struct CheckBody {
    /// What is to be set.
    private(set) var fields: [CheckField] = []
    /// The texts that will stand on the log, with their members.
    private(set) var texts: [(member: String, text: Text)] = []

    static let kinds = CheckSpec.Kind.allCases.map { ($0.word, $0) }

    /// How often and how long, where nothing is said.
    static let usual = CheckSpec(
        name: "", kind: .http, target: "", intervalSeconds: 60, timeoutSeconds: 10, expectedStatus: 0)

    init(_ body: inout Body) throws(RESTError) {
        if let value = try body.text("name", byteLimit: 200) { take(.name(value), "name", value) }
        if let value = try body.word("type", Self.kinds) { fields.append(.kind(value)) }
        if let value = try body.text("target", byteLimit: 2_048) { take(.target(value), "target", value) }
        if let value = try body.number("interval_sec") { fields.append(.intervalSeconds(value)) }
        if let value = try body.number("timeout_sec") { fields.append(.timeoutSeconds(value)) }
        if let value = try body.number("expected_status") { fields.append(.expectedStatus(value)) }
        if let value = try body.number("failures_to_down") { fields.append(.failuresToDown(value)) }
        if let value = try body.number("successes_to_up") { fields.append(.successesToUp(value)) }
        if let value = try body.number("flap_changes") { fields.append(.flapChanges(value)) }
        if let value = try body.number("certificate_days") { fields.append(.certificateDays(value)) }
        if let value = try body.flag("paused") { fields.append(.isPaused(value)) }
        try body.end()
    }

    private mutating func take(_ field: CheckField, _ member: String, _ text: Text) {
        fields.append(field)
        texts.append((member, text))
    }

    /// A new check of this. Where nothing is said of its timeout, that is no longer than its interval.
    var spec: CheckSpec {
        var spec = Self.usual
        for field in fields { spec.set(field) }
        let saysTimeout = fields.contains { if case .timeoutSeconds = $0 { true } else { false } }
        if !saysTimeout { spec.timeoutSeconds = min(spec.timeoutSeconds, spec.intervalSeconds) }
        return spec
    }
}
