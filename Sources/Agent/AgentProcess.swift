import AsyncHTTPClient
import Core
import Engine
import Logging
import SQLiteLog
import ServiceLifecycle
import Synchronization
import Telemetry
import Wire
import Workers

/// The agent at work, from the start of its engine to the last commit.
final class AgentProcess: Sendable {
    typealias StationEngine = Engine<Station, SQLiteEventLog, StationCodec>

    private let configuration: AgentConfiguration
    private let time: any AgentTime
    private let logger: Logger
    private let jitter: @Sendable () -> Int64
    private let client: HTTPClient
    private let engine: StationEngine
    private let dialer: Dialer
    private let pouch = Pouch()
    private let discretion: Discretion
    private let passwords: PasswordSource
    private let mirror = StationMirror()
    private let outbox: Outbox
    private let desk: ReportDesk
    private let health: HealthDesk
    private let pipeline: DumpPipeline
    private let figures: AgentFigures
    private let vitals: HostVitals
    private let settings = SettingsBoard()
    private let failure: AsyncStream<String>

    /// Folds the journal and carries out what an earlier process left open.
    init(
        opened: sending AgentRuntime.Opened, configuration: AgentConfiguration, time: any AgentTime, logger: Logger,
        jitter: @escaping @Sendable () -> Int64
    ) async throws {
        self.configuration = configuration
        self.time = time
        self.logger = logger
        self.jitter = jitter
        let discretion = Discretion()
        self.discretion = discretion
        passwords = PasswordSource { discretion.learn($0) }
        dialer = opened.dialer
        outbox = Outbox(time: time)
        desk = ReportDesk(outbox: outbox)
        // The operator of this host says what is probed from here: its own addresses too.
        let prober = try Prober(
            allowsLocal: true, trustedCertificates: configuration.trustedCertificates, now: { time.wallTime() })
        health = HealthDesk(prober: prober, outbox: outbox, time: time)
        vitals = HostVitals(folder: configuration.stateDirectory)
        client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: Uploader.clientConfiguration(trustedCertificates: configuration.trustedCertificates))
        let sleep: @Sendable (Duration) async throws -> Void = { try await time.sleep(for: $0) }
        figures = AgentFigures(version: configuration.version, waiting: { [mirror] in mirror.load().waitingCount })
        let log: @Sendable (String) -> Void = { [settings, passwords] text in
            // What a reference leads to may be another password by now.
            for target in settings.current.map({ Array($0.targets.values) }) ?? [] {
                _ = try? passwords.resolve(target)
            }
            logger.info("\(discretion.redacted(text))")
        }
        pipeline = DumpPipeline(
            drivers: [SQLiteDriver(), PostgreSQLDriver(log: log)], staging: opened.staging, passwords: passwords)
        let worker = StationWorker(
            pouch: pouch, mirror: mirror, settings: settings, outbox: outbox, desk: desk, keys: opened.keys,
            pipeline: pipeline,
            hooks: HookRunner(isAllowed: configuration.allowsHooks, sleep: sleep, log: log),
            uploader: Uploader(client: client, sleep: sleep), staging: opened.staging,
            discretion: discretion, time: time, logger: logger)
        let (failure, failed) = AsyncStream.makeStream(of: String.self)
        self.failure = failure
        engine = StationEngine(
            clock: time,
            voice: EngineVoice(started: { _ in .started(build: Text(configuration.version), rules: Station.rules) }),
            worker: worker, logger: logger,
            observer: { [mirror, figures] recorded in
                mirror.observe(recorded)
                figures.observe(recorded) { mirror.run($0) }
            },
            onFailure: { failed.yield("\($0)") })
        let count = opened.staging.discardAll()
        if count > 0 { logger.notice("removed \(count) staged files of an earlier process, whose keys are gone") }
        do {
            nonisolated(unsafe) let log = opened.log  // handed to the engine's thread, used by that alone
            try mirror.start { try engine.start(log: log, codec: StationCodec()).state }
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    /// Works until the task is cancelled or the service group shuts down.
    ///
    /// - Throws: ``AgentStartError`` when the log failed.
    func run() async throws {
        let failed = Mutexed<String?>(nil)
        let listener = await listen()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await cancelWhenGracefulShutdown { await self.connectForever() } }
            group.addTask { [failure] in
                for await text in failure {
                    failed.withLock { $0 = text }
                    break
                }
            }
            await group.next()
            group.cancelAll()
        }
        // Side by side: runs are asked to stop at once, however long a probe takes to end.
        async let probes: Void = health.end()
        await engine.shutdown()
        await probes
        await listener?.stop()
        try? await client.shutdown()
        if let text = failed.withLock({ $0 }) { throw AgentStartError(description: text) }
    }

    /// Figures are not worth a backup: without the address the agent works all the same.
    private func listen() async -> MetricsListener? {
        guard let address = configuration.metricsAddress else { return nil }
        do {
            let listener = try await MetricsListener(
                host: address.host, port: address.port, metrics: figures.metrics)
            logger.notice("figures for Prometheus are at http://\(address.host):\(listener.port)/metrics")
            return listener
        } catch {
            logger.error("figures for Prometheus cannot be shown at \(address.host):\(address.port): \(error)")
            return nil
        }
    }

    private func connectForever() async {
        var backoff = Backoff()
        var isFirst = true
        while !Task.isCancelled {
            var least = Duration.zero
            do {
                let connection = try await dial()
                let begin = time.uptime
                if !isFirst { figures.noteReconnect() }
                isFirst = false
                let (end, wasAccepted) = await talk(connection)
                figures.note(.reconnecting)
                if wasAccepted, time.uptime - begin >= Backoff.settledTime { backoff.reset() }
                logger.notice("disconnected: \(discretion.redacted(end.reason))")
            } catch is CancellationError {
                return
            } catch {
                logger.warning("cannot connect to \(configuration.server): \(error)")
                if let refusal = error as? DialError { least = refusal.leastWait }
            }
            let wait = max(least, backoff.next(jitter: jitter()))
            do { try await time.sleep(for: wait) } catch { return }
        }
    }

    private func dial() async throws -> Dialer.Connection {
        let outcome = await withTaskGroup(of: Result<Dialer.Connection, any Error>.self) { group in
            group.addTask { [dialer] in
                do { return .success(try await dialer.dial()) } catch { return .failure(error) }
            }
            group.addTask { [time] in
                do { try await time.sleep(for: Session.handshakeTime) } catch { return .failure(error) }
                return .failure(DialError.timedOut)
            }
            let first = await group.next() ?? .failure(DialError.closed)
            group.cancelAll()
            // A connection that came too late has no other taker.
            for await late in group {
                if case .success(let connection) = late { await connection.end() }
            }
            return first
        }
        return try outcome.get()
    }

    /// One session. Cancelling the task makes it say goodbye first.
    private func talk(_ connection: Dialer.Connection) async -> (SessionEnd, wasAccepted: Bool) {
        let session = Session(
            channel: connection.channel, outbox: outbox, hooks: hooks(extensions: connection.extensions), time: time,
            logger: logger)
        let (leave, leaving) = AsyncStream.makeStream(of: Void.self)
        // Not a child task: it is to end by its own goodbye, not by cancellation.
        let talking = Task { await session.run(leave: leave) }
        let end = await withTaskCancellationHandler {
            await talking.value
        } onCancel: {
            leaving.yield()
            leaving.finish()
        }
        desk.closed()
        if session.wasAccepted {
            _ = try? await engine.submit(.disconnected(reason: Text(discretion.redacted(end.reason))))
        }
        return (end, session.wasAccepted)
    }

    // MARK: - What a session needs

    private func hooks(extensions: [String]) -> Session.Hooks {
        Session.Hooks(
            register: { [self] in
                // Zero while no config is in memory, so that the server sends it whole.
                .register(identity, lastKnownConfigVersion: settings.current?.version ?? 0)
            },
            accepted: { [self] session, settings in
                figures.note(.connected)
                logger.notice("connected to \(configuration.server)")
                _ = try? await engine.submit(
                    .connected(session: session, extensions: extensions.map { Text($0) }))
                health.opened(isDetailed: extensions.contains("health-detail"))
                await apply(settings)
                desk.opened(isAcknowledging: extensions.contains("report-ack"))
            },
            received: { [self] in await receive($0) },
            heard: { [desk] in desk.heard() },
            heartbeat: { [self] in heartbeat() })
    }

    private var identity: AgentIdentity {
        AgentIdentity(
            version: configuration.version, hostname: HostVitals.hostname(), system: HostVitals.system,
            architecture: HostVitals.architecture,
            capabilities: pipeline.capabilities + Dialer.extensions + (configuration.allowsHooks ? ["hooks"] : []))
    }

    private func heartbeat() -> AgentFrame {
        var figures = vitals.read()
        let load = mirror.load()
        figures.queuedRunCount = UInt32(clamping: load.waitingCount)
        return .heartbeat(
            configVersion: settings.current?.version ?? 0, figures, activeJobs: load.activeJobs)
    }

    private func apply(_ new: StationSettings?) async {
        guard let new else { return }
        discretion.learn(new)
        // Hooks may print a password before any dump has asked for it. One that is not there is told when it is needed.
        for target in new.targets.values { _ = try? passwords.resolve(target) }
        settings.put(new)
        health.put(new.checks)
        _ = try? await engine.submit(.configured(version: new.version, parallelRunLimit: new.parallelRunLimit))
    }

    private func receive(_ frame: ServerFrame) async {
        switch frame {
        case .configUpdate(let new): await apply(new)
        case .runBackup(let order): await accept(order)
        case .cancelJob(let job): _ = try? await engine.submit(.cancelTold(job: job))
        case .ping(let id): outbox.send(.acknowledgement(correlationID: id))
        case .reportAcknowledged(let run, _): desk.acknowledged(run)
        case .runHealthCheck(let id):
            if !health.demand(id) { logger.info("the server asked for health check \(id), which is not configured") }
        case .selfUpdate(let version):
            logger.info("the server offers version \(version); this agent is updated by hand")
        case .registerAck, .other: break
        }
    }

    private func accept(_ order: BackupOrder) async {
        guard (1...256).contains(order.runID.byteCount) else {
            return logger.warning("a RunBackup with a run id of \(order.runID.byteCount) bytes is ignored")
        }
        let isNew = mirror.run(order.runID) == nil
        // Kept before it is recorded: the command to dump may be out before this task goes on.
        // Counted from here: this host's clock may be hours away from the server's.
        let uploadEnd = order.lifetime.map { time.uptime + .milliseconds($0.count) }
        let isKept =
            isNew && pouch.keep(Pouch.Item(order: order, work: resolve(order.order.job), uploadEnd: uploadEnd))
        do {
            try await engine.submit(.told(order.runID, order.order))
        } catch {
            if isKept { pouch.remove(order.runID) }
            let text = Text("pipeline: the agent cannot record the run: \(error)")
            outbox.send(.report(run: order.runID, Station.Run(order.order), .failed(text), key: []))
        }
    }

    private func resolve(_ job: Text) -> Result<Pouch.Work, RunFailure> {
        guard let settings = settings.current, let known = settings.jobs[job] else {
            return .failure(RunFailure("pipeline: unknown job_id \"\(job)\""))
        }
        guard let target = settings.targets[known.target] else {
            return .failure(RunFailure("pipeline: unknown target for job \"\(job)\""))
        }
        return .success(Pouch.Work(job: known, target: target))
    }
}
