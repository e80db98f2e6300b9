extension Check: Canonical {
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
}

extension HealthResult: Canonical {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("ts", probedAt)
        encoder.encode("ok", isHealthy)
        encoder.encode("latency_ms", latencyMilliseconds)
        encoder.encode("error", errorText)
        encoder.encode("status_code", statusCode)
    }
}
