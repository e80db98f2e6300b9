import Core

extension RecordFleetAcceptance {
    init(_ acceptance: Acceptance, _ ticket: Ticket) {
        self.init()
        self.ticket = RecordFleetTicket(ticket)
        self.acceptance =
            switch acceptance {
            case .agentCreated(let id, let name, let digest):
                .agentCreated(RecordFleetAgentRecord(id, name: name, keyDigest: digest))
            case .agentRenamed(let id, let name): .agentRenamed(RecordFleetAgentRecord(id, name: name))
            case .agentDeleted(let id): .agentDeleted(id.text.string)
            case .keyRotated(let id, let digest): .keyRotated(RecordFleetAgentRecord(id, keyDigest: digest))
            case .agentConfigured(let id, let settings): .agentConfigured(RecordFleetSettings(id, settings))
            case .targetCreated(let id, let agent, let spec):
                .targetCreated(RecordFleetTarget(id, agent: agent, spec))
            case .targetChanged(let id, let spec): .targetChanged(RecordFleetTarget(id, spec))
            case .targetDeleted(let id): .targetDeleted(id.text.string)
            case .jobCreated(let id, let agent, let target, let spec):
                .jobCreated(RecordFleetJob(id, agent: agent, target: target, spec))
            case .jobChanged(let id, let spec): .jobChanged(RecordFleetJob(id, spec))
            case .jobDeleted(let id): .jobDeleted(id.text.string)
            case .runQueued(let id, let order): .runQueued(RecordFleetRunOrder(id, order))
            case .cancelRequested(let id): .cancelRequested(id.text.string)
            case .runDeletionRequested(let id): .runDeletionRequested(id.text.string)
            case .runLocked(let id, let lock): .runLocked(RecordFleetLock(id, lock))
            case .runUnlocked(let id): .runUnlocked(id.text.string)
            case .tokenIssued(let id, let attempt): .tokenIssued(RecordFleetAttempt(id, attempt))
            case .checkCreated(let id, let agent, let spec): .checkCreated(RecordFleetCheck(id, agent, spec))
            case .checkChanged(let id, let spec): .checkChanged(RecordFleetCheck(id, nil, spec))
            case .checkDeleted(let id): .checkDeleted(id.text.string)
            case .checkRunRequested(let id): .checkRunRequested(id.text.string)
            case .repeated(let position): .repeatedPosition(position.number)
            case .tokenCreated(let id, let spec): .tokenCreated(RecordFleetToken(id, spec))
            case .tokenDeleted(let id): .tokenDeleted(id.text.string)
            case .policyChanged(let policy): .policyChanged(RecordFleetPolicy(policy))
            case .alertAcknowledged(let id, let key): .alertAcknowledged(RecordFleetAlertReference(key, id))
            case .clockConfirmed: .clockConfirmed(RecordFleetNothing())
            }
    }
}

extension Acceptance {
    init(_ record: RecordFleetAcceptance) throws(RecordProblem) {
        switch record.acceptance {
        case .agentCreated(let it):
            self = .agentCreated(it.id, name: Text(it.name), keyDigest: [UInt8](it.keyDigest))
        case .agentRenamed(let it): self = .agentRenamed(it.id, name: Text(it.name))
        case .agentDeleted(let id): self = .agentDeleted(AgentID(Text(id)))
        case .keyRotated(let it): self = .keyRotated(it.id, keyDigest: [UInt8](it.keyDigest))
        case .agentConfigured(let it): self = .agentConfigured(AgentID(Text(it.agent)), AgentSettings(it))
        case .targetCreated(let it): self = .targetCreated(it.targetID, it.agentID, try TargetSpec(it))
        case .targetChanged(let it): self = .targetChanged(it.targetID, try TargetSpec(it))
        case .targetDeleted(let id): self = .targetDeleted(TargetID(Text(id)))
        case .jobCreated(let it): self = .jobCreated(it.jobID, it.agentID, it.targetID, try JobSpec(it))
        case .jobChanged(let it): self = .jobChanged(it.jobID, try JobSpec(it))
        case .jobDeleted(let id): self = .jobDeleted(JobID(Text(id)))
        case .runQueued(let it): self = .runQueued(RunID(Text(it.run)), try RunOrder(it))
        case .cancelRequested(let id): self = .cancelRequested(RunID(Text(id)))
        case .runDeletionRequested(let id): self = .runDeletionRequested(RunID(Text(id)))
        case .runLocked(let it): self = .runLocked(it.runID, ObjectLock(it))
        case .runUnlocked(let id): self = .runUnlocked(RunID(Text(id)))
        case .tokenIssued(let it): self = .tokenIssued(it.runID, it.number)
        case .checkCreated(let it): self = .checkCreated(it.checkID, it.prober, try CheckSpec(it))
        case .checkChanged(let it): self = .checkChanged(it.checkID, try CheckSpec(it))
        case .checkRunRequested(let id): self = .checkRunRequested(CheckID(Text(id)))
        case .checkDeleted(let id): self = .checkDeleted(CheckID(Text(id)))
        case .repeatedPosition(let number): self = .repeated(Position(number))
        case .tokenCreated(let it): self = .tokenCreated(TokenID(Text(it.token)), try APITokenSpec(it))
        case .tokenDeleted(let id): self = .tokenDeleted(TokenID(Text(id)))
        case .policyChanged(let it): self = .policyChanged(FleetPolicy(it))
        case .alertAcknowledged(let it): self = .alertAcknowledged(it.id, try AlertKey(it))
        case .clockConfirmed: self = .clockConfirmed
        case nil: throw .unknown("acceptance")
        }
    }
}

extension RecordFleetRunOrder {
    init(_ id: RunID, _ order: RunOrder) {
        self.init()
        run = id.text.string
        job = order.job.text.string
        agent = order.agent.text.string
        target = order.target.text.string
        isManual = order.isManual
        timeoutSeconds = order.timeoutSeconds
        retentionDays = order.retentionDays
        maxAttempts = order.maxAttempts
        backoffSeconds = order.backoffSeconds
        if let slot = order.slot { self.slot = RecordFleetSlot(slot) }
        overlap = order.overlap?.rawValue ?? ""
        if let moment = order.takeBy { takeByMs = moment.milliseconds }
    }
}

extension RunOrder {
    init(_ record: RecordFleetRunOrder) throws(RecordProblem) {
        self.init(
            job: JobID(Text(record.job)), agent: AgentID(Text(record.agent)), target: TargetID(Text(record.target)),
            isManual: record.isManual, timeoutSeconds: record.timeoutSeconds, retentionDays: record.retentionDays,
            maxAttempts: record.maxAttempts, backoffSeconds: record.backoffSeconds,
            slot: record.hasSlot ? Slot(record.slot) : nil,
            overlap: record.overlap.isEmpty ? nil : try Overlap(record: record.overlap),
            takeBy: record.hasTakeByMs ? Timestamp(milliseconds: record.takeByMs) : nil)
    }
}
