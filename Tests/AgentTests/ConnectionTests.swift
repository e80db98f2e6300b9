import Foundation
import NIOHTTP1
import NIOWebSocket
import TestCertificates
import Testing

@testable import Agent
@testable import Wire

@Suite("Connection of the agent", .timeLimit(.minutes(2)))
struct ConnectionTests {
    @Test("Register first, then a heartbeat with what is really applied, numbered in the order of the wire")
    func handshake() async throws {
        let stage = try await Stage()
        try await stage.start()
        let peer = try await stage.server.accept()
        #expect(peer.head.uri == "/prefix/v1/agents/connect?tenant=1")
        #expect(peer.head.headers["Authorization"] == ["Bearer \(Stage.keyText)"])
        #expect(peer.head.headers["Host"] == ["127.0.0.1:\(stage.server.port)"])
        #expect(peer.head.headers["Backupy-Extensions"] == ["journal, report-ack, health-detail"])
        let register = try await peer.next()
        #expect(register.seq == 1)
        #expect(register.register.agentVersion == "v-test")
        #expect(register.register.os == "linux")
        #expect(register.register.hostname == ProcessInfo.processInfo.hostName)
        // Those of PostgreSQL are told where its tools are installed.
        let capabilities = register.register.capabilities.filter { !["postgresql", "pg_dump"].contains($0) }
        #expect(capabilities == ["sqlite", "journal", "report-ack", "health-detail"])
        #expect(register.register.lastKnownConfigVersion == 0)
        peer.acknowledge(stage.config())
        let heartbeat = try await peer.next()
        #expect(heartbeat.seq == 2)
        #expect(heartbeat.heartbeat.configVersion == 3)
        #expect(heartbeat.heartbeat.metrics.memTotalBytes > 0)
        #expect(heartbeat.heartbeat.metrics.diskTotalBytes > 0)
        #expect(try await peer.roundTrip() == [])
        await stage.time.waited(for: .seconds(30))
        stage.time.advance(by: .seconds(30))
        let second = try await peer.next()
        #expect(second.seq == 4)
        #expect(second.heartbeat.configVersion == 3)
        try await stage.stop()
        #expect(try await peer.closeCode() == 1_001)
    }

    @Test("The back-off grows over failures and short sessions, and starts anew after one that lasted a minute")
    func backoff() async throws {
        let stage = try await Stage()
        try await stage.start()
        let first = try await stage.server.accept()
        first.send { $0.ping.tsMs = 1 }
        #expect(try await first.closeCode() == 1_008)
        await stage.redial(after: .seconds(1))
        let second = try await stage.server.accept()
        second.send(bytes: [0xFF, 0xFF, 0xFF])
        #expect(try await second.closeCode() == 1_008)
        await stage.redial(after: .seconds(2))
        let third = try await stage.server.accept(stage.config())
        third.send(bytes: [0xFF, 0xFF, 0xFF])
        #expect(try await third.closeCode() == 1_000)
        await stage.redial(after: .seconds(4))
        let fourth = try await stage.server.accept(stage.config())
        #expect(try await fourth.roundTrip() == [])
        for _ in 0..<2 {
            await stage.time.waited(for: .seconds(30))
            stage.time.advance(by: .seconds(30))
            #expect(try await fourth.next().heartbeat.configVersion == 3)
        }
        fourth.send(bytes: [0xFF, 0xFF, 0xFF])
        #expect(try await fourth.closeCode() == 1_000)
        await stage.redial(after: .seconds(1))
        let fifth = try await stage.server.accept()
        #expect(try await fifth.next().register.lastKnownConfigVersion == 3)
        try await stage.stop()
    }

    @Test("Text, envelopes without payload and agent's own kinds are no reason to hang up")
    func tolerance() async throws {
        let stage = try await Stage()
        try await stage.start()
        let peer = try await stage.server.accept(stage.config())
        peer.send(bytes: Array("hello".utf8), opcode: .text)
        peer.send(bytes: [])
        peer.send { $0.heartbeat.configVersion = 9 }
        peer.send { $0.runHealthCheck.checkID = "c" }
        peer.send { $0.selfUpdate.targetVersion = "v9" }
        peer.send { $0.cancelJob.jobID = "nobody's" }
        peer.send { $0.configUpdate = .init() }
        #expect(try await peer.roundTrip() == [])
        var lower = stage.config()
        lower.version = 2
        peer.send { $0.configUpdate.config = lower }
        #expect(try await peer.roundTrip() == [])
        await stage.time.waited(for: .seconds(30))
        stage.time.advance(by: .seconds(30))
        #expect(try await peer.next().heartbeat.configVersion == 2)
        try await stage.stop()
    }

    @Test("A server that says nothing is left after 15 s, later after 90 s")
    func silence() async throws {
        let stage = try await Stage()
        try await stage.start()
        let first = try await stage.server.accept()
        _ = try await first.next()
        // Two waits of 15 s: that of the dial, which is over, and that for the RegisterAck.
        await stage.time.waited(for: .seconds(15))
        await stage.time.waited(for: .seconds(15))
        stage.time.advance(by: .seconds(15))
        #expect(try await first.closeCode() == 1_008)
        await stage.redial(after: .seconds(1))
        let second = try await stage.server.accept(stage.config())
        await stage.time.waited(for: .seconds(15))
        await stage.time.waited(for: .seconds(15))
        stage.time.advance(by: .seconds(15))
        await stage.time.waited(for: .seconds(75))
        stage.time.advance(by: .seconds(75))
        #expect(try await second.closeCode() == 1_000)
        try await stage.stop()
    }

    @Test("A server that takes the connection and never answers is left after 15 s; refusals are waited out")
    func deafServer() async throws {
        let deaf = try await DeafServer(answers: [
            nil, "HTTP/1.1 503 Later\r\nRetry-After: 20\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 401 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ])
        let stage = try await Stage()
        try await stage.start(port: deaf.port)
        for await request in deaf.requests {
            #expect(request.hasPrefix("GET /prefix/v1/agents/connect?tenant=1 HTTP/1.1"))
            break
        }
        await stage.time.waited(for: .seconds(15))
        stage.time.advance(by: .seconds(15))
        await stage.redial(after: .seconds(1))
        for await _ in deaf.requests { break }
        await stage.redial(after: .seconds(20))
        for await _ in deaf.requests { break }
        await stage.time.waited(for: .seconds(60))
        try await stage.stop()
    }

    @Test("TLS: a certificate that is not trusted is not talked to, a trusted one is")
    func secure() async throws {
        let stage = try await Stage(isSecure: true)
        try await stage.start()
        // The back-off after the failed handshake.
        await stage.time.waited(for: .seconds(1))
        try await stage.stop()
        let file = stage.folder + "/ca.pem"
        try TestCertificate.certificate.write(toFile: file, atomically: true, encoding: .utf8)
        stage.trustedCertificates = file
        try await stage.start()
        let peer = try await stage.server.accept(stage.config())
        #expect(try await peer.roundTrip() == [])
        try await stage.stop()
    }

    @Test("The server may choose how often hearts beat")
    func heartbeatPeriod() async throws {
        let stage = try await Stage()
        try await stage.start()
        let peer = try await stage.server.accept()
        _ = try await peer.next()
        peer.send {
            $0.registerAck.sessionID = "s"
            $0.registerAck.heartbeatIntervalSec = 10
        }
        _ = try await peer.next()
        await stage.time.waited(for: .seconds(10))
        stage.time.advance(by: .seconds(10))
        guard case .heartbeat = try await peer.next().payload else {
            Issue.record("no heartbeat")
            return
        }
        try await stage.stop()
    }

    @Test(
        "A second agent on the same state directory is refused, and another key does not keep the first from starting")
    func directory() async throws {
        let stage = try await Stage()
        do {
            let agent = try stage.makeAgent()
            #expect(throws: AgentStartError.self) { try stage.makeAgent() }
            let running = Task { try await agent.run() }
            _ = try await stage.server.accept(nil)
            running.cancel()
            try await running.value
        }
        try await stage.start(key: "bkpy_live_0123456789abcdefghijABCDEFGHIJ99")
        _ = try await stage.server.accept(nil)
        try await stage.stop()
    }
}
