import Core

/// Health checks as the interface shows them.
enum CheckJSON {
    static func check(_ id: CheckID, _ check: Check) -> JSON {
        let spec = check.spec
        return [
            "id": .string(id.text.string),
            "agent_id": .optional(check.agent?.text.string),
            "name": .string(spec.name.string),
            "type": .string(spec.kind.word),
            "target": .string(spec.target.string),
            "interval_sec": .integer(spec.intervalSeconds),
            "timeout_sec": .integer(spec.timeoutSeconds),
            "expected_status": .integer(spec.expectedStatus),
            "failures_to_down": .integer(spec.failuresToDown),
            "successes_to_up": .integer(spec.successesToUp),
            "flap_changes": .integer(spec.flapChanges),
            "certificate_days": .integer(spec.certificateDays),
            "paused": .bool(spec.isPaused),
            "status": .string(check.phase.word),
            "reason": .optional(check.phase.ignorance?.rawValue),
            "since": Moment.json(check.since),
            "certificate_expiring": .bool(check.expiringCertificate != nil),
            "last": check.last.map { .object(members(of: $0)) } ?? .null,
        ]
    }

    /// What a probe found, where the log tells it. What it did not come to is null.
    static func result(_ result: HealthResult) -> JSON { .object(members(of: result)) }

    /// The same, as a list of results shows it.
    static func result(_ result: HealthResult, recordedAt: Timestamp, at position: Position) -> JSON {
        .object(
            [.init("recorded_at", Moment.json(recordedAt)), .init("position", .integer(position.number))]
                + members(of: result))
    }

    private static func members(of result: HealthResult) -> [JSON.Member] {
        let detail = result.detail
        let phases: JSON = [
            "resolve_ms": .integer(detail?.resolveMilliseconds), "connect_ms": .integer(detail?.connectMilliseconds),
            "tls_ms": .integer(detail?.tlsMilliseconds), "first_byte_ms": .integer(detail?.firstByteMilliseconds),
        ]
        return [
            .init("probed_at", Moment.json(result.probedAt)), .init("ok", .bool(result.isHealthy)),
            .init("latency_ms", .integer(result.latencyMilliseconds)),
            .init("status_code", .integer(result.statusCode)), .init("error", .string(result.errorText.string)),
            .init("error_class", .optional(detail?.failure?.word)), .init("phases", phases),
            .init("certificate_expires_at", Moment.json(detail?.certificateExpiresAt)),
        ]
    }

    static func uptime(_ check: CheckID, _ period: Uptime.Period, _ sums: Uptime.Sums) -> JSON {
        // Thousandths of a percent as decimal digits: exact, which a binary fraction is not.
        let percent = sums.availability.map { thousandths in
            let rest = String(thousandths % 1_000)
            return "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
        }
        return [
            "check_id": .string(check.text.string), "period": .string(period.rawValue),
            "up_seconds": .integer(sums.up), "down_seconds": .integer(sums.down),
            "unknown_seconds": .integer(sums.unknown), "uptime_percent": .optional(percent),
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
