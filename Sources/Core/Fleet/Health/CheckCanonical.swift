extension Check: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("agent_id", agent)
        encoder.encode("name", spec.name)
        encoder.encode("type", UInt64(spec.kind.rawValue))
        encoder.encode("target", spec.target)
        encoder.encode("interval_sec", spec.intervalSeconds)
        encoder.encode("timeout_sec", spec.timeoutSeconds)
        encoder.encode("expected_status", spec.expectedStatus)
        encoder.encode("last", last)
        encoder.encode("streak", streak)
        encoder.encode("result_count", resultCount)
        encoder.encode("healthy_count", healthyCount)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        agent = try decoder.decode("agent_id")
        spec = CheckSpec(
            name: try decoder.decode("name"), kind: try decoder.decodeNumber("type"),
            target: try decoder.decode("target"), intervalSeconds: try decoder.decode("interval_sec"),
            timeoutSeconds: try decoder.decode("timeout_sec"), expectedStatus: try decoder.decode("expected_status"))
        last = try decoder.decode("last")
        streak = try decoder.decode("streak")
        resultCount = try decoder.decode("result_count")
        healthyCount = try decoder.decode("healthy_count")
    }
}

extension HealthResult: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("ts", probedAt)
        encoder.encode("ok", isHealthy)
        encoder.encode("latency_ms", latencyMilliseconds)
        encoder.encode("error", errorText)
        encoder.encode("status_code", statusCode)
    }

    /// Reads every field; whose result it is, says the id of the check that holds it.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        check = CheckID("")
        probedAt = try decoder.decode("ts")
        isHealthy = try decoder.decode("ok")
        latencyMilliseconds = try decoder.decode("latency_ms")
        errorText = try decoder.decode("error")
        statusCode = try decoder.decode("status_code")
    }
}
