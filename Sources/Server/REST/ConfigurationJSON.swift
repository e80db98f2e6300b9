import Core

/// Targets and jobs as the interface shows them.
enum ConfigurationJSON {
    /// Of a password, only whether there is one.
    static func target(_ id: TargetID, _ target: Target) -> JSON {
        self.target(id, target.agent, target.spec, revision: target.position)
    }

    /// - Parameter revision: nil within an entry, whose position it is.
    static func target(_ id: TargetID, _ agent: AgentID, _ spec: TargetSpec, revision: Position?) -> JSON {
        [
            "id": .string(id.text.string),
            "agent_id": .string(agent.text.string),
            "type": .optional(TargetBody.types.first { $0.1 == spec.type }?.0),
            "display_name": .string(spec.displayName.string),
            "connection": [
                "host": .string(spec.host.string),
                "port": .integer(spec.port),
                "database": .string(spec.database.string),
                "username": .string(spec.username.string),
                "has_password": .bool(spec.password != .none),
                "container_id": .string(spec.containerID.string),
                "strategy": .optional(TargetBody.strategies.first { $0.1 == spec.strategy }?.0),
            ],
            "revision": .integer(revision?.number),
        ]
    }

    static func job(_ id: JobID, _ job: Job) -> JSON {
        self.job(id, job.agent, job.target, job.spec, revision: job.position)
    }

    /// - Parameter revision: nil within an entry, whose position it is.
    static func job(
        _ id: JobID, _ agent: AgentID, _ target: TargetID, _ spec: JobSpec, revision: Position?
    ) -> JSON {
        [
            "id": .string(id.text.string),
            "agent_id": .string(agent.text.string),
            "target_id": .string(target.text.string),
            "cron": .string(spec.cron.string),
            "time_zone": .string(spec.timeZone.string),
            "jitter_sec": .integer(spec.jitterSeconds),
            "overlap": .string(spec.overlap.rawValue),
            "catch_up_sec": .integer(spec.catchUpSeconds),
            "retention_days": .integer(spec.retentionDays),
            "retention": RetentionJSON.rule(spec.retention),
            "compression": .string(spec.compression.string),
            "encryption_enabled": true,
            "pre_hooks": .array(spec.preHooks.map { .string($0.string) }),
            "post_hooks": .array(spec.postHooks.map { .string($0.string) }),
            "retry": [
                "max_attempts": .integer(max(1, spec.maxAttempts)),
                "backoff_seconds": .array(spec.backoffSeconds.map { .integer($0) }),
            ],
            "timeout_sec": .integer(spec.timeoutSeconds),
            "revision": .integer(revision?.number),
        ]
    }
}
