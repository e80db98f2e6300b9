import Core
import SwiftProtobuf

extension RecordFleetCheck {
    init(_ id: CheckID, _ agent: AgentID?, _ spec: CheckSpec) {
        self.init()
        check = id.text.string
        if let agent { self.agent = agent.text.string }
        name = spec.name.string
        kind = UInt32(spec.kind.rawValue)
        target = spec.target.string
        intervalSeconds = spec.intervalSeconds
        timeoutSeconds = spec.timeoutSeconds
        expectedStatus = spec.expectedStatus
        failuresToDown = spec.failuresToDown
        successesToUp = spec.successesToUp
        flapChanges = spec.flapChanges
        certificateDays = spec.certificateDays
        isPaused = spec.isPaused
    }

    var checkID: CheckID { CheckID(Text(check)) }
    var prober: AgentID? { hasAgent ? AgentID(Text(agent)) : nil }
}

extension CheckSpec.Kind {
    init(record: UInt32) throws(RecordProblem) {
        guard let raw = UInt8(exactly: record), let kind = Self(rawValue: raw) else { throw .unknown("kind of check") }
        self = kind
    }
}

extension CheckSpec {
    init(_ record: RecordFleetCheck) throws(RecordProblem) {
        self.init(
            name: Text(record.name), kind: try Kind(record: record.kind), target: Text(record.target),
            intervalSeconds: record.intervalSeconds, timeoutSeconds: record.timeoutSeconds,
            expectedStatus: record.expectedStatus)
        if record.hasFailuresToDown { failuresToDown = record.failuresToDown }
        if record.hasSuccessesToUp { successesToUp = record.successesToUp }
        if record.hasFlapChanges { flapChanges = record.flapChanges }
        if record.hasCertificateDays { certificateDays = record.certificateDays }
        isPaused = record.isPaused
    }
}

extension RecordFleetCheckChange {
    init(_ id: CheckID, _ fields: [CheckField]) {
        self.init()
        check = id.text.string
        self.fields = fields.map(RecordFleetCheckField.init(_:))
    }
}

extension RecordFleetCheckField {
    init(_ field: CheckField) {
        self.init()
        self.field =
            switch field {
            case .name(let value): .name(value.string)
            case .kind(let value): .kind(UInt32(value.rawValue))
            case .target(let value): .target(value.string)
            case .intervalSeconds(let value): .intervalSeconds(value)
            case .timeoutSeconds(let value): .timeoutSeconds(value)
            case .expectedStatus(let value): .expectedStatus(value)
            case .failuresToDown(let value): .failuresToDown(value)
            case .successesToUp(let value): .successesToUp(value)
            case .flapChanges(let value): .flapChanges(value)
            case .certificateDays(let value): .certificateDays(value)
            case .isPaused(let value): .isPaused(value)
            }
    }
}

extension CheckField {
    init(_ record: RecordFleetCheckField) throws(RecordProblem) {
        switch record.field {
        case .name(let value): self = .name(Text(value))
        case .kind(let value): self = .kind(try CheckSpec.Kind(record: value))
        case .target(let value): self = .target(Text(value))
        case .intervalSeconds(let value): self = .intervalSeconds(value)
        case .timeoutSeconds(let value): self = .timeoutSeconds(value)
        case .expectedStatus(let value): self = .expectedStatus(value)
        case .failuresToDown(let value): self = .failuresToDown(value)
        case .successesToUp(let value): self = .successesToUp(value)
        case .flapChanges(let value): self = .flapChanges(value)
        case .certificateDays(let value): self = .certificateDays(value)
        case .isPaused(let value): self = .isPaused(value)
        case nil: throw .unknown("field of a check")
        }
    }
}

extension RecordFleetCheckDecision {
    init(_ id: CheckID, _ decision: CheckDecision) {
        self.init()
        check = id.text.string
        self.decision =
            switch decision {
            case .became(let phase, let grounds):
                .became(
                    .with {
                        $0.phase = phase.word
                        $0.ignorance = phase.ignorance?.rawValue ?? ""
                        $0.grounds = grounds.map(\.number)
                    })
            case .certificateExpiring(let end): .certificateExpiringMs(end.milliseconds)
            case .certificateRenewed: .certificateRenewed(RecordFleetNothing())
            }
    }
}

extension CheckDecision {
    init(_ record: RecordFleetCheckDecision) throws(RecordProblem) {
        switch record.decision {
        case .became(let it):
            let ignorance = Check.Ignorance(rawValue: it.ignorance)
            guard it.ignorance.isEmpty || ignorance != nil, let phase = Check.Phase(word: Text(it.phase), ignorance)
            else { throw .unknown("phase of a check") }
            self = .became(phase, grounds: it.grounds.map { Position($0) })
        case .certificateExpiringMs(let end): self = .certificateExpiring(Timestamp(milliseconds: end))
        case .certificateRenewed: self = .certificateRenewed
        case nil: throw .unknown("decision about a check")
        }
    }
}

extension RecordFleetProbe {
    init(_ result: HealthResult) {
        self.init()
        check = result.check.text.string
        probedAtMs = result.probedAt.milliseconds
        isHealthy = result.isHealthy
        latencyMs = result.latencyMilliseconds
        error = result.errorText.string
        statusCode = result.statusCode
        guard let detail = result.detail else { return }
        self.detail = .with {
            if let time = detail.resolveMilliseconds { $0.resolveMs = time }
            if let time = detail.connectMilliseconds { $0.connectMs = time }
            if let time = detail.tlsMilliseconds { $0.tlsMs = time }
            if let time = detail.firstByteMilliseconds { $0.firstByteMs = time }
            if let end = detail.certificateExpiresAt { $0.certificateExpiresAtMs = end.milliseconds }
            $0.failure = UInt32(detail.failure?.rawValue ?? 0)
        }
    }
}

extension HealthResult {
    init(_ record: RecordFleetProbe) throws(RecordProblem) {
        self.init(
            check: CheckID(Text(record.check)), probedAt: Timestamp(milliseconds: record.probedAtMs),
            isHealthy: record.isHealthy, latencyMilliseconds: record.latencyMs, errorText: Text(record.error),
            statusCode: record.statusCode)
        guard record.hasDetail else { return }
        let it = record.detail
        var detail = ProbeDetail()
        if it.hasResolveMs { detail.resolveMilliseconds = it.resolveMs }
        if it.hasConnectMs { detail.connectMilliseconds = it.connectMs }
        if it.hasTlsMs { detail.tlsMilliseconds = it.tlsMs }
        if it.hasFirstByteMs { detail.firstByteMilliseconds = it.firstByteMs }
        if it.hasCertificateExpiresAtMs {
            detail.certificateExpiresAt = Timestamp(milliseconds: it.certificateExpiresAtMs)
        }
        if it.failure != 0 {
            guard let failure = UInt8(exactly: it.failure).flatMap(ProbeFailure.init(rawValue:)) else {
                throw .unknown("failure of a probe")
            }
            detail.failure = failure
        }
        self.detail = detail
    }
}
