extension AgentSettings: Canonical {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("maintenance_start_utc", maintenanceStart)
        encoder.encode("maintenance_end_utc", maintenanceEnd)
        encoder.encode("max_parallel_jobs", maxParallelJobs)
        encoder.encode("log_level", logLevel)
        encoder.encode("auto_update_enabled", autoUpdate)
    }
}

extension Target: Canonical {
    /// Writes every field; of a password only where it comes from.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("agent_id", agent)
        encoder.encode("type", UInt64(spec.type.rawValue))
        encoder.encode("display_name", spec.displayName)
        encoder.encode("host", spec.host)
        encoder.encode("port", spec.port)
        encoder.encode("database", spec.database)
        encoder.encode("username", spec.username)
        switch spec.password {
        case .none: encoder.encodeAbsence("password")
        case .vault(let name): encoder.encode("password", name)
        case .reference(let text): encoder.encode("password", text)
        }
        encoder.encode("container_id", spec.containerID)
        encoder.encode("strategy", UInt64(spec.strategy.rawValue))
        encoder.encode("position", position)
    }
}

extension Job: Canonical {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("agent_id", agent)
        encoder.encode("target_id", target)
        encoder.encode("cron", spec.cron)
        encoder.encode("retention_days", spec.retentionDays)
        encoder.encode("compression", spec.compression)
        encoder.encode("pre_hooks", list: spec.preHooks)
        encoder.encode("post_hooks", list: spec.postHooks)
        encoder.encode("max_attempts", spec.maxAttempts)
        encoder.encode("backoff_seconds", list: spec.backoffSeconds.map { CanonicalText(Text(String($0))) })
        encoder.encode("timeout_sec", spec.timeoutSeconds)
        encoder.encode("position", position)
    }
}
