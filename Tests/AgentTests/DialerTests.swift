import Testing

@testable import Agent

@Suite("The dialer", .timeLimit(.minutes(1)))
struct DialerTests {
    private func dialer(port: Int) throws -> Dialer {
        try Dialer(
            address: ServerAddress("http://localhost:\(port)", allowsInsecure: true), key: AgentKey(Stage.keyText),
            userAgent: "backupy-agent/test", trustedCertificates: nil)
    }

    @Test("A dial that is called off ends, though the server never answers")
    func silence() async throws {
        let deaf = try await DeafServer(answers: [])
        let dialer = try dialer(port: deaf.port)
        let dialing = Task { try await dialer.dial() }
        for await _ in deaf.requests { break }
        dialing.cancel()
        await #expect(throws: CancellationError.self) { try await dialing.value }
    }

    @Test("A dial that was called off before it began ends")
    func early() async throws {
        let deaf = try await DeafServer(answers: [])
        let dialer = try dialer(port: deaf.port)
        let dialing = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await dialer.dial()
        }
        dialing.cancel()
        await #expect(throws: CancellationError.self) { try await dialing.value }
    }

    @Test("A connection that comes as its dial is called off is ended or given, never lost")
    func late() async throws {
        let server = try await ScriptedServer()
        let dialer = try dialer(port: server.port)
        for _ in 0..<20 {
            let dialing = Task { try await dialer.dial() }
            let peer = try await server.accept()
            dialing.cancel()
            if let connection = try? await dialing.value { await connection.end() }
            #expect(try await peer.closeCode() == nil)
        }
    }

    @Test("An agent that is stopped while it dials stops")
    func stop() async throws {
        let deaf = try await DeafServer(answers: [])
        let stage = try await Stage()
        try await stage.start(port: deaf.port)
        for await _ in deaf.requests { break }
        try await stage.stop()
    }
}
