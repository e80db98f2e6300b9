import Core

/// Stories of health checks: one that an agent probes, and one that the control plane probes.
extension Story {
    static let check = CheckID("chk_C")

    static func spec(
        failures: UInt32 = 3, successes: UInt32 = 2, flapChanges: UInt32 = 0, isPaused: Bool = false
    ) -> CheckSpec {
        var spec = CheckSpec(
            name: "web", kind: .https, target: "https://web.example/", intervalSeconds: 30, timeoutSeconds: 5,
            expectedStatus: 0)
        spec.failuresToDown = failures
        spec.successesToUp = successes
        spec.flapChanges = flapChanges
        spec.isPaused = isPaused
        return spec
    }

    /// An agent that runs health checks is connected, and has one.
    static func checked(_ spec: CheckSpec = Story.spec()) -> Story {
        var story = ready(extensions: [ProtocolExtension.healthDetail])
        story.ask(.createCheck(check, agent, spec))
        return story
    }

    /// The control plane probes.
    static func probing(_ spec: CheckSpec = Story.spec()) -> Story {
        var story = ready()
        story.ask(.createCheck(check, nil, spec))
        return story
    }

    var checkPhase: Check.Phase? { state.checks[Self.check]?.phase }

    /// What was decided about the check, in words.
    var checkKinds: [String] {
        entries.filter { if case .judged = $0.message { true } else { false } }.map(\.kind.string)
    }

    static func result(_ isHealthy: Bool, at moment: Timestamp, certificate: Timestamp? = nil) -> HealthResult {
        var detail: ProbeDetail?
        if certificate != nil {
            detail = ProbeDetail()
            detail?.certificateExpiresAt = certificate
        }
        return HealthResult(
            check: check, probedAt: moment, isHealthy: isHealthy, latencyMilliseconds: 3,
            errorText: isHealthy ? "" : "refused", statusCode: isHealthy ? 200 : 0, detail: detail)
    }

    /// The agent probes once each interval, and this is what it finds: `+` is well, `-` is not.
    mutating func find(_ results: String, from agent: AgentID = Story.agent, session: SessionID? = Story.session) {
        for result in results {
            pass(.seconds(30))
            hear(.health(Self.result(result == "+", at: now)), from: agent, session: session)
        }
    }

    /// The control plane probes as it is ordered to, and this is what it finds.
    mutating func probe(_ results: String) {
        for result in results {
            pass(.seconds(30))
            let found = Self.result(result == "+", at: now)
            carryOut { if case .probeTarget = $0 { .probed(found) } else { nil } }
        }
    }

    var probesUnderWay: Int { pending.count { if case .probeTarget = $0.1 { true } else { false } } }
}
