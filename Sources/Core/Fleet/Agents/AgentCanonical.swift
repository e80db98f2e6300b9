extension Agent: Canonical {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("name", name)
        encoder.encode("key_digest", bytes: keyDigest)
        encoder.encode("is_captured", isCaptured)
        encoder.encode("status", word: Optional(status))
        encoder.encode("settings", settings)
        encoder.encode("config_version", configVersion)
        encoder.encode("applied_config_version", appliedConfigVersion)
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
        encoder.encode("highest_live_sequence", highestLiveSequence)
        encoder.encode("recent", recent)
        encoder.encode("duplicate_count", duplicateCount)
        encoder.encode("anomalies", list: anomalies.map { AnomalyCount(kind: $0.kind, count: $0.count) })
    }
}

private struct AnomalyCount: Canonical {
    var kind: Anomaly.Kind
    var count: UInt64

    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("kind", word: Optional(kind))
        encoder.encode("count", count)
    }
}

extension RecentFrames: Canonical {
    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("next", UInt64(next))
        encoder.encode("frames", list: frames)
    }
}

extension RecentFrames.Frame: Canonical {
    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("sequence", sequence)
        encoder.encode("fingerprint", fingerprint)
    }
}

extension Agent.Session: Canonical {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("id", id)
        encoder.encode("remote_address", remoteAddress)
        encoder.encode("extensions", list: extensions)
        encoder.encode("registered_sent_at", registeredSentAt)
        encoder.encode("is_welcomed", isWelcomed)
        encoder.encode("has_spoken", hasSpoken)
        encoder.encode("takes_runs", takesRuns)
        encoder.encode("unanswered_count", unansweredCount)
        encoder.encode("is_skew_noted", isSkewNoted)
    }
}

extension Registration: Canonical {
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
}

extension AgentMetrics: Canonical {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("cpu_thousandths", cpuThousandths)
        encoder.encode("mem_used_bytes", memoryUsedByteCount)
        encoder.encode("mem_total_bytes", memoryTotalByteCount)
        encoder.encode("disk_used_bytes", diskUsedByteCount)
        encoder.encode("disk_total_bytes", diskTotalByteCount)
        encoder.encode("queue_depth", queueDepth)
    }
}

extension DiscoveredContainer: Canonical {
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
}

extension DiscoveredContainer.Port: Canonical {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("container_port", container)
        encoder.encode("host_port", host)
        encoder.encode("protocol", transport)
    }
}

extension KeyValue: Canonical {
    /// Writes both parts.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("key", key)
        encoder.encode("value", value)
    }
}
