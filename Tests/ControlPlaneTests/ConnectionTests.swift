import Core
import Engine
import Server
import Testing

@testable import ControlPlane

/// Goal: who gets in, what comes first, and how connections end. Method: a real server on a free port, and an agent that
/// speaks WebSocket by hand.
@Suite("Connections of agents", .serialized)
struct ConnectionTests {
    @Test("A wrong or missing key gets 401 and a JSON body, a wrong path 404, no upgrade 426")
    func refuses() async throws {
        try await Plant.run { plant in
            func refusal(
                path: String = "/v1/agents/connect", key: String?, upgrades: Bool = true
            ) async throws -> ScriptedAgent.Refused? {
                do {
                    _ = try await ScriptedAgent.dial(port: plant.port, path: path, key: key, upgrades: upgrades)
                    return nil
                } catch let refused as ScriptedAgent.Refused {
                    return refused
                }
            }
            for key in ["bkpy_live_00000000000000000000000000000000", nil] {
                let refused = try #require(try await refusal(key: key))
                #expect(refused.status == 401)
                #expect(refused.body.contains("\"code\":\"AUTH_FAILED\""))
            }
            #expect(try await refusal(path: "/v1/agents/other", key: plant.key)?.status == 401)
            #expect(try await refusal(path: "/nothing", key: plant.key)?.status == 401)
            #expect(try await refusal(key: plant.key, upgrades: false)?.status == 426)
            #expect(try await refusal(key: nil, upgrades: false)?.status == 401)
            #expect(try plant.running.registry.agentCount == 0)
        }
    }

    @Test("RegisterAck comes first, with session, period, time and the full configuration; a path prefix is accepted")
    func welcomes() async throws {
        try await Plant.run { plant in
            let agent = try await plant.dial(path: "/proxy/prefix/v1/agents/connect")
            #expect(!agent.head.lowercased().contains("backupy-extensions"))
            let answer = try await agent.handshake()
            #expect(answer.text(1).hasPrefix("ses_"))
            #expect(answer.number(3) == 30)
            #expect(answer.text(4).hasSuffix("Z") && answer.text(4).contains("."))
            let configuration = try #require(answer.message(2))
            #expect(configuration.number(1) == 3)
            let target = try #require(configuration.messages(2).first)
            #expect(target.text(1) == plant.target.description)
            #expect(target.number(2) == 1)
            #expect(target.message(4)?.text(5) == plant.password)
            let job = try #require(configuration.messages(3).first)
            #expect(job.text(1) == plant.job.description)
            #expect(job.text(2) == plant.target.description)
            #expect(job.number(6) == 1)
            #expect(job.number(10) == 600)

            try await plant.request(.changeJob(plant.job, [.cron("0 3 * * *")]))
            let update = try #require(try await agent.envelope().message(51)?.message(1))
            #expect(update.number(1) == 4)
            #expect(update.messages(3).first?.text(3) == "0 3 * * *")
        }
    }

    @Test("Extensions are negotiated, and recorded with the session")
    func negotiates() async throws {
        try await Plant.run { plant in
            let agent = try await plant.dial(headers: ["Backupy-Extensions: report-ack, something-else"])
            #expect(agent.head.lowercased().contains("backupy-extensions: report-ack"))
            #expect(!agent.head.contains("something-else"))
            _ = try await agent.handshake()
            let id = plant.agent
            #expect(
                try plant.running.follower.read { $0.agents[id]?.session?.extensions } == [ProtocolExtension.reportAck])
        }
    }

    @Test("Another message first ends the connection with a reason and opens no session")
    func wantsRegister() async throws {
        try await Plant.run { plant in
            let early = try await plant.dial()
            try await early.heartbeat(seq: 1, ts: 1, version: 0)
            #expect(await early.end() == .close(1_008, "the first message must be Register"))
            let junk = try await plant.dial()
            try await junk.send([0xFF, 0xFF])
            #expect(await junk.end() == .close(1_002, "the first message is no envelope"))
            let entries = try await plant.entries()
            #expect(!entries.contains { $0.kind == "session.opened" })
        }
    }

    @Test("The newest connection wins: the older one is closed, and commands go to the new one")
    func replaces() async throws {
        try await Plant.run { plant in
            let old = try await plant.dial()
            _ = try await old.handshake(seq: 1)
            let new = try await plant.dial()
            let answer = try await new.handshake(seq: 2, ts: 2_000)
            guard case .close(1_008, let reason)? = await old.end() else {
                Issue.record("the older connection is closed")
                return
            }
            #expect(reason.contains("newer"))
            let id = plant.agent
            let session = answer.text(1)
            try await plant.until { $0.agents[id]?.session?.id?.description == session }
            try await plant.until { $0.agents[id]?.session?.takesRuns == true }
            try await plant.request(.runJob(RunID("run_00000000001"), plant.job))
            #expect(try await new.order().run == "run_00000000001-1")
        }
    }

    @Test("Another host with the same key is refused while the agent answers, and takes its place when it does not")
    func refusesClones() async throws {
        try await Plant.run { plant in
            let agent = try await plant.dial()
            let answer = try await agent.handshake(seq: 1)
            let id = plant.agent
            try await plant.until { $0.agents[id]?.session?.isWelcomed == true }
            let clone = try await plant.dial()
            try await clone.register(seq: 1, host: "host-b")
            let ping = try await agent.envelope()
            #expect(ping.message(57) != nil)
            try await plant.until { $0.claims.count == 1 }
            try await agent.heartbeat(seq: 2, ts: 2_000, version: 3)
            #expect(await clone.end() == .close(1_008, "another host is connected with this key"))
            try await plant.until { $0.conflicts[id]?.hostname == "host-b" && $0.claims.isEmpty }
            let session = answer.text(1)
            #expect(try plant.running.follower.read { $0.agents[id]?.session?.id?.description } == session)

            let moved = try await plant.dial()
            try await moved.register(seq: 1, host: "host-c")
            try await plant.until { $0.claims.count == 1 }
            try await plant.pass(seconds: 9)
            #expect(try await moved.envelope().message(50) != nil)
            try await plant.until { $0.agents[id]?.registration?.hostname == "host-c" }
            guard case .close(1_008, _)? = await agent.end() else {
                Issue.record("the silent connection is closed")
                return
            }
        }
    }

    @Test("Junk is recorded and the connection stays; a message over 4 MiB is recorded by its start and ends it")
    func recordsJunk() async throws {
        try await Plant.run { plant in
            let agent = try await plant.dial()
            _ = try await agent.handshake()
            try await agent.send([0xFF, 0xFF, 0xFF])
            try await agent.send(opcode: 1, Array("text".utf8))
            try await agent.send(opcode: 9, [1, 2])
            #expect(try await agent.next() == .pong([1, 2]))
            try await agent.send([UInt8](repeating: 0x2A, count: 4_194_305))
            guard case .close(1_009, _)? = await agent.end() else {
                Issue.record("the connection is closed as too large")
                return
            }
            let id = plant.agent
            try await plant.until { $0.agents[id]?.session == nil }
            let frames = try await plant.entries().compactMap { entry in
                if case .unreadable(_, let frame) = entry.message { frame } else { nil }
            }
            #expect(frames.map(\.byteCount) == [3, 4_194_305])
            #expect(frames.last?.start == [UInt8](repeating: 0x2A, count: 4_096))
        }
    }

    @Test("A frame whose header announces far too much is refused from its header")
    func refusesHugeFrames() async throws {
        try await Plant.run { plant in
            let agent = try await plant.dial()
            _ = try await agent.handshake()
            try await agent.announce(byteCount: 1 << 30)
            guard case .close(1_009, _)? = await agent.end() else {
                Issue.record("the connection is closed as too large")
                return
            }
        }
    }

    @Test("Deleting or rotating a key closes the live connection, and the old key is refused at once")
    func revokes() async throws {
        try await Plant.run { plant in
            let agent = try await plant.dial()
            _ = try await agent.handshake()
            let id = plant.agent
            try await plant.until { $0.agents[id]?.session?.isWelcomed == true }
            try await plant.request(.rotateKey(plant.agent, keyDigest: [UInt8](repeating: 7, count: 32)))
            await #expect(throws: ScriptedAgent.Refused.self) { _ = try await plant.dial() }
            guard case .close(1_008, let reason)? = await agent.end(), reason.contains("key") else {
                Issue.record("the connection is closed because of its key")
                return
            }
        }
    }

    @Test("A stop closes connections as going away, and records their end")
    func stops() async throws {
        try await Plant.run { plant in
            let agent = try await plant.dial()
            _ = try await agent.handshake()
            let controlPlane = plant.controlPlane
            async let stopped: Void = controlPlane.stop()
            #expect(await agent.end() == .close(1_001, "the server is stopping"))
            await stopped
            let last = try await plant.entries().last { $0.kind == "session.closed" }
            guard case .sessionClosed(_, _, .ended)? = last?.message else {
                Issue.record("the end is recorded")
                return
            }
        }
    }
}
