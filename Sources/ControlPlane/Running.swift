import Core
import Digests
import Engine
import Logging
import Objects
import SQLiteLog
import Server
import Synchronization
import Telemetry
import Wire
import Workers

/// A control plane with all its parts at work.
final class Running: Sendable {
    typealias FleetEngine = Engine<Fleet, SQLiteEventLog, FleetCodec>
    typealias FleetFollower = Follower<Fleet, FleetCodec>

    let engine: FleetEngine
    let follower: FleetFollower
    /// Whether engine and follower agree.
    let check: StateCheck<Fleet>
    let directory: DataDirectory
    let registry: SessionRegistry
    let http: HTTPService
    /// How agents and people reach it.
    let baseURL: String
    /// Where figures are shown without a token; nil where nobody asked for it.
    private let metricsListener: MetricsListener?
    var metricsPort: Int? { metricsListener?.port }
    private let door: AgentDoor
    private let logger: Logger
    private let tidying = Mutex<Task<Void, any Error>?>(nil)
    private let watching = Mutex<Task<Void, any Error>?>(nil)

    private init(
        engine: FleetEngine, follower: FleetFollower, check: StateCheck<Fleet>, directory: DataDirectory,
        registry: SessionRegistry, http: HTTPService, metricsListener: MetricsListener?, baseURL: String,
        door: AgentDoor, logger: Logger
    ) {
        self.metricsListener = metricsListener
        self.engine = engine
        self.follower = follower
        self.check = check
        self.directory = directory
        self.registry = registry
        self.http = http
        self.baseURL = baseURL
        self.door = door
        self.logger = logger
    }

    /// Opens the data directory, binds the port, folds the log and lets agents in.
    ///
    /// - Parameter onFailure: Called when it cannot go on.
    static func start(
        _ configuration: ControlPlane.Configuration, clock: any Clock, logger: Logger,
        onFailure: @escaping @Sendable (ControlPlaneFailure) -> Void
    ) async throws(StartError) -> Running {
        try configuration.check()
        try DataDirectory.make(configuration.dataDirectory)
        let log = try DataDirectory.openLog(configuration.dataDirectory)
        let directory = try DataDirectory.open(configuration, logger: logger)
        try refuseLostEnd(of: log, views: directory.views)
        let reader: any LogReader & Sendable
        do throws(LogError) { reader = try log.makeReader() } catch { throw .log(error) }
        let end = log.head.position
        let snapshots = Snapshots<Fleet, FleetCodec>(
            store: SnapshotDirectory(path: directory.path + "/" + SnapshotDirectory.folderName), codec: FleetCodec(),
            logger: logger)
        let check = StateCheck<Fleet>(logger: logger, save: snapshots.saver(of: reader))

        let prober = try makeProber(configuration, clock)
        let keys = KeyTable()
        let door = AgentDoor(keys: keys)
        let wrongKeys = WrongKeys()
        let front = FrontResponder(door: door, wrongKeys: wrongKeys, clock: clock)
        let tokens = TokenBook(admin: directory.adminTokenDigest)
        let figures = FleetFigures(build: configuration.build, logger: logger)
        let registry = SessionRegistry()
        let secrets = SecretBook()
        let lateEnvironment = Late<SessionEnvironment>()
        let http = try await HTTPService.start(
            configuration, responder: MeteredResponder(base: front, figures: figures), door: door,
            environment: { lateEnvironment.value }, logger: logger
        ) { onFailure(ControlPlaneFailure(description: "the server on \(configuration.listen) has ended: \($0)")) }

        let baseURL = configuration.baseURL(port: http.port)
        let signer = ObjectURLSigner(key: directory.masterKey.derive(.signing), base: baseURL)
        let follower = FleetFollower(
            reader: reader, codec: FleetCodec(), views: directory.views, projection: FleetProjection(), check: check,
            logger: logger
        ) {
            // Workers carry out nothing that the state has not come to: without it no agent would be welcomed any more.
            onFailure(ControlPlaneFailure(description: "the log is not followed any more: \($0)"))
        }
        let worker = FleetWorker(
            FleetWorker.Resources(
                sessions: registry, vault: directory.vault, store: directory.store, urls: signer, fleet: follower,
                prober: prober, secrets: secrets, clock: clock,
                maximumObjectByteCount: configuration.maximumObjectByteCount,
                logger: logger))
        let engine = FleetEngine(
            clock: clock,
            voice: EngineVoice(
                started: { behind in
                    if behind > Fleet.Limits.clockDoubt {
                        logger.critical(
                            """
                            the wall clock is \(behind.count / 1_000) s behind the log: no schedule runs until somebody \
                            says that it is right (backupy clock confirm), or it is set and the server started anew
                            """)
                    }
                    return .started(
                        EngineStart(
                            build: Text(configuration.build), rules: Fleet.rules, seed: .random(in: .min ... .max),
                            clockBehind: behind))
                },
                clockStepped: { .clockStepped($0) },
                // For the agents it is the same as a clock that jumped: time that they could not be heard in. Their
                // connections stay, since closing them would cost runs of agents without a journal.
                absent: { .disk(.logWasFull($0)) }),
            worker: worker, logger: logger, meter: figures.meter, check: check,
            observer: { recorded in
                figures.observe(recorded)
                keys.apply(recorded)
                tokens.apply(recorded)
                secrets.apply(recorded)
                follower.wake()
            },
            onFailure: { onFailure(ControlPlaneFailure(description: "the engine has stopped: \($0)")) })
        lateEnvironment.value = SessionEnvironment(
            submitter: engine, secrets: secrets, registry: registry, clock: clock, logger: logger)

        do {
            let restore: @Sendable (SQLiteEventLog) -> Folded<Fleet>? = { log in
                let folded = snapshots.restore(from: log)
                if let folded { check.restored(at: folded.position) }
                return folded
            }
            let handed = Handed(log)
            let folded = try await onThread("start") { isCancelled in
                try engine.fold(
                    log: handed.take(), codec: FleetCodec(),
                    from: FoldStart(restore: restore, isCancelled: isCancelled))
            }
            keys.publish(folded.state)
            tokens.publish(folded.state)
            try secrets.load(folded.state, from: directory.vault)
            follower.start(from: folded)
        } catch {
            await within(.seconds(4)) { await http.stop() }
            await within(.seconds(2)) { await engine.shutdown() }
            throw Self.startError(error)
        }
        var services = FleetServices(
            submitter: engine, state: follower, views: directory.views, log: reader, codec: FleetCodec(),
            vault: directory.vault, store: directory.store, signer: signer,
            tokens: tokens,
            tokenKey: directory.masterKey.derive(.tokens), clock: clock,
            unreadiness: { Self.unreadiness(door, follower, end) }, logger: logger)
        services.wrongKeys = wrongKeys
        services.zones = { ZoneReader.rules(of: $0, from: $1, now: $1, reach: $2) }
        front.starting { Self.unreadiness(door, follower, end) ?? "the server is starting" }
        figures.add(
            waiting: { engine.waitingCount }, follower: follower, end: { (try? reader.lastPosition()) ?? .start },
            registry: registry, directory: configuration.dataDirectory, objects: directory.store.root)
        let metricsListener: MetricsListener?
        do throws(StartError) {
            metricsListener = try await Self.listen(configuration.metricsListen, figures.metrics)
        } catch {
            await within(.seconds(4)) { await http.stop() }
            await within(.seconds(2)) { await engine.shutdown() }
            follower.stop()
            throw error
        }
        let running = Running(
            engine: engine, follower: follower, check: check, directory: directory, registry: registry, http: http,
            metricsListener: metricsListener, baseURL: baseURL, door: door, logger: logger)
        // Views that are made anew take minutes where the log is long, and that is our absence, not the agents': if time
        // counted already, graces of runs would pass, and commands be given up for want of a state.
        try? await follower.wait(for: end, limit: .hours(24))
        guard !Task.isCancelled else {
            await running.stop()
            throw .cancelled
        }
        if let problem = follower.failure {
            await running.stop()
            throw .notFollowed(problem: problem)
        }
        engine.begin()
        front.serve(FleetRouter.build(services, adding: [figures.route]))
        // A state that is behind would name too few of the passwords.
        if follower.passed >= end { await running.tidy(services.secrets) }
        door.open()
        running.watch(DiskWatch(log: directory.path, objects: directory.store.root))
        return running
    }

    private static func makeProber(
        _ configuration: ControlPlane.Configuration, _ clock: any Clock
    ) throws(StartError) -> Prober {
        do {
            return try Prober(
                allowsLocal: configuration.allowsLocalProbes, trustedCertificates: configuration.trustedCertificates,
                now: { clock.wallTime() })
        } catch {
            let file = configuration.trustedCertificates ?? "the system's certificates"
            throw .certificate(problem: "\(file), which probes are to trust, cannot be read: \(error)")
        }
    }

    /// Takes what has had its time from the vault, now and then every hour.
    private func tidy(_ secrets: SecretKeeper) async {
        await secrets.sweep()
        let task = Task {
            while true {
                try await Task.sleep(for: .seconds(3_600))
                await secrets.sweep()
            }
        }
        tidying.withLock { $0 = task }
    }

    /// Looks after the room on the disks. What cannot be told now is told with the next look.
    private func watch(_ disks: DiskWatch) {
        let task = Task { [engine, follower] in
            while true {
                let isShort = follower.read { $0.diskShortage != nil }
                if let fact = disks.fact(isShort: isShort) { _ = try? await engine.submit(.disk(fact)) }
                try await Task.sleep(for: DiskWatch.interval)
            }
        }
        watching.withLock { $0 = task }
    }

    private static func listen(
        _ address: ListenAddress?, _ metrics: Metrics
    ) async throws(StartError) -> MetricsListener? {
        guard let address else { return nil }
        do {
            return try await MetricsListener(host: address.host, port: address.port, metrics: metrics)
        } catch {
            throw .cannotListen(address, problem: "\(error)")
        }
    }

    /// Views hold nothing that was not durable on the log: where they are ahead, the log has lost its end.
    private static func refuseLostEnd(of log: borrowing SQLiteEventLog, views: SQLiteViews) throws(StartError) {
        let seen: Position
        do throws(ViewsError) { seen = try views.checkpoint().position } catch { throw .views(error) }
        guard seen > log.head.position else { return }
        throw .lostEnd(path: log.path, end: log.head.position, seen: seen)
    }

    /// Ends sessions with a going-away code, then requests, then the engine: no new runs, and at most about 9 s.
    func stop() async {
        door.close()
        tidying.withLock { $0?.cancel() }
        watching.withLock { $0?.cancel() }
        tellCosts()
        await metricsListener?.stop()
        let reason = "the server is stopping"
        await within(.seconds(3)) { [registry] in await registry.closeAll(reason: reason) }
        await within(.seconds(4)) { [http] in await http.stop() }
        let isDone = await within(.seconds(2)) { [engine] in await engine.shutdown() }
        // Only now: without it, workers would find the state behind and give up what they were told to do.
        follower.stop()
        await within(.seconds(1)) { [follower] in await follower.ended() }
        if !isDone { logger.warning("a worker is still at work; its command is carried out again at the next start") }
    }

    /// Runs that die with their connection, because their agents keep no journal.
    private func tellCosts() {
        let runs = follower.read { state in
            var runs: [RunID] = []
            state.runs.forEach { id, run in
                guard run.attemptInFlight != nil, !run.isCaptured else { return }
                if state.agents[run.order.agent]?.journalsRuns != true { runs.append(id) }
            }
            return runs
        }
        guard !runs.isEmpty else { return }
        logger.warning("this stop cuts off \(runs.count) runs: \(runs.map(\.description).joined(separator: ", "))")
    }

    private static func unreadiness(_ door: AgentDoor, _ follower: FleetFollower, _ end: Position) -> String? {
        if let failure = follower.failure { return failure }
        let passed = follower.passed
        if passed < end { return "the log is folded up to \(passed) of \(end)" }
        return door.isOpen ? nil : "the server is starting or stopping"
    }

    private static func startError(_ error: any Error) -> StartError {
        switch error {
        case let error as LogError: .log(error)
        case let error as CodecError: .entry(error)
        case let error as VaultError: .vault(error)
        case is CancellationError: .cancelled
        default: .entry(CodecError(kind: "", problem: "\(error)"))
        }
    }
}

/// A log on its way to the engine's thread.
private final class Handed: @unchecked Sendable {  // put in by one thread and taken out once, by another one later
    private var log: SQLiteEventLog?

    init(_ log: sending SQLiteEventLog) { self.log = log }

    func take() throws -> SQLiteEventLog {
        defer { log = nil }
        guard let log else { throw CancellationError() }
        return log
    }
}

/// What is known only later.
private final class Late<Value: Sendable>: Sendable {
    private let stored = Mutex<Value?>(nil)

    var value: Value? {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }
}
