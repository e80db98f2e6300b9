extension AgentSettings: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("maintenance_start_utc", maintenanceStart)
        encoder.encode("maintenance_end_utc", maintenanceEnd)
        encoder.encode("max_parallel_jobs", maxParallelJobs)
        encoder.encode("log_level", logLevel)
        encoder.encode("auto_update_enabled", autoUpdate)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        maintenanceStart = try decoder.decode("maintenance_start_utc")
        maintenanceEnd = try decoder.decode("maintenance_end_utc")
        maxParallelJobs = try decoder.decode("max_parallel_jobs")
        logLevel = try decoder.decode("log_level")
        autoUpdate = try decoder.decode("auto_update_enabled")
    }
}

extension Target: Restorable {
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
        let isReference = if case .reference = spec.password { true } else { false }
        encoder.encodeAside("password_is_reference", isReference)
        encoder.encode("container_id", spec.containerID)
        encoder.encode("strategy", UInt64(spec.strategy.rawValue))
        encoder.encode("position", position)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        agent = try decoder.decode("agent_id")
        spec = TargetSpec()
        spec.type = try decoder.decodeNumber("type")
        spec.displayName = try decoder.decode("display_name")
        spec.host = try decoder.decode("host")
        spec.port = try decoder.decode("port")
        spec.database = try decoder.decode("database")
        spec.username = try decoder.decode("username")
        let password: Text? = try decoder.decode("password")
        let isReference: Bool = try decoder.decode("password_is_reference")
        if let password { spec.password = isReference ? .reference(password) : .vault(password) }
        spec.containerID = try decoder.decode("container_id")
        spec.strategy = try decoder.decodeNumber("strategy")
        position = try decoder.decode("position")
    }
}

extension Job: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("agent_id", agent)
        encoder.encode("target_id", target)
        encoder.encode("cron", spec.cron)
        encoder.encode("retention", spec.retention)
        encoder.encode("compression", spec.compression)
        encoder.encode("pre_hooks", list: spec.preHooks)
        encoder.encode("post_hooks", list: spec.postHooks)
        encoder.encode("max_attempts", spec.maxAttempts)
        encoder.encode("backoff_seconds", list: spec.backoffSeconds.map { CanonicalText(Text(String($0))) })
        encoder.encode("timeout_sec", spec.timeoutSeconds)
        encoder.encode("time_zone", spec.timeZone)
        encoder.encode("jitter_sec", spec.jitterSeconds)
        encoder.encode("overlap", word: Optional(spec.overlap))
        encoder.encode("catch_up_sec", spec.catchUpSeconds)
        encoder.encode("position", position)
        encoder.encode("started_by", startedBy)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        agent = try decoder.decode("agent_id")
        target = try decoder.decode("target_id")
        spec = JobSpec()
        spec.cron = try decoder.decode("cron")
        spec.retention = try decoder.decode("retention")
        spec.compression = try decoder.decode("compression")
        spec.preHooks = try decoder.decode("pre_hooks")
        spec.postHooks = try decoder.decode("post_hooks")
        spec.maxAttempts = try decoder.decode("max_attempts")
        spec.backoffSeconds = try decoder.decodeNumbers("backoff_seconds")
        spec.timeoutSeconds = try decoder.decode("timeout_sec")
        spec.timeZone = try decoder.decode("time_zone")
        spec.jitterSeconds = try decoder.decode("jitter_sec")
        spec.overlap = try decoder.decodeWord("overlap")
        spec.catchUpSeconds = try decoder.decode("catch_up_sec")
        position = try decoder.decode("position")
        startedBy = try decoder.decode("started_by")
    }
}

extension CanonicalDecoder {
    /// Numbers in order, each of which was written as a text.
    mutating func decodeNumbers(_ name: StaticString) throws(CanonicalError) -> [UInt32] {
        let texts: [Text] = try decode(name)
        var numbers: [UInt32] = []
        for text in texts {
            guard let number = UInt32(text.string) else {
                throw CanonicalError(field: name, problem: "holds a text that is no number")
            }
            numbers.append(number)
        }
        return numbers
    }
}
