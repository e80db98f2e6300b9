import Core
import Foundation
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("What is sent to an agent")
struct ServerMessageTests {
    static let agent = MessageSamples.agent

    /// A fleet of two agents whose things were created in an order that is not that of their ids.
    static func state(hooks: [Text] = []) -> Fleet.State {
        var state = Fleet.initial
        var position = Position.start
        func fold(_ acceptance: Acceptance) {
            position = position.next
            let message = Fleet.Message.accepted(acceptance, Ticket(token: "t"))
            let description = Fleet.describe(message, in: state)
            _ = Fleet.fold(
                Entry(
                    position: position, recordedAt: Timestamp(milliseconds: 0), stream: description.stream,
                    revision: Revision(1), cause: nil, kind: description.kind, message: message), into: &state)
        }
        var settings = AgentSettings()
        settings.maintenanceStart = "22:00"
        settings.maintenanceEnd = "04:00"
        var plain = TargetSpec()
        plain.password = .reference("env:PW")
        var job = JobSpec()
        job.preHooks = hooks
        fold(.agentCreated(agent, name: "a", keyDigest: []))
        fold(.agentCreated(AgentID("agt_other"), name: "b", keyDigest: []))
        fold(.agentConfigured(agent, settings))
        fold(.targetCreated(TargetID("tgt_z"), agent, MessageSamples.targetSpec.with(.vault("secret:1"))))
        fold(.targetCreated(TargetID("tgt_a"), agent, plain))
        fold(.targetCreated(TargetID("tgt_m"), AgentID("agt_other"), plain))
        fold(.jobCreated(JobID("job_z"), agent, TargetID("tgt_z"), MessageSamples.jobSpec))
        fold(.jobCreated(JobID("job_a"), agent, TargetID("tgt_a"), job))
        fold(.checkCreated(CheckID("chk_1"), agent, MessageSamples.checkSpec(.tcp)))
        fold(.checkCreated(CheckID("chk_2"), nil, MessageSamples.checkSpec(.tcp)))
        return state
    }

    @Test("The whole configuration of one agent, in the order of creation")
    func configuration() throws {
        let state = Self.state()
        let configuration = try AgentConfiguration(of: Self.agent, in: state) { $0 == "secret:1" ? "clear" : nil }
        let bytes = try ServerMessage.registerAck(
            SessionID("ses_1"), configuration, heartbeatIntervalSeconds: 30, serverTime: "2026-11-22T00:00:00Z"
        ).envelope(sequence: 3, sentAt: Timestamp(milliseconds: 4))
        let envelope = try WireEnvelope(serializedBytes: bytes)
        #expect(envelope.seq == 3 && envelope.tsMs == 4)
        let ack = envelope.registerAck
        #expect(ack.sessionID == "ses_1" && ack.heartbeatIntervalSec == 30)
        #expect(ack.serverTimeIso == "2026-11-22T00:00:00Z")
        #expect(ack.config.version == configuration.version)
        #expect(ack.config.targets.map(\.id) == ["tgt_z", "tgt_a"])
        #expect(ack.config.targets.map(\.connection.passwordSecretRef) == ["clear", "env:PW"])
        #expect(ack.config.targets[0].type == .sqlite && ack.config.targets[0].connection.port == 5_432)
        #expect(ack.config.jobs.map(\.id) == ["job_z", "job_a"])
        #expect(ack.config.jobs.map(\.encryptionEnabled) == [true, true])
        #expect(ack.config.jobs[0].retry.backoffSeconds == [0, 60] && !ack.config.jobs[1].hasRetry)
        #expect(ack.config.healthChecks.map(\.id) == ["chk_1"])
        #expect(ack.config.maintenance.startUtc == "22:00" && ack.config.maintenance.endUtc == "04:00")
        #expect(ack.config.advanced.maxParallelJobs == 4)
        #expect(
            CapturedServerFrame.decode(bytes)
                == .captured(
                    CapturedFrame(
                        bytes: bytes, order: .registerAck(SessionID("ses_1"), configVersion: configuration.version))))
    }

    @Test("A missing password and an unknown agent are errors")
    func errors() {
        let state = Self.state()
        #expect(throws: ConfigurationError.missingPassword(TargetID("tgt_z"), name: "secret:1")) {
            try AgentConfiguration(of: Self.agent, in: state) { _ in nil }
        }
        #expect(throws: ConfigurationError.unknownAgent(AgentID("agt_none"))) {
            try AgentConfiguration(of: AgentID("agt_none"), in: state) { _ in nil }
        }
    }

    @Test("A configuration beyond 4 MiB is refused here, not by the agent")
    func tooLarge() throws {
        let hooks = [Text](repeating: Text(String(repeating: "x", count: 1_048_576)), count: 4)
        let configuration = try AgentConfiguration(of: Self.agent, in: Self.state(hooks: hooks)) { _ in "" }
        #expect {
            try ServerMessage.configUpdate(configuration).envelope(sequence: 1, sentAt: Timestamp(milliseconds: 0))
        } throws: { error in
            if case FrameError.tooLarge(let count)? = error as? FrameError { count > 4_194_304 } else { false }
        }
    }

    @Test("The smaller messages")
    func others() throws {
        func envelope(_ message: ServerMessage) throws -> WireEnvelope {
            let bytes = try message.envelope(sequence: 1, sentAt: Timestamp(milliseconds: -1), correlationID: "c")
            return try WireEnvelope(serializedBytes: bytes)
        }
        let order = RunBackupOrder(
            job: JobID("job_1"), run: WireRunID("run_1-1"), isManual: true, uploadURL: "http://x/objects/a",
            expiresAt: Timestamp(milliseconds: 7), objectName: "a", dataKey: MessageSamples.digest)
        let run = try envelope(.runBackup(order)).runBackup
        #expect(run.jobID == "job_1" && run.runID == "run_1-1" && run.manualTrigger)
        #expect(run.uploadCreds.presignedPutURL == "http://x/objects/a" && run.uploadCreds.expiresAtMs == 7)
        #expect(run.uploadCreds.finalS3Key == "a" && [UInt8](run.encryptedDek) == MessageSamples.digest)
        #expect(try envelope(.cancelJob(JobID("job_1"))).cancelJob.jobID == "job_1")
        let ping = try envelope(.ping(Timestamp(milliseconds: 9)))
        #expect(ping.ping.tsMs == 9 && ping.correlationID == "c" && ping.tsMs == 0)
        let report = try envelope(.reportAcknowledged(WireRunID("run_1-1"), sequence: 5)).reportAcknowledged
        #expect(report.runID == "run_1-1" && report.seq == 5)
    }
}

extension TargetSpec {
    fileprivate func with(_ password: Password) -> TargetSpec {
        var copy = self
        copy.password = password
        return copy
    }
}
