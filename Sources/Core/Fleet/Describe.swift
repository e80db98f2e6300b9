extension Fleet {
    /// Where a message belongs: the narrowest known thing it names that is the sender's own. Unknown ids never make
    /// streams.
    public static func describe(_ message: Message, in state: borrowing State) -> Description {
        switch message {
        case .started: Description(stream: .engine, kind: "engine.started", role: .fact)
        case .clockStepped: Description(stream: .engine, kind: "engine.clock_stepped", role: .fact)
        case .disk(let fact): Description(stream: .engine, kind: Text("engine.\(fact.word)"), role: .fact)
        case .faulted: Description(stream: .engine, kind: "engine.faulted", role: .fact)
        case .captureOpened(let id): Description(stream: .agent(id), kind: "capture.opened", role: .fact)
        case .sessionOpened(let id, _):
            Description(stream: stream(of: id, in: state), kind: "session.opened", role: .fact)
        case .sessionClosed(let id, _, _):
            Description(stream: stream(of: id, in: state), kind: "session.closed", role: .fact)
        case .received(let id, let frame): describe(frame, from: id, in: state)
        case .captured(let id, let frame): describe(frame, to: id, in: state)
        case .unreadable(let id, let frame):
            Description(
                stream: stream(of: id, in: state), kind: frame.isFromAgent ? "frame.unreadable" : "captured.unreadable",
                role: .fact)
        case .requested(let request, _):
            Description(stream: request.stream(in: state), kind: request.kind, role: .request)
        case .accepted(let acceptance, _):
            Description(stream: acceptance.stream, kind: acceptance.kind, role: .answer)
        case .refused: Description(stream: .engine, kind: "refused", role: .answer)
        case .deadline(.silence(let id)):
            Description(stream: stream(of: id, in: state), kind: "deadline.silence", role: .deadline)
        case .deadline(.run(let id)): Description(stream: .run(id), kind: "deadline.run", role: .deadline)
        case .deadline(.claim(let id)):
            Description(stream: stream(of: id, in: state), kind: "deadline.claim", role: .deadline)
        case .deadline(.window(let id)):
            Description(stream: stream(of: id, in: state), kind: "deadline.window", role: .deadline)
        case .deadline(.starts): Description(stream: .engine, kind: "deadline.starts", role: .deadline)
        case .deadline(.cancellation(let id)):
            Description(stream: .run(id), kind: "deadline.cancellation", role: .deadline)
        case .deadline(.alert(let key)):
            Description(stream: key.stream(in: state), kind: "deadline.alert", role: .deadline)
        case .deadline(.schedule(let id)): Description(stream: .job(id), kind: "deadline.schedule", role: .deadline)
        case .deadline(.zone): Description(stream: .engine, kind: "deadline.zone", role: .deadline)
        case .deadline(.check(let id)):
            Description(stream: stream(of: id, in: state), kind: "deadline.check", role: .deadline)
        case .deadline(.idempotency): Description(stream: .engine, kind: "deadline.idempotency", role: .deadline)
        case .presence(let id, let presence):
            Description(
                stream: .agent(id), kind: presence == .online ? "agent.online" : "agent.offline", role: .decision)
        case .noted(let anomaly):
            Description(
                stream: anomaly.run.map(Stream.run) ?? stream(of: anomaly.agent, in: state),
                kind: Text("anomaly.\(anomaly.kind.rawValue)"), role: .decision)
        case .decided(let id, .started): Description(stream: .run(id), kind: "run.started", role: .decision)
        case .decided(let id, .retried): Description(stream: .run(id), kind: "run.retried", role: .decision)
        case .alerted(let decision):
            Description(
                stream: decision.key.stream(in: state), kind: Text("alert.\(decision.step.rawValue)"), role: .decision)
        case .decided(let id, .closed): Description(stream: .run(id), kind: "run.closed", role: .decision)
        case .object(let object, let decision):
            Description(
                stream: stream(of: object, in: state), kind: Text("object.\(decision.word)"), role: .decision)
        case .deadline(.retention(let id)):
            Description(
                stream: state.jobs.contains(id) ? .job(id) : .engine, kind: "deadline.retention", role: .deadline)
        case .deadline(.leftovers(let id)): Description(stream: .run(id), kind: "deadline.leftovers", role: .deadline)
        case .deadline(.deletion(let key)):
            Description(stream: .run(key.run), kind: "deadline.deletion", role: .deadline)
        case .deadline(.survey): Description(stream: .engine, kind: "deadline.survey", role: .deadline)
        case .scheduled(_, .opened(_, let run, _, _)):
            Description(stream: .run(run), kind: "slot.opened", role: .decision)
        case .scheduled(let id, .judged): Description(stream: .job(id), kind: "slot.judged", role: .decision)
        case .judged(let id, let decision):
            Description(stream: stream(of: id, in: state), kind: decision.kind, role: .decision)
        case .command(let command):
            Description(stream: command.stream, kind: Text("command.\(command.word)"), role: .command)
        case .outcome(let outcome):
            Description(
                stream: outcome.command.stream, kind: Text("outcome.\(outcome.command.word)"),
                role: .outcome(of: outcome.position))
        }
    }

    private static func stream(of id: AgentID, in state: borrowing State) -> Stream {
        state.agents.contains(id) ? .agent(id) : .engine
    }

    /// A run that only a name in the store speaks of is not known.
    private static func stream(of object: ObjectReference, in state: borrowing State) -> Stream {
        let isKnown =
            state.runs.contains(object.run) || state.objects.contains(object.run)
            || state.deletions.contains(object.key)
        return isKnown ? .run(object.run) : stream(of: object.agent, in: state)
    }

    private static func stream(of id: CheckID, in state: borrowing State) -> Stream {
        state.checks.contains(id) ? .check(id) : .engine
    }

    private static func describe(
        _ frame: ReceivedFrame, from id: AgentID, in state: borrowing State
    ) -> Description {
        func onRun(_ wire: WireRunID?) -> Stream {
            guard let wire, let (run, _) = state.locate(wire), state.runs[run]?.order.agent == id else {
                return stream(of: id, in: state)
            }
            return .run(run)
        }
        let own = stream(of: id, in: state)
        let (place, kind): (Stream, Text) =
            switch frame.report {
            case .register: (own, "frame.register")
            case .heartbeat: (own, "frame.heartbeat")
            case .discovery: (own, "frame.discovery")
            case .jobUpdate(let update):
                (onRun(update.run ?? state.onlyRunInFlight(of: update.job, at: id)), "frame.job_update")
            case .completed(let completion): (onRun(completion.run), "frame.backup_completed")
            case .health(let result):
                (
                    state.checks[result.check]?.agent == id ? .check(result.check) : own,
                    "frame.health_result"
                )
            case .log(let line):
                (
                    state.jobs[JobID(line.job)]?.agent == id ? Stream("job", line.job) : own, "frame.log"
                )
            case .restore: (own, "frame.restore_update")
            case .acknowledgement: (own, "frame.ack")
            case .other: (own, "frame.other")
            }
        return Description(stream: place, kind: kind, role: .fact)
    }

    private static func describe(
        _ frame: CapturedFrame, to id: AgentID, in state: borrowing State
    ) -> Description {
        let own = stream(of: id, in: state)
        return switch frame.order {
        case .registerAck: Description(stream: own, kind: "captured.register_ack", role: .fact)
        case .configUpdate: Description(stream: own, kind: "captured.config_update", role: .fact)
        case .runBackup(_, let wire, _):
            Description(stream: .run(RunID(wire.text)), kind: "captured.run_backup", role: .fact)
        case .cancelJob: Description(stream: own, kind: "captured.cancel_job", role: .fact)
        case .other: Description(stream: own, kind: "captured.other", role: .fact)
        }
    }
}

extension Stream {
    /// The entries about one agent.
    public static func agent(_ id: AgentID) -> Stream { Stream("agent", id.text) }
    /// The entries about one run.
    public static func run(_ id: RunID) -> Stream { Stream("run", id.text) }
    /// The entries about one job.
    public static func job(_ id: JobID) -> Stream { Stream("job", id.text) }
    /// The entries about one health check.
    public static func check(_ id: CheckID) -> Stream { Stream("check", id.text) }
}

extension Request {
    /// The kind of the entry.
    var kind: Text {
        switch self {
        case .createAgent: "request.create_agent"
        case .renameAgent: "request.rename_agent"
        case .deleteAgent: "request.delete_agent"
        case .rotateKey: "request.rotate_key"
        case .configureAgent: "request.configure_agent"
        case .createTarget: "request.create_target"
        case .changeTarget: "request.change_target"
        case .deleteTarget: "request.delete_target"
        case .createJob: "request.create_job"
        case .changeJob: "request.change_job"
        case .deleteJob: "request.delete_job"
        case .runJob: "request.run_job"
        case .cancelRun: "request.cancel_run"
        case .deleteRun: "request.delete_run"
        case .lockRun: "request.lock_run"
        case .unlockRun: "request.unlock_run"
        case .issueDecryptionToken: "request.issue_decryption_token"
        case .createCheck: "request.create_check"
        case .changeCheck: "request.change_check"
        case .deleteCheck: "request.delete_check"
        case .runCheck: "request.run_check"
        case .createToken: "request.create_token"
        case .deleteToken: "request.delete_token"
        case .changePolicy: "request.change_policy"
        case .acknowledgeAlert: "request.acknowledge_alert"
        case .confirmClock: "request.confirm_clock"
        }
    }

    func stream(in state: borrowing Fleet.State) -> Stream {
        switch self {
        case .renameAgent(let id, _), .deleteAgent(let id), .rotateKey(let id, _), .configureAgent(let id, _),
            .createTarget(_, let id, _), .createJob(_, let id, _, _):
            state.agents.contains(id) ? .agent(id) : .engine
        case .changeTarget(let id, _), .deleteTarget(let id):
            state.targets[id].map { .agent($0.agent) } ?? .engine
        case .changeJob(let id, _), .deleteJob(let id), .runJob(_, let id):
            state.jobs.contains(id) ? .job(id) : .engine
        case .cancelRun(let id), .deleteRun(let id), .lockRun(let id, _, _), .unlockRun(let id),
            .issueDecryptionToken(let id):
            state.runs.contains(id) || state.objects.contains(id) ? .run(id) : .engine
        case .changeCheck(let id, _), .deleteCheck(let id), .runCheck(let id):
            state.checks.contains(id) ? .check(id) : .engine
        case .createAgent, .createCheck, .createToken, .deleteToken, .changePolicy, .acknowledgeAlert, .confirmClock:
            .engine
        }
    }
}

extension AlertKey {
    /// The stream of what the alert is about; the engine's when that is gone.
    func stream(in state: borrowing Fleet.State) -> Stream {
        switch kind {
        case .runFailed, .slotMissed, .objectVanished:
            state.jobs.contains(JobID(subject)) ? Stream("job", subject) : .engine
        case .runLate: state.runs.contains(RunID(subject)) ? Stream("run", subject) : .engine
        case .checkDown, .checkFlapping, .certificateExpiring:
            state.checks.contains(CheckID(subject)) ? Stream("check", subject) : .engine
        case .agentLost, .identityConflict, .configNotApplied, .diskFull:
            state.agents.contains(AgentID(subject)) ? Stream("agent", subject) : .engine
        case .serverDiskFull, .clockBehind, .clockAhead: .engine
        }
    }
}

extension Acceptance {
    /// The kind of the entry.
    var kind: Text {
        switch self {
        case .agentCreated: "accepted.agent_created"
        case .agentRenamed: "accepted.agent_renamed"
        case .agentDeleted: "accepted.agent_deleted"
        case .keyRotated: "accepted.key_rotated"
        case .agentConfigured: "accepted.agent_configured"
        case .targetCreated: "accepted.target_created"
        case .targetChanged: "accepted.target_changed"
        case .targetDeleted: "accepted.target_deleted"
        case .jobCreated: "accepted.job_created"
        case .jobChanged: "accepted.job_changed"
        case .jobDeleted: "accepted.job_deleted"
        case .runQueued: "accepted.run_queued"
        case .cancelRequested: "accepted.cancel_requested"
        case .runDeletionRequested: "accepted.run_deletion_requested"
        case .runLocked: "accepted.run_locked"
        case .runUnlocked: "accepted.run_unlocked"
        case .tokenIssued: "accepted.token_issued"
        case .checkCreated: "accepted.check_created"
        case .checkChanged: "accepted.check_changed"
        case .checkDeleted: "accepted.check_deleted"
        case .checkRunRequested: "accepted.check_run_requested"
        case .tokenCreated: "accepted.token_created"
        case .tokenDeleted: "accepted.token_deleted"
        case .policyChanged: "accepted.policy_changed"
        case .alertAcknowledged: "accepted.alert_acknowledged"
        case .clockConfirmed: "accepted.clock_confirmed"
        case .repeated: "accepted.repeated"
        }
    }

    var stream: Stream {
        switch self {
        case .agentCreated(let id, _, _), .agentRenamed(let id, _), .agentDeleted(let id), .keyRotated(let id, _),
            .agentConfigured(let id, _), .targetCreated(_, let id, _):
            .agent(id)
        case .targetChanged, .targetDeleted, .tokenCreated, .tokenDeleted, .policyChanged, .alertAcknowledged,
            .repeated, .clockConfirmed:
            .engine
        case .jobCreated(let id, _, _, _), .jobChanged(let id, _), .jobDeleted(let id): .job(id)
        case .runQueued(let id, _), .cancelRequested(let id), .runDeletionRequested(let id), .tokenIssued(let id, _),
            .runLocked(let id, _), .runUnlocked(let id):
            .run(id)
        case .checkCreated(let id, _, _), .checkChanged(let id, _), .checkDeleted(let id), .checkRunRequested(let id):
            .check(id)
        }
    }
}

extension Command {
    /// The last part of the kinds of its entries.
    public var word: String {
        switch self {
        case .welcome: "welcome"
        case .configure: "configure"
        case .dispatch: "dispatch"
        case .cancel: "cancel"
        case .observe: "observe"
        case .delete: "delete"
        case .survey: "survey"
        case .disconnect: "disconnect"
        case .probe: "probe"
        case .refuse: "refuse"
        case .readZone: "read_zone"
        case .probeTarget: "probe_target"
        case .runCheck: "run_check"
        }
    }

    /// The narrowest thing it is about.
    public var stream: Stream {
        switch self {
        case .welcome(let id, _), .configure(let id, _), .disconnect(let id, _), .probe(let id, _), .refuse(let id, _):
            .agent(id)
        case .dispatch(_, let id, _, _), .cancel(_, let id, _), .observe(let id, _), .delete(let id, _): .run(id)
        case .survey: .engine
        case .readZone: .engine
        case .probeTarget(let id), .runCheck(_, let id): .check(id)
        }
    }
}

extension CheckDecision {
    /// The kind of the entry.
    var kind: Text {
        switch self {
        case .became(let phase, _): Text("check.\(phase.word)")
        case .certificateExpiring: "check.certificate_expiring"
        case .certificateRenewed: "check.certificate_renewed"
        }
    }
}
