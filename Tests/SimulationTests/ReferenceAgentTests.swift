import Core
import Recordings
import Testing
import Wire

@testable import Simulation

/// Goal: the model of the reference agent says what the recorded agent said.
/// Method: it is given what the agent of a capture was given: starts, connections, frames of the server, and how each run
/// ended; then every message it sends must have the number, the kind and the content of the recorded one.
struct ReferenceAgentTests {
    @Test(
        "The model sends what was recorded",
        arguments: [
            "pg-success", "mariadb-stock", "mariadb-compat", "redis-sqlite", "failures", "duplicate-delivery",
            "cancel-and-config", "kill-restart", "ack-without-config", "lower-config-version", "unreported-failure",
            "idle-timeout", "rejected-then-accepted", "handshake-edges",
        ])
    func follows(name: String) throws {
        let capture = try Capture(contentsOf: "\(CaptureFolder.path)/\(name).frames")
        var play = CapturePlay(capture)
        play.run()
        #expect(play.comparedCount > play.lostCount)
        #expect(play.differences.isEmpty, "\(play.differences.joined(separator: "\n"))")
    }

    @Test("With more saved than its buffer takes it registers, and is never heard again (backlog-hang)")
    func hangs() throws {
        // Given an agent that has saved 90 reports
        var agent = ReferenceAgent(hostname: "h")
        agent.start()
        agent.saveDiscoveries(90, at: Timestamp(milliseconds: 1))
        // When it connects
        _ = agent.register(at: Timestamp(milliseconds: 2))
        let settings = StationSettings(version: 1, targets: [:], jobs: [:], parallelRunLimit: 1)
        let reaction = agent.receive(
            .registerAck(session: "s", settings, heartbeatSeconds: 30), at: Timestamp(milliseconds: 3))
        // Then
        #expect(reaction.sent.isEmpty && agent.hangs)
        #expect(agent.queue.count == 26)
        #expect(agent.receive(.ping(correlationID: "p"), at: Timestamp(milliseconds: 4)).sent.isEmpty)
    }
}
