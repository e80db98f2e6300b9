import Core

/// Agents as the interface shows them.
enum AgentJSON {
    static func key(_ id: AgentID, _ name: Text, key: String?) -> JSON {
        ["id": .string(id.text.string), "name": .string(name.string), "key": .optional(key)]
    }

    static func agent(_ id: AgentID, in state: borrowing Fleet.State) -> JSON? {
        state.agents[id].map { self.agent(id, $0, state.conflicts[id]) }
    }

    private static func agent(_ id: AgentID, _ agent: Agent, _ conflict: Conflict?) -> JSON {
        let registration = agent.registration
        return [
            "id": .string(id.text.string),
            "name": .string(agent.name.string),
            "status": .string(agent.status.rawValue),
            "hostname": text(registration?.hostname),
            "os": text(registration?.os),
            "arch": text(registration?.arch),
            "agent_version": text(registration?.agentVersion),
            "docker_version": text(registration?.dockerVersion),
            "capabilities": .array((registration?.capabilities ?? []).map { .string($0.string) }),
            "config_version": .integer(agent.configVersion),
            "applied_config_version": .integer(agent.appliedConfigVersion),
            "config_applied": .bool(agent.isConfigurationApplied),
            "last_seen_at": Moment.json(agent.lastSeenAt),
            "session_id": text(agent.session?.id?.text),
            "metrics": metrics(agent.metrics),
            "anomalies": .object(agent.anomalies.map { JSON.Member($0.kind.rawValue, .integer($0.count)) }),
            "identity_conflict": conflict.map(Self.conflict) ?? .null,
        ]
    }

    private static func conflict(_ conflict: Conflict) -> JSON {
        [
            "hostname": .string(conflict.hostname.string), "remote_address": .string(conflict.remoteAddress.string),
            "refused_at": Moment.json(conflict.refusedAt), "count": .integer(conflict.count),
        ]
    }

    static func config(_ agent: Agent) -> JSON {
        let settings = agent.settings
        return [
            "version": .integer(agent.configVersion),
            "applied_version": .integer(agent.appliedConfigVersion),
            "revision": .integer(agent.settingsPosition.number),
            "maintenance": [
                "start_utc": .string(settings.maintenanceStart.string),
                "end_utc": .string(settings.maintenanceEnd.string),
            ],
            "advanced": [
                "max_parallel_jobs": .integer(settings.maxParallelJobs),
                "log_level": .string(settings.logLevel.string),
                "auto_update_enabled": .bool(settings.autoUpdate),
            ],
        ]
    }

    static func metrics(_ metrics: AgentMetrics?) -> JSON {
        guard let metrics else { return .null }
        return [
            "cpu_percent": metrics.cpuThousandths.map(decimal) ?? .null,
            "mem_used_bytes": .integer(metrics.memoryUsedByteCount),
            "mem_total_bytes": .integer(metrics.memoryTotalByteCount),
            "disk_used_bytes": .integer(metrics.diskUsedByteCount),
            "disk_total_bytes": .integer(metrics.diskTotalByteCount),
            "queue_depth": .integer(metrics.queueDepth),
        ]
    }

    static func container(_ container: DiscoveredContainer) -> JSON {
        [
            "container_id": .string(container.id.string),
            "name": .string(container.name.string),
            "image": .string(container.image.string),
            "detected_db_type": .string(container.databaseType.string),
            "networks": .array(container.networks.map { .string($0.string) }),
            "env_hints": .object(
                container.environmentHints.map { JSON.Member($0.key.string, .string($0.value.string)) }),
            "ports": .array(
                container.ports.map {
                    [
                        "container_port": .integer($0.container), "host_port": .integer($0.host),
                        "protocol": .string($0.transport.string),
                    ]
                }),
        ]
    }

    private static func decimal(_ thousandths: UInt32) -> JSON {
        let fraction = String(thousandths % 1_000)
        return .number("\(thousandths / 1_000).\(String(repeating: "0", count: 3 - fraction.count))\(fraction)")
    }

    static func text(_ text: Text?) -> JSON {
        guard let text, !text.isEmpty else { return .null }
        return .string(text.string)
    }
}
