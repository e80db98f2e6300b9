public import Core
public import Engine
public import Logging

/// Carries out the commands of a fleet: what agents are told, and what is asked of the store.
///
/// Commands to one agent go out in the order of the log, and so do those about one run's object.
public struct FleetWorker: Worker {
    /// What it works with.
    public struct Resources: Sendable {
        /// The live connections of agents.
        public var sessions: any Sessions
        /// Passwords and data keys.
        public var vault: any Vault
        /// The objects.
        public var store: any ObjectStore
        /// Addresses for uploads.
        public var urls: any ObjectURLs
        /// The folded state.
        public var fleet: any FleetReader
        /// Probes what health checks name, where no agent does.
        public var prober: Prober
        /// Learns every secret before it is sent.
        public var secrets: SecretBook
        /// The wall clock, for expiry and for what agents are told.
        public var clock: any Clock
        /// The most bytes an object may have.
        public var maximumObjectByteCount: UInt64
        /// Never told a secret.
        public var logger: Logger

        /// Resources as given.
        public init(
            sessions: any Sessions, vault: any Vault, store: any ObjectStore, urls: any ObjectURLs,
            fleet: any FleetReader, prober: Prober, secrets: SecretBook, clock: any Clock,
            maximumObjectByteCount: UInt64,
            logger: Logger
        ) {
            self.sessions = sessions
            self.vault = vault
            self.store = store
            self.urls = urls
            self.fleet = fleet
            self.prober = prober
            self.secrets = secrets
            self.clock = clock
            self.maximumObjectByteCount = maximumObjectByteCount
            self.logger = logger
        }
    }

    /// How long a command waits for the follower. Longer than readers do, who can simply read again.
    static let patience = Milliseconds.seconds(30)

    private let resources: Resources
    private let sessions: any Sessions
    private let fleet: any FleetReader

    /// A worker with these resources.
    public init(_ resources: Resources) {
        self.resources = resources
        sessions = resources.sessions
        fleet = resources.fleet
    }

    /// One lane an agent, one a run.
    public func lane(for command: Fleet.Message) -> Text? {
        guard case .command(let command) = command else { return nil }
        return command.lane
    }

    /// Carries out one command. Sending is cut short by cancellation only before it has begun.
    public func perform(
        _ delivery: Delivery<Fleet.Message>, report: @escaping @Sendable (Fleet.Message) -> Void
    ) async throws(CancellationError) -> Fleet.Message {
        guard case .command(let command) = delivery.message else {
            return .faulted("what was to be carried out is no command")
        }
        if Task.isCancelled { throw CancellationError() }
        var result = await result(of: command, delivery)
        if Task.isCancelled {
            switch (command, result) {
            // That it was not sent is known now, and would not be at the next start.
            case (.dispatch, _): break
            case (.probeTarget, _), (_, .undone): throw CancellationError()
            default: break
            }
        }
        if case .dispatch = command, delivery.isRedelivered, case .undone = result {
            // Not now; but an earlier process may have sent it.
            result = .unknown
        }
        return .outcome(CommandOutcome(position: delivery.position, command: command, result: result))
    }

    private func result(of command: Command, _ delivery: Delivery<Fleet.Message>) async -> CommandOutcome.Result {
        if case .dispatch(_, _, _, isRepeatable: false) = command, delivery.isRedelivered {
            // An earlier process may have sent it, and reference agents run a repeated RunBackup twice.
            return .unknown
        }
        // These must not wait for a follower that is behind.
        switch command {
        case .disconnect(let agent, let session):
            await sessions.close(agent, session: session, because: .over)
            return .done
        case .refuse(let agent, let session):
            await sessions.close(agent, session: session, because: .rival)
            return .done
        case .probe(let agent, let session):
            return switch await sessions.probe(agent, session: session) {
            case .sent: .done
            case .notConnected: .undone("the agent is not connected")
            case .unknown: .unknown
            }
        case .readZone(let name, let moment):
            guard let rules = ZoneReader.rules(of: name, from: moment, now: resources.clock.wallTime()) else {
                resources.logger.error("the time zone \(name) is not known on this host: its jobs wait until it is")
                return .undone("the host knows no such time zone")
            }
            return .zone(rules)
        case .welcome, .configure, .dispatch, .cancel, .observe, .delete, .survey, .probeTarget, .runCheck:
            break
        }
        do {
            try await fleet.wait(for: delivery.position, limit: Self.patience)
        } catch {
            return .undone(error is CancellationError ? "the server is stopping" : Text("\(error)"))
        }
        var resources = resources
        // Whatever goes wrong is told with the place of the command, from which all else can be looked up.
        resources.logger[metadataKey: "position"] = "\(delivery.position.number)"
        let (dispatch, objects) = (DispatchWork(resources: resources), ObjectWork(resources: resources))
        switch command {
        case .welcome(let agent, let session): return await dispatch.welcome(agent, session)
        case .configure(let agent, _): return await dispatch.configure(agent)
        case .dispatch(let agent, let run, let attempt, _): return await dispatch.send(agent, run, attempt)
        case .cancel(let agent, let run, _): return await dispatch.cancel(agent, run)
        case .observe(let run, let attempt): return await objects.observe(run, attempt)
        case .delete(let run, let attempt): return await objects.delete(ObjectKey(run: run, attempt: attempt))
        case .survey: return await SurveyWork(resources: resources).survey()
        case .runCheck(let agent, let check): return await dispatch.runCheck(agent, check)
        case .probeTarget(let check): return await probe(check, resources)
        case .disconnect, .probe, .refuse, .readZone: return .done
        }
    }
}

extension FleetWorker {
    private func probe(_ id: CheckID, _ resources: Resources) async -> CommandOutcome.Result {
        let order = resources.fleet.read { state in
            state.checks[id].map {
                Prober.Order(
                    check: id, kind: $0.spec.kind, target: $0.spec.target, timeoutSeconds: $0.spec.timeoutSeconds,
                    expectedStatus: $0.spec.expectedStatus)
            }
        }
        guard let order else { return .undone("there is no such health check") }
        do {
            return .probed(try await resources.prober.probe(order))
        } catch {
            return .undone("the server is stopping")
        }
    }
}

extension Command {
    /// Commands to an agent share its lane whatever stream they belong to; those about an object share the run's. What
    /// is done to a connection itself waits for none of them: they may wait for the follower.
    fileprivate var lane: Text {
        switch self {
        case .welcome(let agent, _), .configure(let agent, _), .dispatch(let agent, _, _, _), .cancel(let agent, _, _),
            .runCheck(let agent, _):
            Stream.agent(agent).name
        case .disconnect(_, let session), .probe(_, let session), .refuse(_, let session):
            Text("session/\(session)")
        case .observe(let run, _), .delete(let run, _):
            Stream.run(run).name
        case .survey:
            "survey"
        case .readZone(let name, _):
            Text("zone/\(name)")
        case .probeTarget(let check):
            Stream.check(check).name
        }
    }
}
