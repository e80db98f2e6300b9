import Core
import Digests
import Engine
import Foundation
public import Logging
import SQLiteLog
public import ServiceLifecycle
import Synchronization
import Workers

/// The agent: dials the server, keeps the run journal, dumps, uploads, reports. Everything in its state directory is its
/// own; a second agent on the same directory is refused.
public final class AgentRuntime: Service {
    /// What lies in the state directory, open.
    struct Opened {
        var log: SQLiteEventLog
        var keys: SealedKeys
        var staging: StagingArea
        var dialer: Dialer
    }

    private let configuration: AgentSetup
    private let time: any AgentTime
    private let logger: Logger
    private let jitter: @Sendable () -> Int64
    private let opened: Mutex<Opened?>

    /// Opens the state directory; nothing is dialled or carried out before ``run()``.
    ///
    /// - Parameters:
    ///   - time: of the host; tests bring their own.
    ///   - jitter: 0 to 400, drawn for each wait before a dial; 200 is exactly the nominal wait.
    /// - Throws: ``AgentStartError``.
    public init(
        configuration: AgentSetup, time: any AgentTime = HostTime(), logger: Logger,
        jitter: @escaping @Sendable () -> Int64 = { Int64.random(in: 0...400) }
    ) throws(AgentStartError) {
        self.configuration = configuration
        self.time = time
        self.logger = logger
        self.jitter = jitter
        do {
            opened = Mutex(try Self.open(configuration, logger))
        } catch {
            throw AgentStartError(description: "\(error)")
        }
    }

    /// Works until the service group shuts down (or the task is cancelled), then says goodbye to the server and stops.
    /// To be called once.
    ///
    /// - Throws: ``AgentStartError`` when the journal cannot be read, or failed later; the process must then end and start
    ///   again.
    public func run() async throws {
        let opened = self.opened.withLock { opened in
            defer { opened = nil }
            return opened
        }
        guard let opened else { throw AgentStartError(description: "this agent has run already; make another one") }
        let process: AgentProcess
        do {
            process = try await AgentProcess(
                opened: opened, configuration: configuration, time: time, logger: logger, jitter: jitter)
        } catch {
            throw AgentStartError(description: "\(error)")
        }
        try await process.run()
    }

    private static func open(_ configuration: AgentSetup, _ logger: Logger) throws -> Opened {
        let directory = configuration.stateDirectory
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let log = try SQLiteEventLog(directory: directory)
        let keys = SealedKeys(vault: try openVault(directory, configuration.key, logger))
        let dialer = try Dialer(
            address: configuration.server, key: configuration.key, userAgent: "backupy-agent/\(configuration.version)",
            trustedCertificates: configuration.trustedCertificates)
        return Opened(log: log, keys: keys, staging: try StagingArea(folder: directory + "/staging"), dialer: dialer)
    }

    /// The vault under a key derived from the agent key. After a rotation of the agent key the old one cannot be opened
    /// any more; nothing in it is worth stopping for.
    private static func openVault(_ directory: String, _ key: AgentKey, _ logger: Logger) throws -> SQLiteVault {
        let bytes = HKDFSHA256.derive(
            secret: Array(key.text.utf8), salt: Array("backupy-agent-vault".utf8), info: "backupy-agent/vault-v1",
            byteCount: MasterKey.byteCount)
        guard let master = MasterKey(bytes) else {
            preconditionFailure("HKDF gave another length than it was asked for")
        }
        do throws(VaultError) {
            return try SQLiteVault(directory: directory, masterKey: master)
        } catch {
            guard case .wrongKey = error else { throw error }
            logger.warning("the agent key has changed: sealed data keys of unconfirmed reports are dropped")
            try FileManager.default.removeItem(atPath: directory + "/" + SQLiteVault.fileName)
            return try SQLiteVault(directory: directory, masterKey: master)
        }
    }
}

/// Why an agent does not start, or had to end.
public struct AgentStartError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was wrong and what to do.
    public let description: String
}
