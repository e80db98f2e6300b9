import Core
import Engine
import SQLiteLog
import Testing
import Wire

@testable import ControlPlane

@Suite("Restarts", .serialized)
struct RestartTests {
    private let run = RunID("run_00000000001")

    @Test("A RunBackup that an earlier process may have sent is not sent again: unknown, then replaced")
    func replacesUnknown() async throws {
        try await Plant.run { plant in
            await plant.stop()
            try leaveDispatchPending(plant)
            try await plant.start()
            try await plant.until { $0.runs[run]?.phase == .unconfirmed(.first) }
            let agent = try await plant.dial()
            _ = try await agent.handshake()
            try await plant.pass(seconds: 151)
            // The clock went on for the session too: the agent is heard before its silence is judged, or dials again.
            let order = try await firstOrder(agent, plant)
            #expect(order.run == "run_00000000001-2")
            let outcomes = try await plant.entries().compactMap { entry in
                if case .outcome(let outcome) = entry.message, case .dispatch(_, _, let attempt, _) = outcome.command {
                    "\(attempt) \(outcome.result == .unknown)"
                } else {
                    nil
                }
            }
            #expect(outcomes.first == "1 true")
            #expect(outcomes.filter { $0.hasPrefix("1") }.count == 1)
        }
    }

    private func firstOrder(_ agent: ScriptedAgent, _ plant: Plant) async throws -> ScriptedAgent.Order {
        do {
            return try await agent.order()
        } catch {
            let again = try await plant.dial()
            _ = try await again.handshake(seq: 2, ts: 2_000)
            return try await again.order()
        }
    }

    /// What a process leaves behind that dies between the commit of a command and its outcome.
    private func leaveDispatchPending(_ plant: Plant) throws {
        var kernel = try Kernel<Fleet, SQLiteEventLog, FleetCodec>(
            log: try SQLiteEventLog(directory: plant.directory), codec: FleetCodec())
        let now = plant.clock.wallTime()
        let session = SessionID("ses_00000000001")
        _ = try kernel.turn(
            .sessionOpened(plant.agent, SessionOpening(session: session, remoteAddress: "", extensions: [])), at: now)
        let register = ProtoWriter.envelope(seq: 1, ts: 1, 10) { $0.text(1, "v0.1.0") }
        guard case .received(let frame) = IncomingFrame.decode(register, session: session, registeredSentAt: nil) else {
            return
        }
        _ = try kernel.turn(.received(plant.agent, frame), at: now)
        let welcome = try #require(kernel.outbox.first)
        guard case .command(let command) = welcome.value else { return }
        _ = try kernel.turn(
            .outcome(CommandOutcome(position: welcome.key, command: command, result: .done)), at: now)
        _ = try kernel.turn(.requested(.runJob(run, plant.job), Ticket(token: "admin")), at: now)
        _ = try kernel.commit()
        try #require(kernel.outbox.count == 1)
    }

    @Test("A second server on the same directory is refused, and so is a port in use")
    func refusesSecond() async throws {
        try await Plant.run { plant in
            let second = ControlPlane(configuration: Plant.configuration(plant.directory), logger: Plant.quiet)
            await #expect { try await second.start() } throws: { error in
                if case StartError.inUse = error { true } else { false }
            }
            let other = ControlPlane(
                configuration: Plant.configuration(plant.directory + "-other", port: plant.port), logger: Plant.quiet)
            await #expect { try await other.start() } throws: { error in
                if case StartError.addressInUse = error { true } else { false }
            }
            try removeDirectory(plant.directory + "-other")
        }
    }

    @Test("State, keys and token survive a restart, and nothing is made again")
    func keeps() async throws {
        try await Plant.run { plant in
            let digest = try plant.running.directory.adminTokenDigest
            #expect(plant.controlPlane.createdFiles.count == 3)
            await plant.stop()
            try await plant.start()
            #expect(plant.controlPlane.createdFiles == [])
            #expect(try plant.running.directory.adminTokenDigest == digest)
            let agent = try await plant.dial()
            let answer = try await agent.handshake()
            #expect(answer.message(2)?.messages(2).first?.message(4)?.text(5) == plant.password)
        }
    }
}
