import AsyncHTTPClient
import Core
import Digests
import Engine
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import SQLiteLog
import Synchronization
import Testing

@testable import ControlPlane

/// The machine's clocks, moved forwards at will.
final class MovableClock: Clock {
    private let system = SystemClock()
    private let offset = Mutex<Int64>(0)

    func advance(seconds: Int64) { offset.withLock { $0 += seconds * 1_000 } }
    func wallTime() -> Timestamp { system.wallTime() + Milliseconds(offset.withLock { $0 }) }
    func monotonicNanoseconds() -> UInt64 {
        system.monotonicNanoseconds() + UInt64(offset.withLock { $0 }) * 1_000_000
    }
}

/// A control plane in a temporary directory, with one agent, one target with a password and one job.
final class Plant {
    let directory: String
    let clock = MovableClock()
    let agent = AgentID("agt_PlantAgent1")
    let target = TargetID("tgt_PlantTarge1")
    let job = JobID("job_PlantJob001")
    let key = "bkpy_live_0123456789abcdefghijABCDEFGHIJKL"
    let password = "correct horse battery staple"
    private(set) var controlPlane: ControlPlane
    private(set) var port = 0
    private let client = HTTPClient(eventLoopGroupProvider: .singleton)

    private init(directory: String) {
        self.directory = directory
        controlPlane = ControlPlane(configuration: ControlPlane.Configuration(dataDirectory: directory))
    }

    /// Runs the body against a started plant, then stops it and removes everything.
    static func run(_ body: (Plant) async throws -> Void) async throws {
        let plant = Plant(directory: temporaryPath())
        do {
            try await plant.start()
            try await plant.furnish()
            try await body(plant)
        } catch {
            await plant.tearDown()
            throw error
        }
        await plant.tearDown()
    }

    static func temporaryPath() -> String { NSTemporaryDirectory() + "backupy-test-" + UUID().uuidString }

    static var quiet: Logger {
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        return logger
    }

    static func configuration(_ directory: String, port: Int = 0) -> ControlPlane.Configuration {
        ControlPlane.Configuration(
            dataDirectory: directory, listen: ListenAddress(host: "127.0.0.1", port: port))
    }

    func start() async throws {
        controlPlane = ControlPlane(
            configuration: Self.configuration(directory), logger: Self.quiet, clock: clock)
        port = try await controlPlane.start().port
    }

    func stop() async { await controlPlane.stop() }

    private func tearDown() async {
        await controlPlane.stop()
        try? await client.shutdown()
        try? FileManager.default.removeItem(atPath: directory)
    }

    var running: Running {
        get throws { try #require(controlPlane.running) }
    }

    private func furnish() async throws {
        try await request(
            .createAgent(agent, name: "a", keyDigest: SHA256.digest(of: Array(key.utf8)).bytes))
        try running.directory.vault.store(Array(password.utf8), as: "secret:plant")
        try await request(
            .createTarget(
                target, agent,
                [.type(.postgresql), .displayName("db"), .host("db.internal"), .password(.vault("secret:plant"))]))
        try await request(.createJob(job, agent, target, [.timeoutSeconds(600)]))
    }

    /// Asks as a person would, and wants it granted.
    func request(_ request: Request) async throws {
        let turn = try await running.engine.request(.requested(request, Ticket(token: "admin")))
        try #require(
            turn.entries.contains { if case .accepted = $0.message { true } else { false } }, "\(request) is refused")
    }

    /// Moves time, and has the engine look at its deadlines.
    func pass(seconds: Int64) async throws {
        clock.advance(seconds: seconds)
        try await request(.renameAgent(agent, name: "a"))
    }

    func dial(headers: [String] = [], path: String = "/v1/agents/connect") async throws -> ScriptedAgent {
        try await ScriptedAgent.dial(port: port, path: path, key: key, headers: headers)
    }

    /// Waits, entry by entry, until the folded state is as wanted.
    func until(_ condition: @Sendable (borrowing Fleet.State) -> Bool) async throws {
        let follower = try running.follower
        while true {
            let passed = follower.passed
            if follower.read(condition) { return }
            try await follower.wait(for: passed.next, limit: .seconds(60))
        }
    }

    /// Waits until the run has its verdict.
    func verdict(of run: RunID) async throws -> Verdict {
        @Sendable func closed(_ state: borrowing Fleet.State) -> Verdict? {
            if case .closed(let verdict)? = state.runs[run]?.phase { verdict } else { nil }
        }
        try await until { closed($0) != nil }
        return try #require(try running.follower.read { closed($0) })
    }

    /// All entries of the log.
    func entries() async throws -> [Entry<Fleet.Message>] {
        let reader = try Self.reader(directory)
        var entries: [Entry<Fleet.Message>] = []
        while true {
            let more = try reader.read(after: entries.last?.position ?? .start, limit: 1_000)
            if more.isEmpty { return entries }
            entries += try more.map { try Self.codec.decode($0) }
        }
    }

    /// Puts bytes to a signed address; the status.
    func put(_ bytes: [UInt8], to url: String) async throws -> UInt {
        var request = HTTPClientRequest(url: url)
        request.method = .PUT
        request.headers.add(name: "content-type", value: "application/octet-stream")
        request.body = .bytes(ByteBuffer(bytes: bytes))
        return try await client.execute(request, timeout: .seconds(60)).status.code
    }

    func get(_ path: String) async throws -> UInt {
        try await client.execute(HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)"), timeout: .seconds(60)).status
            .code
    }
}
