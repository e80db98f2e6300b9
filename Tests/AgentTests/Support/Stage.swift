import CSQLite
import Core
import Foundation
import Logging
import Testing

@testable import Agent
@testable import Wire

/// One agent with its folder, its database and its time.
final class Stage: @unchecked Sendable {
    static let keyText = "bkpy_test_0123456789abcdefghijABCDEFGHIJ01"
    static let dataKey = [UInt8](repeating: 7, count: 32)

    let time = ManualTime()
    let folder: String
    let server: ScriptedServer
    let store: GatedStore
    var trustedCertificates: String?
    /// Where the agent's log goes.
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private(set) var running: Task<Void, any Error>?

    private let isSecure: Bool

    init(
        extensions: String? = "journal, report-ack", storeIsOpen: Bool = true, isSecure: Bool = false,
        rowByteCount: Int = 100_000
    ) async throws {
        self.isSecure = isSecure
        folder = NSTemporaryDirectory() + "/backupy-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        server = try await ScriptedServer(extensions: extensions, isSecure: isSecure)
        store = try await GatedStore(isOpen: storeIsOpen)
        var connection: OpaquePointer?
        try #require(sqlite3_open(database, &connection) == SQLITE_OK)
        defer { sqlite3_close_v2(connection) }
        try #require(
            sqlite3_exec(
                connection, "CREATE TABLE t(a); INSERT INTO t VALUES (randomblob(\(rowByteCount)))", nil, nil, nil) == 0
        )
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var database: String { folder + "/app.db" }
    var stateDirectory: String { folder + "/state" }
    /// The report of a run may be there just before its file is gone.
    func waitUntilNothingIsStaged() async { while !stagedFiles.isEmpty { await Task.yield() } }

    var stagedFiles: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: stateDirectory + "/staging")) ?? []
    }

    func makeAgent(key: String = keyText, allowsHooks: Bool = false, port: Int? = nil) throws -> AgentRuntime {
        var options = AgentSetup.Options()
        options.server = "\(isSecure ? "https" : "http")://127.0.0.1:\(port ?? server.port)/prefix?tenant=1"
        options.stateDirectory = stateDirectory
        options.allowsInsecure = true
        options.allowsHooks = allowsHooks
        options.key = key
        let environment = trustedCertificates.map { ["SSL_CERT_FILE": $0] } ?? [:]
        let configuration = try AgentSetup(options: options, environment: environment, version: "v-test")
        // 200: exactly the nominal waits.
        return try AgentRuntime(configuration: configuration, time: time, logger: logger, jitter: { 200 })
    }

    func start(key: String = keyText, allowsHooks: Bool = false, port: Int? = nil) async throws {
        let agent = try await makeAgentOnceFree { try self.makeAgent(key: key, allowsHooks: allowsHooks, port: port) }
        running = Task { try await agent.run() }
    }

    /// Within one process, the last agent's thread may hold the directory a moment longer than its `run()`.
    private func makeAgentOnceFree(_ make: () throws -> AgentRuntime) async throws -> AgentRuntime {
        while true {
            do {
                return try make()
            } catch {
                guard "\(error)".contains("another process") else { throw error }
            }
            await Task.yield()
        }
    }

    /// Ends the agent as a restart would find it: what is open stays open.
    func stop() async throws {
        running?.cancel()
        try await running?.value
        running = nil
    }

    func config(_ change: (inout WireAgentConfig) -> Void = { _ in }) -> WireAgentConfig {
        var config = WireAgentConfig()
        config.version = 3
        var target = WireTarget()
        target.id = "tgt_1"
        target.type = .sqlite
        target.connection.database = database
        config.targets = [target]
        var job = WireBackupJobSpec()
        job.id = "job_1"
        job.targetID = "tgt_1"
        config.jobs = [job]
        change(&config)
        return config
    }

    /// - Parameters:
    ///   - port: of the store; the stage's own where none is given.
    ///   - life: how long the upload address works; for ever where none is given. The server's clock is 5 h behind.
    func order(_ peer: Peer, run: String, job: String = "job_1", port: Int? = nil, life: Milliseconds? = nil) {
        let sentAt = time.wallTime() + .hours(-5)
        peer.send {
            $0.tsMs = UInt64(sentAt.milliseconds)
            $0.runBackup.runID = run
            $0.runBackup.jobID = job
            $0.runBackup.encryptedDek = Data(Self.dataKey)
            $0.runBackup.uploadCreds.presignedPutURL =
                "http://127.0.0.1:\(port ?? self.store.port)/o/\(run)?signature=s3cr3tsig"
            $0.runBackup.uploadCreds.finalS3Key = "o/\(run)"
            $0.runBackup.uploadCreds.expiresAtMs = UInt64(life.map { (sentAt + $0).milliseconds } ?? 0)
        }
    }

    /// Lets the agent dial again after a disconnect; `wait` is its next back-off.
    func redial(after wait: Duration = .seconds(1)) async {
        await time.waited(for: wait)
        time.advance(by: wait)
    }
}
