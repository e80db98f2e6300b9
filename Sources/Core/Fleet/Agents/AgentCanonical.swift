extension Agent: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("name", name)
        encoder.encode("key_digest", bytes: keyDigest)
        encoder.encode("is_captured", isCaptured)
        encoder.encode("status", word: Optional(status))
        encoder.encode("settings", settings)
        encoder.encode("config_version", configVersion)
        encoder.encode("applied_config_version", appliedConfigVersion)
        encoder.encode("config_sent_at", configSentAt)
        encoder.encode("settings_position", settingsPosition)
        encoder.encode("heartbeat_sent_at", heartbeatSentAt)
        encoder.encode("registration", registration)
        encoder.encode("session", session)
        encoder.encode("journals_runs", journalsRuns)
        encoder.encode("metrics", metrics)
        encoder.encode("discovered", list: discovered)
        encoder.encode("discovered_sent_at", discoveredSentAt)
        encoder.encode("last_seen_at", lastSeenAt)
        encoder.encode("open_runs", list: openRuns)
        encoder.encode("in_flight_count", inFlightCount)
        encoder.encode("queued_count", queuedCount)
        encoder.encode("highest_live_sequence", highestLiveSequence)
        encoder.encode("numbers", numbers)
        encoder.encode("restarted_by", restartedBy)
        encoder.encode("recent", recent)
        encoder.encode("duplicate_count", duplicateCount)
        encoder.encode("anomalies", list: anomalies.map { AnomalyCount(kind: $0.kind, count: $0.count) })
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        name = try decoder.decode("name")
        keyDigest = try decoder.decodeBytes("key_digest")
        isCaptured = try decoder.decode("is_captured")
        status = try decoder.decodeWord("status")
        settings = try decoder.decode("settings")
        configVersion = try decoder.decode("config_version")
        appliedConfigVersion = try decoder.decode("applied_config_version")
        configSentAt = try decoder.decode("config_sent_at")
        settingsPosition = try decoder.decode("settings_position")
        heartbeatSentAt = try decoder.decode("heartbeat_sent_at")
        registration = try decoder.decode("registration")
        session = try decoder.decode("session")
        journalsRuns = try decoder.decode("journals_runs")
        metrics = try decoder.decode("metrics")
        discovered = try decoder.decode("discovered")
        discoveredSentAt = try decoder.decode("discovered_sent_at")
        lastSeenAt = try decoder.decode("last_seen_at")
        openRuns = try decoder.decode("open_runs")
        inFlightCount = try decoder.decode("in_flight_count")
        queuedCount = try decoder.decode("queued_count")
        highestLiveSequence = try decoder.decode("highest_live_sequence")
        numbers = try decoder.decode("numbers")
        restartedBy = try decoder.decode("restarted_by")
        recent = try decoder.decode("recent")
        duplicateCount = try decoder.decode("duplicate_count")
        let anomalies: [AnomalyCount] = try decoder.decode("anomalies")
        for anomaly in anomalies {
            if let place = Anomaly.Kind.allCases.firstIndex(of: anomaly.kind) { anomalyCounts[place] = anomaly.count }
        }
    }
}

private struct AnomalyCount: Restorable {
    var kind: Anomaly.Kind
    var count: UInt64

    init(kind: Anomaly.Kind, count: UInt64) {
        self.kind = kind
        self.count = count
    }

    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("kind", word: Optional(kind))
        encoder.encode("count", count)
    }

    init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        kind = try decoder.decodeWord("kind")
        count = try decoder.decode("count")
    }
}

extension RecentFrames: Restorable {
    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("next", UInt64(next))
        encoder.encode("frames", list: frames)
    }

    init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        let next: UInt64 = try decoder.decode("next")
        guard next < UInt64(Self.capacity) else {
            throw CanonicalError(field: "next", problem: "is \(next), beyond the ring of \(Self.capacity)")
        }
        self.init(frames: try decoder.decode("frames"), next: Int(next))
    }
}

extension RecentFrames.Frame: Restorable {
    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("sequence", sequence)
        encoder.encode("fingerprint", fingerprint)
    }

    init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        sequence = try decoder.decode("sequence")
        fingerprint = try decoder.decode("fingerprint")
    }
}

extension Agent.Session: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("id", id)
        encoder.encode("remote_address", remoteAddress)
        encoder.encode("extensions", list: extensions)
        encoder.encode("registered_sent_at", registeredSentAt)
        encoder.encode("welcomed_at", welcomedAt)
        encoder.encode("has_spoken", hasSpoken)
        encoder.encode("has_listed_runs", hasListedRuns)
        encoder.encode("listed", list: listed)
        encoder.encode("stops", list: stops)
        encoder.encode("is_stop_noted", isStopNoted)
        encoder.encode("takes_runs", takesRuns)
        encoder.encode("saved_count", savedCount)
        encoder.encode("is_skew_noted", isSkewNoted)
        encoder.encode("is_configuration_noted", isConfigurationNoted)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        id = try decoder.decode("id")
        remoteAddress = try decoder.decode("remote_address")
        extensions = try decoder.decode("extensions")
        registeredSentAt = try decoder.decode("registered_sent_at")
        welcomedAt = try decoder.decode("welcomed_at")
        hasSpoken = try decoder.decode("has_spoken")
        hasListedRuns = try decoder.decode("has_listed_runs")
        listed = try decoder.decode("listed")
        stops = try decoder.decode("stops")
        isStopNoted = try decoder.decode("is_stop_noted")
        takesRuns = try decoder.decode("takes_runs")
        savedCount = try decoder.decode("saved_count")
        isSkewNoted = try decoder.decode("is_skew_noted")
        isConfigurationNoted = try decoder.decode("is_configuration_noted")
    }
}

extension ListedAttempt: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("run_id", run)
        encoder.encode("attempt", attempt.number)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        run = try decoder.decode("run_id")
        attempt = Attempt(try decoder.decode("attempt"))
    }
}

extension SentStop: Restorable {
    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("item", item)
        encoder.encode("sent_at", sentAt)
    }

    init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        item = try decoder.decode("item")
        sentAt = try decoder.decode("sent_at")
    }
}

extension Registration: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("agent_version", agentVersion)
        encoder.encode("hostname", hostname)
        encoder.encode("os", os)
        encoder.encode("arch", arch)
        encoder.encode("docker_version", dockerVersion)
        encoder.encode("capabilities", list: capabilities)
        encoder.encode("last_known_config_version", lastKnownConfigVersion)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        agentVersion = try decoder.decode("agent_version")
        hostname = try decoder.decode("hostname")
        os = try decoder.decode("os")
        arch = try decoder.decode("arch")
        dockerVersion = try decoder.decode("docker_version")
        capabilities = try decoder.decode("capabilities")
        lastKnownConfigVersion = try decoder.decode("last_known_config_version")
    }
}

extension AgentMetrics: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("cpu_thousandths", cpuThousandths)
        encoder.encode("mem_used_bytes", memoryUsedByteCount)
        encoder.encode("mem_total_bytes", memoryTotalByteCount)
        encoder.encode("disk_used_bytes", diskUsedByteCount)
        encoder.encode("disk_total_bytes", diskTotalByteCount)
        encoder.encode("queue_depth", queueDepth)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        cpuThousandths = try decoder.decode("cpu_thousandths")
        memoryUsedByteCount = try decoder.decode("mem_used_bytes")
        memoryTotalByteCount = try decoder.decode("mem_total_bytes")
        diskUsedByteCount = try decoder.decode("disk_used_bytes")
        diskTotalByteCount = try decoder.decode("disk_total_bytes")
        queueDepth = try decoder.decode("queue_depth")
    }
}

extension DiscoveredContainer: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("container_id", id)
        encoder.encode("name", name)
        encoder.encode("image", image)
        encoder.encode("detected_db_type", databaseType)
        encoder.encode("networks", list: networks)
        encoder.encode("env_hints", list: environmentHints)
        encoder.encode("ports", list: ports)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        id = try decoder.decode("container_id")
        name = try decoder.decode("name")
        image = try decoder.decode("image")
        databaseType = try decoder.decode("detected_db_type")
        networks = try decoder.decode("networks")
        environmentHints = try decoder.decode("env_hints")
        ports = try decoder.decode("ports")
    }
}

extension DiscoveredContainer.Port: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("container_port", container)
        encoder.encode("host_port", host)
        encoder.encode("protocol", transport)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        container = try decoder.decode("container_port")
        host = try decoder.decode("host_port")
        transport = try decoder.decode("protocol")
    }
}

extension KeyValue: Restorable {
    /// Writes both parts.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("key", key)
        encoder.encode("value", value)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        key = try decoder.decode("key")
        value = try decoder.decode("value")
    }
}
