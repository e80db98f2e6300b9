import Core

/// Health checks as the interface shows them.
enum CheckJSON {
    /// What a probe found. What it did not come to is null.
    static func result(_ result: HealthResult) -> JSON {
        let detail = result.detail
        return [
            "probed_at": Moment.json(result.probedAt),
            "ok": .bool(result.isHealthy),
            "latency_ms": .integer(result.latencyMilliseconds),
            "status_code": .integer(result.statusCode),
            "error": .string(result.errorText.string),
            "error_class": .optional(detail?.failure?.word),
            "phases": [
                "resolve_ms": .integer(detail?.resolveMilliseconds),
                "connect_ms": .integer(detail?.connectMilliseconds),
                "tls_ms": .integer(detail?.tlsMilliseconds),
                "first_byte_ms": .integer(detail?.firstByteMilliseconds),
            ],
            "certificate_expires_at": Moment.json(detail?.certificateExpiresAt),
        ]
    }

    static func decision(_ decision: CheckDecision, of check: CheckID) -> JSON {
        switch decision {
        case .became(let phase, let grounds):
            [
                "check_id": .string(check.text.string), "status": .string(phase.word),
                "reason": .optional(phase.ignorance?.rawValue),
                "grounds": .array(grounds.map { .integer($0.number) }),
            ]
        case .certificateExpiring(let end):
            ["check_id": .string(check.text.string), "certificate_expires_at": Moment.json(end)]
        case .certificateRenewed:
            ["check_id": .string(check.text.string), "certificate_expires_at": .null]
        }
    }
}
