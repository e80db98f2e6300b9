import Core
import SwiftProtobuf

extension HealthResult {
    init(_ message: WireHealthCheckResult) {
        self.init(
            check: CheckID(Text(id: message.checkID)), probedAt: Timestamp(clamping: message.tsMs),
            isHealthy: message.ok, latencyMilliseconds: message.latencyMs,
            errorText: Text(message.error, limit: WireLimits.text), statusCode: message.statusCode)
    }

    init(_ message: WireHealthCheckReport) {
        self.init(message.result)
        var detail = ProbeDetail()
        if message.hasResolveMs { detail.resolveMilliseconds = message.resolveMs }
        if message.hasConnectMs { detail.connectMilliseconds = message.connectMs }
        if message.hasTlsMs { detail.tlsMilliseconds = message.tlsMs }
        if message.hasFirstByteMs { detail.firstByteMilliseconds = message.firstByteMs }
        if message.hasCertificateExpiresAtMs {
            detail.certificateExpiresAt = Timestamp(clamping: message.certificateExpiresAtMs)
        }
        if message.failure != 0 {
            detail.failure = UInt8(exactly: message.failure).flatMap(ProbeFailure.init(rawValue:)) ?? .other
        }
        self.detail = detail
    }
}

extension WireHealthCheckReport {
    init(_ result: HealthResult) {
        self.init()
        self.result = .with {
            $0.checkID = result.check.text.string
            $0.tsMs = UInt64(clamping: result.probedAt.milliseconds)
            $0.ok = result.isHealthy
            $0.latencyMs = result.latencyMilliseconds
            $0.error = result.errorText.string
            $0.statusCode = result.statusCode
        }
        guard let detail = result.detail else { return }
        if let time = detail.resolveMilliseconds { resolveMs = time }
        if let time = detail.connectMilliseconds { connectMs = time }
        if let time = detail.tlsMilliseconds { tlsMs = time }
        if let time = detail.firstByteMilliseconds { firstByteMs = time }
        if let end = detail.certificateExpiresAt { certificateExpiresAtMs = UInt64(clamping: end.milliseconds) }
        failure = UInt32(detail.failure?.rawValue ?? 0)
    }
}
