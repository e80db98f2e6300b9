import Core
import Engine
import Wire

/// The control plane's workers: the semantics of `FleetWorker`, with everything that can go wrong on the way.
extension World {
    mutating func deliver(_ delivery: Delivery<Fleet.Message>) {
        guard case .command(let command) = delivery.message else { return }
        let lane = Self.lane(for: command)
        server.lanes[lane, default: []].append(delivery)
        if server.lanes[lane]?.count == 1 { begin(delivery) }
    }

    private mutating func begin(_ delivery: Delivery<Fleet.Message>) {
        let wait = strikes(.slowWorker, in: 30) ? dice.span(1_000...30_000) : dice.span(1...40)
        after(wait, .carryOut(server.epoch, delivery))
    }

    private static func lane(for command: Command) -> Text {
        switch command {
        case .welcome(let agent, _), .configure(let agent, _), .dispatch(let agent, _, _, _), .cancel(let agent, _, _),
            .runCheck(let agent, _):
            agent.text
        case .disconnect(_, let session), .probe(_, let session), .refuse(_, let session): session.text
        case .observe(let run, _), .delete(let run, _): run.text
        case .survey: "survey"
        case .readZone(let zone, _): zone
        case .probeTarget(let check): check.text
        }
    }

    /// The effect. The outcome is recorded a little later, if the process lives so long.
    mutating func carryOut(_ delivery: Delivery<Fleet.Message>) throws(Breach) {
        guard case .command(let command) = delivery.message else { return }
        var result = try effect(of: command, isRedelivered: delivery.isRedelivered)
        if case .dispatch = command, delivery.isRedelivered, case .undone = result { result = .unknown }
        if strikesServer(.workerDeath, in: 250) { return killServer() }
        let outcome = CommandOutcome(position: delivery.position, command: command, result: result)
        let wait = dice.chance(in: 40) ? dice.span(1_000...20_000) : dice.span(0...60)
        after(wait, .outcome(server.epoch, outcome))
    }

    mutating func submitOutcome(_ outcome: CommandOutcome) {
        submit(.outcome(outcome))
        let lane = Self.lane(for: outcome.command)
        server.lanes[lane]?.removeFirst()
        if let next = server.lanes[lane]?.first {
            begin(next)
        } else {
            server.lanes[lane] = nil
        }
    }

    private mutating func effect(
        of command: Command, isRedelivered: Bool
    ) throws(Breach) -> CommandOutcome.Result {
        switch command {
        case .welcome(let agent, let session):
            guard let id = connection(of: agent, session), let configuration = try configuration(of: agent) else {
                return .undone("the connection is gone")
            }
            try write(
                .registerAck(session, configuration, heartbeatIntervalSeconds: 30, serverTime: "2030-03-17T17:46:40Z"),
                to: id)
            connections[id]?.isWelcomed = true
            for (run, sequence) in connections[id]?.owed ?? [] {
                try write(.reportAcknowledged(run, sequence: sequence), to: id)
            }
            connections[id]?.owed = []
            return .done
        case .configure(let agent, _):
            guard let id = welcomedConnection(of: agent), let configuration = try configuration(of: agent) else {
                return .undone("not connected")
            }
            try write(.configUpdate(configuration), to: id)
            return .done
        case .dispatch(let agent, let run, let attempt, let isRepeatable):
            return try dispatch(to: agent, run, attempt, isRepeatable, isRedelivered)
        case .cancel(let agent, let run, _):
            guard let id = welcomedConnection(of: agent) else { return .undone("not connected") }
            guard let job = fleetAudit.state.runs[run]?.order.job else { return .undone("the run is forgotten") }
            try write(.cancelJob(job), to: id)
            return .done
        case .observe(let run, let attempt):
            guard let name = objectName(of: run, attempt) else { return .undone("there is no such run") }
            return store.observe(name, at: now)
        case .delete(let run, let attempt):
            guard store.isOutUntil <= now else { return .undone("the store gives no answer") }
            guard let owner = fleetAudit.state.deletions[ObjectKey(run: run, attempt: attempt)] else {
                return .undone("nobody has decided to delete such an object")
            }
            let name = ObjectNames.name(agent: owner.agent, job: owner.job, run: run, attempt: attempt)
            _ = store.observe(name, at: now)  // frozen: no late upload comes back
            store.remove(name)
            vault.delete(WireRunID(run, attempt))
            return .done
        case .survey:
            guard store.isOutUntil <= now else { return .undone("the store gives no answer") }
            return .surveyed(store.survey(beside: fleetAudit.state))
        case .readZone:
            if !isHealed, plan.profile.hazardInterval != nil, dice.chance(in: 8) { return .undone("it cannot be read") }
            return .zone(zone.rules)
        case .probe(let agent, let session):
            guard let id = connection(of: agent, session), connections[id]?.isWelcomed == true else {
                return .undone("not connected")
            }
            sendPing(id)
            return .done
        case .runCheck(let agent, let check):
            guard let id = welcomedConnection(of: agent) else { return .undone("not connected") }
            try write(.runHealthCheck(check), to: id)
            return .done
        case .probeTarget(let check):
            let isHealthy = !dice.chance(in: 10)
            return .probed(
                HealthResult(
                    check: check, probedAt: wallTime, isHealthy: isHealthy, latencyMilliseconds: 1,
                    errorText: isHealthy ? "" : "refused", statusCode: isHealthy ? 200 : 0))
        case .disconnect(let agent, let session), .refuse(let agent, let session):
            if let id = connection(of: agent, session) { closeAtServer(id, .ended) }
            return .done
        }
    }

    private func configuration(of agent: AgentID) throws(Breach) -> AgentConfiguration? {
        do {
            return try AgentConfiguration(of: agent, in: fleetAudit.state) { _ in ModelVault.password(of: agent) }
        } catch .unknownAgent {
            return nil
        } catch {
            throw Breach(13, "the configuration of \(agent) cannot be made: \(error)")
        }
    }

    private func objectName(of run: RunID, _ attempt: Attempt) -> Text? {
        fleetAudit.state.runs[run].map {
            ObjectNames.name(agent: $0.order.agent, job: $0.order.job, run: run, attempt: attempt)
        }
    }

    private mutating func dispatch(
        to agent: AgentID, _ run: RunID, _ attempt: Attempt, _ isRepeatable: Bool, _ isRedelivered: Bool
    ) throws(Breach) -> CommandOutcome.Result {
        if isRedelivered, !isRepeatable { return .unknown }
        guard let order = fleetAudit.state.runs[run]?.order, let name = objectName(of: run, attempt) else {
            return .undone("there is no such run")
        }
        guard let id = welcomedConnection(of: agent) else { return .undone("not connected") }
        let wire = WireRunID(run, attempt)
        let key = vault.key(of: wire, run, agent, dice: &dice)
        server.redactors[agent] = nil
        let limit =
            order.timeoutSeconds == 0
            ? Fleet.Limits.runWithoutTimeout : .seconds(Int64(order.timeoutSeconds)) + Fleet.Limits.overtime
        let expiry = wallTime + limit + .hours(1)
        let url =
            "https://backup.example/objects/\(name)?expires=\(expiry)&max=1099511627776"
            + "&signature=\(vault.signature(of: wire))"
        let message = ServerMessage.runBackup(
            RunBackupOrder(
                job: order.job, run: wire, isManual: order.isManual, uploadURL: url, expiresAt: expiry,
                objectName: name.string, dataKey: key))
        if losesOrder(on: id) { return .unknown }
        let breaks = strikes(.disconnectDuringDispatch, in: 30)
        if !breaks || dice.chance(in: 2) {
            if connections[id]?.extensions.contains(ProtocolExtension.journal) == false,
                !server.delivered.insert(wire).inserted
            {
                throw Breach(9, "\(wire.text) is sent a second time to an agent without a journal")
            }
            try write(message, to: id)
        }
        if breaks { breakConnection(id) }
        return breaks ? .unknown : .done
    }
}
