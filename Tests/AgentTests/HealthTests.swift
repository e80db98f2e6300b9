import Core
import Testing

@testable import Agent
@testable import Wire

@Suite("Health checks of the agent")
struct HealthTests {
    private func configure(
        _ stage: Stage, target: String? = nil, _ change: (inout WireHealthCheckSpec) -> Void = { _ in }
    )
        -> WireAgentConfig
    {
        stage.config {
            var check = WireHealthCheckSpec()
            check.id = "chk_1"
            check.type = .tcpCheck
            check.target = target ?? "127.0.0.1:\(stage.store.port)"
            check.intervalSec = 40
            check.timeoutSec = 5
            change(&check)
            $0.healthChecks = [check]
        }
    }

    private func offset(_ config: WireAgentConfig) throws -> Duration {
        let check = try #require(StationSettings(config).checks["chk_1"])
        return HealthDesk.offset(of: "chk_1", check)
    }

    @Test("Each is probed at its interval, and what is found is sent with its details")
    func interval() async throws {
        let stage = try await Stage(extensions: "journal, report-ack, health-detail")
        let config = configure(stage)
        try await stage.start()
        let peer = try await stage.server.accept(config)
        let first = try offset(config)
        await stage.time.waited(for: first)
        stage.time.advance(by: first)
        let report = try await peer.nextReport()
        #expect(report.healthReport.result.checkID == "chk_1")
        #expect(report.healthReport.result.ok)
        #expect(report.healthReport.hasConnectMs)
        #expect(report.healthReport.failure == 0)
        await stage.time.waited(for: .seconds(40))
        stage.time.advance(by: .seconds(40))
        let second = try await peer.nextReport()
        #expect(second.healthReport.result.tsMs == report.healthReport.result.tsMs + 40_000)
        try await stage.stop()
    }

    @Test("A server of version 1 gets what that version knows")
    func versionOne() async throws {
        let stage = try await Stage(extensions: nil)
        let config = configure(stage, target: "127.0.0.1:1")
        try await stage.start()
        let peer = try await stage.server.accept(config)
        peer.send { $0.runHealthCheck.checkID = "chk_1" }
        let report = try await peer.nextReport()
        #expect(report.healthResult.checkID == "chk_1")
        #expect(!report.healthResult.ok)
        #expect(report.healthResult.error == "nobody listens there")
        try await stage.stop()
    }

    @Test("Asked for now it is probed now; of what is not configured nothing comes")
    func now() async throws {
        let stage = try await Stage(extensions: "health-detail")
        try await stage.start()
        let peer = try await stage.server.accept(configure(stage))
        peer.send { $0.runHealthCheck.checkID = "chk_none" }
        #expect(try await peer.roundTrip() == [])
        peer.send { $0.runHealthCheck.checkID = "chk_1" }
        #expect(try await peer.nextReport().healthReport.result.ok)
        try await stage.stop()
    }

    @Test("A configuration without it ends it; one with another target goes on with that")
    func changes() async throws {
        let stage = try await Stage(extensions: "health-detail")
        let config = configure(stage)
        try await stage.start()
        let peer = try await stage.server.accept(config)
        var other = configure(stage, target: "127.0.0.1:1")
        other.version = 4
        peer.send { $0.configUpdate.config = other }
        #expect(try await peer.roundTrip() == [])
        peer.send { $0.runHealthCheck.checkID = "chk_1" }
        #expect(try await peer.nextReport().healthReport.failure == UInt32(ProbeFailure.refused.rawValue))
        var none = stage.config()
        none.version = 5
        peer.send { $0.configUpdate.config = none }
        #expect(try await peer.roundTrip() == [])
        stage.time.advance(by: .seconds(80))
        peer.send { $0.runHealthCheck.checkID = "chk_1" }
        let answers = try await peer.roundTrip()
        #expect(answers.allSatisfy { if case .heartbeat = $0.payload { true } else { false } })
        try await stage.stop()
    }

    @Test("A kind of a later protocol is not run, and bounds hold whatever a server says")
    func bounds() {
        var config = WireAgentConfig()
        for (number, type) in [WireCheckType.http, .https, .tcpCheck, .UNRECOGNIZED(9)].enumerated() {
            var check = WireHealthCheckSpec()
            check.id = "chk_\(number)"
            check.type = type
            check.timeoutSec = number == 0 ? 0 : .max
            check.intervalSec = number == 0 ? 0 : .max
            config.healthChecks.append(check)
        }
        let checks = StationSettings(config).checks
        #expect(checks.count == 3)
        #expect(checks["chk_0"]?.intervalSeconds == 5 && checks["chk_0"]?.timeoutSeconds == 1)
        #expect(checks["chk_1"]?.intervalSeconds == 86_400 && checks["chk_1"]?.timeoutSeconds == 86_400)
    }
}
