public import Engine
public import Logging
public import ServiceLifecycle
import Synchronization

/// A whole control plane to embed: the engine of the fleet, its workers, the server and the embedded object store.
///
/// An empty data directory is filled with all that is needed: `log.sqlite`, `views.sqlite`, `vault.sqlite`,
/// `master.key`, `recovery.key`, `admin.token` (these with mode 0600) and `objects/`. Of the administrator's token the
/// server itself keeps only the SHA-256, in the vault; a readable `admin.token` sets it at each start.
public final class ControlPlane: Service {
    /// Where a running control plane is.
    public struct Address: Hashable, Sendable {
        /// The host as configured.
        public var host: String
        /// The port that is bound.
        public var port: Int
        /// How agents reach it, without a slash at its end.
        public var url: String
        /// The port on which figures are shown without a token; nil where nobody asked for it.
        public var metricsPort: Int?
    }

    private enum Phase: Sendable {
        case new, starting, stopped
        case running(Running)
    }

    private let configuration: Configuration
    private let clock: any Clock
    private let logger: Logger
    private let onReady: @Sendable (Address) -> Void
    private let phase = Mutex(Phase.new)
    private let failures: AsyncStream<ControlPlaneFailure>
    private let fail: AsyncStream<ControlPlaneFailure>.Continuation

    /// A control plane that touches nothing before it is started.
    ///
    /// - Parameters:
    ///   - logger: Is told paths, names and positions; never a secret.
    ///   - onReady: Called once agents are let in.
    public init(
        configuration: Configuration, logger: Logger = Logger(label: "backupy"), clock: any Clock = SystemClock(),
        onReady: @escaping @Sendable (Address) -> Void = { _ in }
    ) {
        self.onReady = onReady
        self.configuration = configuration
        self.logger = logger
        self.clock = clock
        (failures, fail) = AsyncStream.makeStream()
    }

    /// Starts, and returns once agents are let in. May be called once.
    ///
    /// - Throws: ``StartError``. What was opened is closed again then.
    @discardableResult
    public func start() async throws(StartError) -> Address {
        let isFirst = phase.withLock { phase in
            guard case .new = phase else { return false }
            phase = .starting
            return true
        }
        guard isFirst else { throw .startedTwice }
        let running: Running
        do throws(StartError) {
            running = try await Running.start(configuration, clock: clock, logger: logger) { [fail] in fail.yield($0) }
        } catch {
            phase.withLock { $0 = .stopped }
            throw error
        }
        let isWanted = phase.withLock { phase in
            guard case .starting = phase else { return false }
            phase = .running(running)
            return true
        }
        guard isWanted else {
            await running.stop()
            throw .startedTwice
        }
        let address = Address(
            host: configuration.listen.host, port: running.http.port, url: running.baseURL,
            metricsPort: running.metricsPort)
        logger.notice("ready at \(address.url)")
        onReady(address)
        return address
    }

    /// Files with secrets that this start has made; empty before it. Their content is never shown.
    public var createdFiles: [String] { running?.directory.createdFiles ?? [] }

    /// Ends connections with a going-away code and stops, within 10 s. What has no outcome is carried out at the next
    /// start. Nothing happens when it is not running.
    public func stop() async {
        let former = phase.withLock { phase in
            defer { phase = .stopped }
            return phase
        }
        if case .running(let running) = former { await running.stop() }
    }

    /// Reads the TLS certificate and its key anew, for connections from now on. Files that are no good are told in the
    /// log, and the former ones stay in use. Nothing happens without TLS, or when it is not running.
    public func reloadCertificate() {
        guard let running else { return }
        if !running.http.reloadCertificate() {
            logger.notice("there is no certificate to read anew: TLS is not in use")
        }
    }

    /// Starts, and runs until the service group shuts down gracefully or the task is cancelled.
    ///
    /// - Throws: ``StartError``, or ``ControlPlaneFailure`` when it had to end by itself: the process must end then, and
    ///   recover by restart.
    public func run() async throws {
        guard try await startUnlessStopped() else {
            logger.notice("stopped before it was ready")
            return
        }
        let failure = await withTaskGroup(of: ControlPlaneFailure?.self) { [failures] group in
            group.addTask {
                try? await gracefulShutdown()
                return nil
            }
            group.addTask { await failures.first { _ in true } }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        if let failure {
            logger.critical("\(failure)")
            throw failure
        }
        await stop()
        logger.notice("stopped")
    }

    /// Starts, but not once a graceful shutdown is wanted: a long log must not keep the process from ending.
    ///
    /// - Returns: Whether it has started.
    private func startUnlessStopped() async throws(StartError) -> Bool {
        let result: Result<Bool, StartError> = await withTaskGroup(of: Result<Bool, StartError>?.self) { group in
            group.addTask { [self] in
                do throws(StartError) {
                    try await start()
                    return .success(true)
                } catch {
                    if case .cancelled = error { return .success(false) }
                    return .failure(error)
                }
            }
            group.addTask {
                try? await gracefulShutdown()
                return nil
            }
            var result: Result<Bool, StartError>?
            for await finished in group {
                result = finished ?? result
                group.cancelAll()
            }
            return result ?? .success(false)
        }
        return try result.get()
    }

    /// The parts at work; nil before the start and after the stop.
    var running: Running? {
        phase.withLock { if case .running(let running) = $0 { running } else { nil } }
    }
}
