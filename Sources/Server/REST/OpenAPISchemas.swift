import Core

/// The shapes of bodies and answers, by name.
enum OpenAPISchemas {
    static let all: [JSON.Member] = [
        .init("Anything", ["type": "object"]),
        .init("Nothing", closed([])),
        .init(
            "Error",
            object([
                (
                    "error",
                    object([
                        ("code", words(RESTError.Code.allCases.map(\.rawValue))), ("message", text),
                        ("details", anything),
                        ("trace_id", text),
                    ])
                )
            ])),
        .init("Health", object([("status", text)])),
        .init("NewAgent", closed([("name", text)])),
        .init("AgentChange", closed([("name", text)])),
        .init("AgentKey", object([("id", text), ("name", text), ("key", optionalText)])),
        .init(
            "Agent",
            object([
                ("id", text), ("name", text), ("status", words(Agent.Status.allCases.map(\.rawValue))),
                ("hostname", optionalText), ("os", optionalText), ("arch", optionalText),
                ("agent_version", optionalText),
                ("docker_version", optionalText), ("capabilities", list(text)), ("config_version", number),
                ("applied_config_version", optionalNumber), ("config_applied", flag),
                ("last_seen_at", optionalMoment), ("session_id", optionalText), ("metrics", optionalAnything),
                ("anomalies", ["type": "object", "additionalProperties": number]),
                ("identity_conflict", optionalAnything),
            ])),
        .init(
            "AgentConfig",
            object([
                ("version", number), ("applied_version", optionalNumber), ("revision", number),
                ("maintenance", maintenance),
                ("advanced", advanced),
            ])),
        .init("AgentConfigChange", closed([("maintenance", maintenance), ("advanced", advanced)])),
        .init(
            "AgentMetrics",
            object([
                ("agent_id", text), ("last_seen_at", optionalMoment), ("metrics", optionalAnything),
            ])),
        .init(
            "Container",
            object([
                ("container_id", text), ("name", text), ("image", text), ("detected_db_type", text),
                ("networks", list(text)), ("env_hints", anything), ("ports", list(anything)),
            ])),
        .init(
            "NewTarget",
            closed([
                ("type", words(TargetBody.types.map(\.0))), ("display_name", text),
                ("connection", closed(connection + [("password_secret_ref", ["type": "string", "writeOnly": true])])),
            ])),
        .init(
            "Target",
            object([
                ("id", text), ("agent_id", text), ("type", words(TargetBody.types.map(\.0))), ("display_name", text),
                ("connection", object(connection + [("has_password", flag)])), ("revision", number),
            ])),
        .init("NewJob", closed([("target_id", text)] + job)),
        .init("JobChange", closed(job)),
        .init("Job", object([("id", text), ("agent_id", text), ("target_id", text)] + job + [("revision", number)])),
        .init(
            "Alert",
            object([
                ("id", text), ("kind", words(Alert.Kind.allCases.map(\.rawValue))),
                ("state", words(AlertDetail.State.allCases.map(\.rawValue))), ("subject", text),
                ("agent_id", optionalText), ("detail", text), ("remedy", text), ("count", number),
                ("opened_at", moment), ("last_at", moment), ("acknowledged_at", optionalMoment),
                ("acknowledged_by", optionalText), ("resolved_at", optionalMoment), ("resolution", optionalText),
                ("position", number), ("last_position", number),
            ])),
        .init(
            "Anomaly",
            object([
                ("position", number), ("recorded_at", moment), ("agent_id", text),
                ("kind", words(Anomaly.Kind.allCases.map(\.rawValue))), ("run_id", optionalText), ("detail", text),
                ("remedy", text),
            ])),
        .init(
            "JobWithTimes",
            object(
                [("id", text), ("agent_id", text), ("target_id", text)] + job + [
                    ("next_run_at", optionalMoment), ("last_slot", optionalAnything),
                ])),
        .init(
            "NewToken",
            closed([("name", text), ("role", words(Role.allCases.map(\.rawValue))), ("expires_at", optionalMoment)])),
        .init("Token", object(token)),
        .init("NewTokenText", object(token + [("token", optionalText)])),
        .init("NewCheck", closed([("agent_id", optionalText)] + check)),
        .init("CheckChange", closed(check)),
        .init(
            "Check",
            object(
                [("id", text), ("agent_id", optionalText)] + check + [
                    ("status", words(["unknown", "up", "down", "flapping"])), ("reason", optionalText),
                    ("since", moment), ("certificate_expiring", flag), ("last", optionalAnything),
                ])),
        .init(
            "CheckResult",
            object([
                ("recorded_at", moment), ("position", number), ("probed_at", moment), ("ok", flag),
                ("latency_ms", number), ("status_code", number), ("error", text), ("error_class", optionalText),
                (
                    "phases",
                    object([
                        ("resolve_ms", optionalNumber), ("connect_ms", optionalNumber), ("tls_ms", optionalNumber),
                        ("first_byte_ms", optionalNumber),
                    ])
                ), ("certificate_expires_at", optionalMoment),
            ])),
        .init(
            "CheckUptime",
            object([
                ("check_id", text), ("period", words(Uptime.Period.allCases.map(\.rawValue))), ("up_seconds", number),
                ("down_seconds", number), ("unknown_seconds", number), ("uptime_percent", optionalText),
            ])),
        .init("CheckReference", object([("check_id", text)])),
        .init("RunReference", object([("run_id", text)])),
        .init(
            "Run",
            object([
                ("id", text), ("job_id", text), ("agent_id", text), ("target_id", optionalText),
                ("status", words(RunDetail.Status.allCases.map(\.rawValue))),
                ("waiting_for", optionalWords(Fleet.Wait.allCases.map(\.rawValue))), ("attempt", number),
                ("next_attempt_at", optionalMoment), ("attempts", list(attempt)),
                ("cancellation", optionalWords(Run.Cancellation.allCases.map(\.rawValue))),
                ("manual_trigger", flag), ("progress_percent", number), ("current_step", optionalText),
                ("error_message", optionalText), ("error_class", optionalText), ("evidence", optionalAnything),
                ("s3_key", optionalText), ("size_bytes", optionalNumber), ("sha256", optionalText),
                ("duration_ms", optionalNumber), ("compression", optionalText), ("db_engine_version", optionalText),
                ("kept_by", ["type": ["array", "null"], "items": text]), ("kept_until", optionalMoment),
                ("locked", optionalAnything), ("object_deleted_at", optionalMoment),
                ("object_deleted_reason", optionalText), ("created_at", moment), ("started_at", optionalMoment),
                ("finished_at", optionalMoment), ("position", number), ("slot", optionalMoment),
            ])),
        .init("RetentionPreview", closed([("retention_days", number), ("retention", closed(retention))])),
        .init(
            "Retention",
            object([
                ("job_id", text), ("retention_days", number), ("retention", object(retention)), ("held", flag),
                ("kept_count", number), ("expiring_count", number), ("expiring_size_bytes", number),
                ("items", list(object(keptObject))),
                ("next_cursor", optionalText), ("has_more", flag),
            ])),
        .init(
            "Slot",
            object([
                ("slot", moment), ("time_zone", optionalText), ("due_at", moment), ("opened_at", optionalMoment),
                ("late", flag),
                ("run_id", optionalText), ("verdict", optionalText), ("reason", optionalText),
                ("judged_at", optionalMoment),
            ])),
        .init(
            "CronTimes",
            object([
                ("cron", text), ("time_zone", text), ("times", list(object([("slot", moment), ("at", moment)]))),
            ])),
        .init(
            "Clock",
            object([
                ("status", words(["right", "in_doubt"])), ("behind_sec", optionalNumber),
                ("ahead_sec", optionalNumber), ("since", optionalMoment),
                ("held", list(words(["schedules", "retention"]))),
                ("wall_time", moment),
            ])),
        .init("NewLock", closed([("until", optionalMoment), ("reason", text)])),
        .init(
            "Lock",
            object([("run_id", text), ("until", optionalMoment), ("reason", text), ("token", text), ("set_at", moment)])
        ),
        .init("Settings", object(settings)),
        .init("SettingsChange", closed(settings)),
        .init("Download", object([("url", text), ("expires_at", moment)])),
        .init("DecryptionToken", object([("token", optionalText), ("expires_at", moment)])),
        .init("State", object([("position", number), ("digest", text), ("state", anything)])),
        .init(
            "Entry",
            object([
                ("position", number), ("recorded_at", moment), ("stream", text), ("revision", number),
                ("cause", optionalNumber), ("kind", text), ("message", anything),
            ])),
        .init(
            "Why",
            object([
                ("position", number), ("recorded_at", moment), ("stream", text), ("kind", text),
                ("relation", words(["asked", "cause", "ground"])), ("sentence", text), ("shown_elsewhere", flag),
                ("because", list(["$ref": "#/components/schemas/Why"])),
            ])),
    ]

    private typealias Property = (String, JSON)

    private static let text: JSON = ["type": "string"]
    private static let optionalText: JSON = ["type": ["string", "null"]]
    private static let number: JSON = ["type": "integer", "minimum": 0]
    private static let optionalNumber: JSON = ["type": ["integer", "null"], "minimum": 0]
    private static let flag: JSON = ["type": "boolean"]
    private static let moment: JSON = ["type": "string", "format": "date-time"]
    private static let optionalMoment: JSON = ["type": ["string", "null"], "format": "date-time"]
    private static let anything: JSON = ["type": "object"]
    private static let optionalAnything: JSON = ["type": ["object", "null"]]
    private static let maintenance = closed([("start_utc", text), ("end_utc", text)])
    private static let advanced = closed([
        ("max_parallel_jobs", ["type": "integer", "minimum": 1, "maximum": 64]), ("log_level", text),
        ("auto_update_enabled", flag),
    ])
    private static let connection: [Property] = [
        ("host", text), ("port", ["type": "integer", "minimum": 0, "maximum": 65_535]), ("database", text),
        ("username", text), ("container_id", text), ("strategy", words(TargetBody.strategies.map(\.0))),
    ]
    private static let retention: [Property] = RetentionRule.Count.allCases.map {
        ($0.word, ["type": "integer", "minimum": 0, "maximum": .integer(RetentionRule.limit)])
    }
    private static let keptObject: [Property] = [
        ("run_id", text), ("attempt", number), ("created_at", moment), ("stored_at", moment), ("size_bytes", number),
        ("kept_by", list(text)), ("kept_until", optionalMoment), ("locked", optionalAnything), ("expires", flag),
        ("reason", optionalText),
    ]
    private static let job: [Property] = [
        ("cron", text), ("time_zone", text), ("jitter_sec", number),
        ("overlap", words(Overlap.allCases.map(\.rawValue))), ("catch_up_sec", number), ("retention_days", number),
        ("retention", closed(retention)), ("compression", words(["zstd"])),
        ("encryption_enabled", ["const": true]), ("pre_hooks", hooks), ("post_hooks", hooks),
        ("retry", closed([("max_attempts", number), ("backoff_seconds", list(number))])), ("timeout_sec", number),
    ]
    private static let settings: [Property] = [
        ("starts_per_second", ["type": "integer", "minimum": 1, "maximum": 500])
    ]
    private static let attempt = object([
        ("number", number), ("started_at", moment), ("ended_at", optionalMoment), ("error_class", optionalText),
        ("error_message", optionalText),
    ])
    private static let check: [Property] = [
        ("name", text), ("type", words(CheckSpec.Kind.allCases.map(\.word))), ("target", text),
        ("interval_sec", ["type": "integer", "minimum": 5, "maximum": 86_400]),
        ("timeout_sec", ["type": "integer", "minimum": 1, "maximum": 300]), ("expected_status", number),
        ("failures_to_down", ["type": "integer", "minimum": 1, "maximum": 20]),
        ("successes_to_up", ["type": "integer", "minimum": 1, "maximum": 20]),
        ("flap_changes", ["type": "integer", "minimum": 0, "maximum": 19]),
        ("certificate_days", ["type": "integer", "minimum": 0, "maximum": 365]), ("paused", flag),
    ]
    private static let hooks: JSON = [
        "type": "array", "maxItems": 16, "items": ["type": "string", "maxLength": 4_096],
    ]

    private static let token: [Property] = [
        ("id", text), ("name", text), ("role", words(Role.allCases.map(\.rawValue))), ("created_at", moment),
        ("expires_at", optionalMoment), ("last_used_at", optionalMoment),
    ]

    private static func list(_ items: JSON) -> JSON { ["type": "array", "items": items] }
    private static func words(_ words: [String]) -> JSON {
        ["type": "string", "enum": .array(words.map(JSON.string))]
    }

    private static func optionalWords(_ words: [String]) -> JSON {
        ["type": ["string", "null"], "enum": .array(words.map(JSON.string) + [.null])]
    }

    /// What is answered: every member is there.
    private static func object(_ properties: [Property]) -> JSON {
        [
            "type": "object", "required": .array(properties.map { .string($0.0) }),
            "properties": .object(properties.map { .init($0.0, $0.1) }),
        ]
    }

    /// What is asked: no member has to be there, and no other may.
    private static func closed(_ properties: [Property]) -> JSON {
        [
            "type": "object", "properties": .object(properties.map { .init($0.0, $0.1) }),
            "additionalProperties": false,
        ]
    }
}
