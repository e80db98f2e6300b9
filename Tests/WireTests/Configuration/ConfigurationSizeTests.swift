import Core
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("The size of a configuration is foreseen")
struct ConfigurationSizeTests {
    /// Goal: what the machine grants always fits into the frame that carries it. Method: random configurations, with
    /// the longest passwords that are taken, encoded as they go out.
    @Test("Never less than the wire has, and at most a fifth and a kilobyte more", arguments: UInt64(0)..<200)
    func bound(seed: UInt64) throws {
        var choices = Choices(seed: seed)
        let agent = AgentID(bits: choices.next())
        var entries = Entries()
        entries.fold(.agentCreated(agent, name: "a", keyDigest: []))
        var settings = AgentSettings()
        settings.maxParallelJobs = .random(in: 1...64, using: &choices)
        settings.logLevel = "warn"
        if Bool.random(using: &choices) { (settings.maintenanceStart, settings.maintenanceEnd) = ("22:00", "04:00") }
        entries.fold(.agentConfigured(agent, settings))
        var targets: [TargetID] = []
        for _ in 0..<Int.random(in: 1...12, using: &choices) {
            let id = TargetID(bits: choices.next())
            targets.append(id)
            entries.fold(.targetCreated(id, agent, target(&choices)))
        }
        for _ in 0..<Int.random(in: 0...20, using: &choices) {
            let target = targets.randomElement(using: &choices) ?? TargetID("")
            entries.fold(.jobCreated(JobID(bits: choices.next()), agent, target, job(&choices)))
        }
        for _ in 0..<Int.random(in: 0...5, using: &choices) {
            entries.fold(.checkCreated(CheckID(bits: choices.next()), agent, check(&choices)))
        }
        let password = String(repeating: "p", count: Int(ConfigurationSize.password))
        let configuration = try AgentConfiguration(of: agent, in: entries.state) { _ in password }
        let frame = try ServerMessage.registerAck(
            SessionID(bits: choices.next()), configuration, heartbeatIntervalSeconds: 30,
            serverTime: "2026-11-22T00:00:00Z"
        ).envelope(sequence: .max, sentAt: Timestamp(milliseconds: .max))
        let foreseen = ConfigurationSize.byteCount(of: agent, in: entries.state)
        #expect(foreseen >= UInt64(frame.count))
        #expect(foreseen <= UInt64(frame.count) * 6 / 5 + 16_384)
    }

    private func text(_ choices: inout Choices, _ limit: Int) -> Text {
        let letters = ["a", "é", "漢", "🙂", "\u{7F}", "\n"]
        let count = Bool.random(using: &choices) ? 0 : Int.random(in: 0...limit / 4, using: &choices)
        return Text((0..<count).map { _ in letters.randomElement(using: &choices) ?? "" }.joined())
    }

    private func target(_ choices: inout Choices) -> TargetSpec {
        var spec = TargetSpec()
        spec.type = TargetSpec.DatabaseType.allCases.randomElement(using: &choices) ?? .sqlite
        spec.displayName = text(&choices, 200)
        spec.host = text(&choices, 4_096)
        spec.port = .random(in: 0...65_535, using: &choices)
        spec.database = text(&choices, 4_096)
        spec.username = text(&choices, 4_096)
        spec.containerID = text(&choices, 4_096)
        spec.strategy = TargetSpec.Strategy.allCases.randomElement(using: &choices) ?? .tcp
        spec.password = [.none, .vault("secret:1"), .reference("env:PW")].randomElement(using: &choices) ?? .none
        return spec
    }

    private func job(_ choices: inout Choices) -> JobSpec {
        var spec = JobSpec()
        spec.cron = text(&choices, 200)
        spec.retentionDays = UInt32(truncatingIfNeeded: choices.next())
        spec.preHooks = (0..<Int.random(in: 0...16, using: &choices)).map { _ in text(&choices, 4_096) }
        spec.postHooks = (0..<Int.random(in: 0...16, using: &choices)).map { _ in text(&choices, 400) }
        spec.maxAttempts = UInt32(truncatingIfNeeded: choices.next())
        spec.backoffSeconds = (0..<Int.random(in: 0...100, using: &choices)).map { _ in
            UInt32(truncatingIfNeeded: choices.next())
        }
        spec.timeoutSeconds = UInt32(truncatingIfNeeded: choices.next())
        return spec
    }

    private func check(_ choices: inout Choices) -> CheckSpec {
        CheckSpec(
            name: text(&choices, 200), kind: CheckSpec.Kind.allCases.randomElement(using: &choices) ?? .tcp,
            target: text(&choices, 2_048), intervalSeconds: UInt32(truncatingIfNeeded: choices.next()),
            timeoutSeconds: UInt32(truncatingIfNeeded: choices.next()),
            expectedStatus: UInt32(truncatingIfNeeded: choices.next()))
    }

    /// Folds what was granted, without asking.
    private struct Entries {
        var state = Fleet.initial
        private var position = Position.start

        mutating func fold(_ acceptance: Acceptance) {
            position = position.next
            let message = Fleet.Message.accepted(acceptance, Ticket(token: "t"))
            let description = Fleet.describe(message, in: state)
            _ = Fleet.fold(
                Entry(
                    position: position, recordedAt: Timestamp(milliseconds: 0), stream: description.stream,
                    revision: Revision(1), cause: nil, kind: description.kind, message: message), into: &state)
        }
    }
}
