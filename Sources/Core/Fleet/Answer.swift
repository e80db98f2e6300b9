extension Fleet {
    /// The one answer to a request.
    static func answer(
        _ request: Request, _ ticket: Ticket, at moment: Timestamp, in state: borrowing State
    ) -> Message {
        if let key = ticket.idempotencyKey, let question = ticket.idempotency {
            if let former = state.answers[key] {
                guard former.bodyDigest == question.bodyDigest else {
                    return .refused(
                        Refusal(
                            code: .conflict, field: "Idempotency-Key",
                            text: "this key was used for another request within 24 h; choose a new one"))
                }
                return .accepted(.repeated(former.position), ticket)
            }
            guard state.answers.count < Limits.idempotencyKeys else {
                return .refused(
                    Refusal(
                        code: .rateLimited, field: "Idempotency-Key",
                        text: "too many keys are remembered; repeat without one, or later"))
            }
        }
        if let refusal = overreach(of: request, by: ticket.role, in: state) { return .refused(refusal) }
        if let refusal = surprise(of: request, ticket, in: state) { return .refused(refusal) }
        switch judge(request, ticket, at: moment, in: state) {
        case .granted(let acceptance):
            if let refusal = excess(of: acceptance, in: state) { return .refused(refusal) }
            return .accepted(acceptance, ticket)
        case .refused(let refusal): return .refused(refusal)
        }
    }

    private enum Judgement {
        case granted(Acceptance)
        case refused(Refusal)

        static func unknown(_ what: StaticString) -> Judgement {
            .refused(Refusal(code: .notFound, text: Text("there is no such \(what)")))
        }
    }

    private static func judge(
        _ request: Request, _ ticket: Ticket, at moment: Timestamp, in state: borrowing State
    ) -> Judgement {
        switch request {
        case .createAgent(let id, let name, let digest):
            if let problem = problem(ofName: name) { return .refused(problem) }
            return state.agents.contains(id)
                ? .refused(taken) : .granted(.agentCreated(id, name: name, keyDigest: digest))
        case .renameAgent(let id, let name):
            guard state.agents.contains(id) else { return .unknown("agent") }
            return problem(ofName: name).map { .refused($0) } ?? .granted(.agentRenamed(id, name: name))
        case .deleteAgent(let id):
            return deleteAgent(id, in: state)
        case .rotateKey(let id, let digest):
            return state.agents.contains(id) ? .granted(.keyRotated(id, keyDigest: digest)) : .unknown("agent")
        case .configureAgent(let id, let fields):
            guard var settings = state.agents[id]?.settings else { return .unknown("agent") }
            for field in fields { settings.set(field) }
            return settings.problem.map { .refused($0) } ?? .granted(.agentConfigured(id, settings))
        case .createTarget(let id, let agent, let fields):
            guard state.agents.contains(agent) else { return .unknown("agent") }
            var spec = TargetSpec()
            for field in fields { spec.set(field) }
            if state.targets.contains(id) { return .refused(taken) }
            return spec.problem.map { .refused($0) } ?? .granted(.targetCreated(id, agent, spec))
        case .changeTarget(let id, let fields):
            guard var spec = state.targets[id]?.spec else { return .unknown("target") }
            for field in fields { spec.set(field) }
            return spec.problem.map { .refused($0) } ?? .granted(.targetChanged(id, spec))
        case .deleteTarget(let id):
            return deleteTarget(id, in: state)
        case .createJob(let id, let agent, let target, let fields):
            return createJob(id, agent, target, fields, in: state)
        case .changeJob(let id, let fields):
            guard var spec = state.jobs[id]?.spec else { return .unknown("job") }
            for field in fields { spec.set(field) }
            return spec.problem.map { .refused($0) } ?? .granted(.jobChanged(id, spec))
        case .deleteJob(let id):
            return state.jobs.contains(id) ? .granted(.jobDeleted(id)) : .unknown("job")
        case .runJob(let id, let job):
            return runJob(id, job, in: state)
        case .cancelRun(let id):
            guard let run = state.runs[id], run.isOpen, !run.isCaptured else {
                return .refused(Refusal(code: .conflict, text: "the run has ended already"))
            }
            return .granted(.cancelRequested(id))
        case .deleteRun(let id):
            return deleteRun(id, at: moment, in: state)
        case .lockRun(let id, let until, let reason):
            return lock(id, until, reason, ticket.token, at: moment, in: state)
        case .unlockRun(let id):
            return state.locks.contains(id)
                ? .granted(.runUnlocked(id))
                : .refused(Refusal(code: .conflict, text: "the run's object is not locked"))
        case .issueDecryptionToken(let id):
            guard let object = state.objects[id], !object.isBeingDeleted else {
                return .refused(Refusal(code: .conflict, text: "the run has no stored object"))
            }
            return .granted(.tokenIssued(id, object.attempt))
        case .createCheck(let id, let agent, let spec):
            return createCheck(id, agent, spec, in: state)
        case .changeCheck(let id, let fields):
            guard var spec = state.checks[id]?.spec else { return .unknown("health check") }
            for field in fields { spec.set(field) }
            return spec.problem.map { .refused($0) } ?? .granted(.checkChanged(id, spec))
        case .runCheck(let id):
            return runCheck(id, in: state)
        case .deleteCheck(let id):
            return state.checks.contains(id) ? .granted(.checkDeleted(id)) : .unknown("health check")
        case .createToken(let id, let spec):
            return createToken(id, spec, at: moment, in: state)
        case .acknowledgeAlert(let id):
            var found: AlertKey?
            state.alerts.forEach { key, alert in if alert.id == id { found = key } }
            guard let found else {
                return .refused(
                    Refusal(code: .conflict, text: "the alert is not open: what it was about is over already"))
            }
            return .granted(.alertAcknowledged(id, found))
        case .deleteToken(let id):
            return state.tokens.contains(id) ? .granted(.tokenDeleted(id)) : .unknown("token")
        case .changePolicy(let fields):
            var policy = state.policy
            for field in fields { policy.set(field) }
            return policy.problem.map { .refused($0) } ?? .granted(.policyChanged(policy))
        case .confirmClock:
            return state.clockDoubt == nil && state.clockLeap == nil
                ? .refused(Refusal(code: .conflict, text: "the clock is not in doubt"))
                : .granted(.clockConfirmed)
        }
    }

    private static func createToken(
        _ id: TokenID, _ spec: APITokenSpec, at moment: Timestamp, in state: borrowing State
    ) -> Judgement {
        if let problem = spec.problem(at: moment) { return .refused(problem) }
        guard state.tokens.count < APIToken.limit else {
            let text = "there are \(APIToken.limit) tokens; delete those that are no longer used"
            return .refused(Refusal(code: .conflict, text: Text(text)))
        }
        return state.tokens.contains(id) ? .refused(taken) : .granted(.tokenCreated(id, spec))
    }

    private static func deleteAgent(_ id: AgentID, in state: borrowing State) -> Judgement {
        guard let agent = state.agents[id] else { return .unknown("agent") }
        guard agent.openRuns.isEmpty else {
            let text = "the agent has \(agent.openRuns.count) open runs; cancel them or wait for their end"
            return .refused(Refusal(code: .conflict, text: Text(text)))
        }
        return .granted(.agentDeleted(id))
    }

    private static func deleteTarget(_ id: TargetID, in state: borrowing State) -> Judgement {
        guard state.targets.contains(id) else { return .unknown("target") }
        var user: JobID?
        state.jobs.forEach { job, value in if value.target == id { user = user ?? job } }
        if let user {
            return .refused(
                Refusal(code: .conflict, text: Text("the target is used by \(user); delete that job first")))
        }
        return .granted(.targetDeleted(id))
    }

    private static func createJob(
        _ id: JobID, _ agent: AgentID, _ target: TargetID, _ fields: [JobField], in state: borrowing State
    ) -> Judgement {
        guard state.agents.contains(agent) else { return .unknown("agent") }
        if state.jobs.contains(id) { return .refused(taken) }
        guard state.targets[target]?.agent == agent else {
            return .refused(Refusal(code: .validation, field: "target_id", text: "must be a target of the same agent"))
        }
        var spec = JobSpec()
        for field in fields { spec.set(field) }
        return spec.problem.map { .refused($0) } ?? .granted(.jobCreated(id, agent, target, spec))
    }

    private static func createCheck(
        _ id: CheckID, _ agent: AgentID?, _ spec: CheckSpec, in state: borrowing State
    ) -> Judgement {
        if let agent {
            guard let owner = state.agents[agent] else { return .unknown("agent") }
            if owner.checks.count >= Limits.checksOfAgent {
                let text = "the agent has \(Limits.checksOfAgent) health checks; delete those that are no longer needed"
                return .refused(Refusal(code: .conflict, text: Text(text)))
            }
        }
        if state.checks.contains(id) { return .refused(taken) }
        if state.checks.count >= Limits.checks {
            let text = "there are \(Limits.checks) health checks; delete those that are no longer needed"
            return .refused(Refusal(code: .conflict, text: Text(text)))
        }
        return spec.problem.map { .refused($0) } ?? .granted(.checkCreated(id, agent, spec))
    }

    private static func runCheck(_ id: CheckID, in state: borrowing State) -> Judgement {
        guard let check = state.checks[id] else { return .unknown("health check") }
        if check.spec.isPaused {
            return .refused(Refusal(code: .conflict, text: "the health check is paused; set paused to false first"))
        }
        guard let agent = check.agent else { return .granted(.checkRunRequested(id)) }
        guard let session = state.agents[agent]?.session else {
            return .refused(Refusal(code: .conflict, text: "the agent that probes it is not connected"))
        }
        guard session.runsChecks else {
            let text: Text = "the agent does not run health checks: it knows only version 1 of the protocol"
            return .refused(Refusal(code: .conflict, text: text))
        }
        return .granted(.checkRunRequested(id))
    }

    private static func runJob(_ id: RunID, _ job: JobID, in state: borrowing State) -> Judgement {
        guard let spec = state.jobs[job] else { return .unknown("job") }
        if state.runs.contains(id) || state.objects.contains(id) { return .refused(taken) }
        let openCount = state.agents[spec.agent]?.openRuns.count { state.runs[$0]?.order.job == job } ?? 0
        guard openCount < Limits.askedRunsPerJob else {
            let text = "the job has \(openCount) open runs; cancel those that are not wanted, or wait for their end"
            return .refused(Refusal(code: .conflict, text: Text(text)))
        }
        return .granted(.runQueued(id, order(of: job, spec, isManual: true)))
    }

    private static func deleteRun(_ id: RunID, at moment: Timestamp, in state: borrowing State) -> Judgement {
        guard let object = state.objects[id] else {
            return .refused(Refusal(code: .conflict, text: "the run has no stored object"))
        }
        if object.isBeingDeleted {
            return .refused(Refusal(code: .conflict, text: "the object is being deleted already"))
        }
        return obstacle(toDeleting: id, object, at: moment, in: state).map { .refused($0) }
            ?? .granted(.runDeletionRequested(id))
    }

    private static func lock(
        _ id: RunID, _ until: Timestamp?, _ reason: Text, _ token: Text, at moment: Timestamp, in state: borrowing State
    ) -> Judgement {
        guard let object = state.objects[id], !object.isBeingDeleted else {
            return .refused(Refusal(code: .conflict, text: "the run has no stored object that could be locked"))
        }
        let lock = ObjectLock(until: until, reason: reason, token: token, setAt: moment)
        return lock.problem(at: state.lockMoment(at: moment)).map { .refused($0) } ?? .granted(.runLocked(id, lock))
    }

    private static var taken: Refusal { Refusal(code: .conflict, text: "this id is taken; repeat the request") }

    private static func problem(ofName name: Text) -> Refusal? {
        name.isEmpty || name.byteCount > 200
            ? Refusal(code: .validation, field: "name", text: "must have 1 to 200 bytes") : nil
    }
}
