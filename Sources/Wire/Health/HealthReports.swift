import Core

extension HealthResult {
    init(_ message: WireHealthCheckResult) {
        self.init(
            check: CheckID(Text(id: message.checkID)), probedAt: Timestamp(clamping: message.tsMs),
            isHealthy: message.ok, latencyMilliseconds: message.latencyMs,
            errorText: Text(message.error, limit: WireLimits.text), statusCode: message.statusCode)
    }
}
