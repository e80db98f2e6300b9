import Core

extension Registration {
    init(_ message: WireRegister) {
        self.init(
            agentVersion: Text(message.agentVersion, limit: WireLimits.word),
            hostname: Text(message.hostname, limit: WireLimits.word), os: Text(message.os, limit: WireLimits.word),
            arch: Text(message.arch, limit: WireLimits.word),
            dockerVersion: Text(message.dockerVersion, limit: WireLimits.word),
            capabilities: message.capabilities.prefix(WireLimits.items).map { Text($0, limit: WireLimits.word) },
            lastKnownConfigVersion: message.lastKnownConfigVersion)
    }
}

extension Heartbeat {
    init(_ message: WireHeartbeat) {
        self.init(
            configVersion: message.configVersion, metrics: message.hasMetrics ? AgentMetrics(message.metrics) : nil,
            activeJobIDs: message.activeJobIds.prefix(WireLimits.activeJobs).map(Text.init(id:)))
    }
}

extension AgentMetrics {
    init(_ message: WireAgentMetrics) {
        self.init(
            cpuThousandths: Self.thousandths(ofPercent: message.cpuPercent),
            memoryUsedByteCount: message.memUsedBytes, memoryTotalByteCount: message.memTotalBytes,
            diskUsedByteCount: message.diskUsedBytes, diskTotalByteCount: message.diskTotalBytes,
            queueDepth: message.queueDepth)
    }

    /// The one floating-point number of the protocol, as a whole number: what folds must not round. At most 100 %.
    static func thousandths(ofPercent percent: Float) -> UInt32? {
        guard percent.isFinite, percent >= 0 else { return nil }
        return UInt32(min(Double(percent) * 1_000, 100_000).rounded())
    }
}

extension DiscoveredContainer {
    init(_ message: WireDiscoveredContainer) {
        self.init(
            id: Text(id: message.containerID), name: Text(message.name, limit: WireLimits.line),
            image: Text(message.image, limit: WireLimits.line),
            databaseType: Text(message.detectedDbType, limit: WireLimits.word),
            networks: sortedUnique(message.networks.map { Text($0, limit: WireLimits.word) }),
            environmentHints: sortedPairs(message.envHints),
            ports: sortedUnique(
                message.ports.map {
                    Port(
                        container: min($0.containerPort, 65_535), host: min($0.hostPort, 65_535),
                        transport: Text($0.`protocol`, limit: WireLimits.word))
                }))
    }
}

extension LogLine {
    init(_ message: WireLogEvent) {
        self.init(
            writtenAt: Timestamp(clamping: message.tsMs), level: UInt32(min(max(message.level.rawValue, 0), 4)),
            job: Text(id: message.jobID), text: Text(message.message, limit: WireLimits.text),
            fields: sortedPairs(message.fields))
    }
}
