import Core
import Engine

/// The control plane's workers: the semantics of `Command` and `Worker`, with everything that can go wrong on the way.
extension World {
    mutating func deliver(_ delivery: Delivery<Fleet.Message>) {
        guard case .command(let command) = delivery.message else { return }
        let lane = Self.lane(for: command)
        server.lanes[lane, default: []].append(delivery)
        if server.lanes[lane]?.count == 1 { after(dice.span(1...40), .carryOut(server.epoch, delivery)) }
    }

    private static func lane(for command: Command) -> Text {
        switch command {
        case .welcome(let agent, _), .configure(let agent, _), .dispatch(let agent, _, _, _), .cancel(let agent, _, _),
            .disconnect(let agent, _), .probe(let agent, _), .refuse(let agent, _), .runCheck(let agent, _):
            agent.text
        case .observe(let run, _), .delete(let run, _): run.text
        case .probeTarget(let check): check.text
        }
    }

    /// The effect. The outcome is recorded a little later, if the process lives so long.
    mutating func carryOut(_ delivery: Delivery<Fleet.Message>) throws(Breach) {
        guard case .command(let command) = delivery.message else { return }
        if isToWait(command, isRedelivered: delivery.isRedelivered) {
            return postpone(delivery, Self.lane(for: command))
        }
        let result = try effect(of: command, isRedelivered: delivery.isRedelivered)
        if !isHealed, dice.chance(in: 250) { return killServer() }  // between the effect and its outcome
        let outcome = CommandOutcome(position: delivery.position, command: command, result: result)
        let wait = dice.chance(in: 40) ? dice.span(1_000...20_000) : dice.span(0...60)
        after(wait, .outcome(server.epoch, outcome))
    }

    /// A worker that would send a RunBackup again waits for the agent, who dials again after our restart.
    private func isToWait(_ command: Command, isRedelivered: Bool) -> Bool {
        guard defect == .repeatsRunBackup, isRedelivered, case .dispatch(let agent, _, _, false) = command else {
            return false
        }
        return welcomedConnection(of: agent) == nil && now - server.startedAt < .seconds(100)
    }

    /// Puts a command behind the others of its lane: what makes it possible may be among them.
    private mutating func postpone(_ delivery: Delivery<Fleet.Message>, _ lane: Text) {
        server.lanes[lane]?.removeFirst()
        server.lanes[lane]?.append(delivery)
        if let next = server.lanes[lane]?.first { after(.seconds(1), .carryOut(server.epoch, next)) }
    }

    mutating func submitOutcome(_ outcome: CommandOutcome) {
        let isLost = defect == .losesOutcomes && dice.chance(in: 20)
        if !isLost { submit(.outcome(outcome)) }
        let lane = Self.lane(for: outcome.command)
        server.lanes[lane]?.removeFirst()
        if let next = server.lanes[lane]?.first {
            after(dice.span(1...10), .carryOut(server.epoch, next))
        } else {
            server.lanes[lane] = nil
        }
    }

    private mutating func effect(
        of command: Command, isRedelivered: Bool
    ) throws(Breach) -> CommandOutcome.Result {
        let state = fleetAudit.state
        switch command {
        case .welcome(let agent, let session):
            guard let id = openConnection(of: agent), connections[id].session == session,
                let known = state.agents[agent]
            else { return .undone("the connection is gone") }
            let limit = known.settings.maxParallelJobs
            write(.registerAck(session, configVersion: known.configVersion, parallelRunLimit: limit), to: id)
            connections[id].isWelcomed = true
            return .done
        case .configure(let agent, _):
            guard let id = welcomedConnection(of: agent), let known = state.agents[agent] else {
                return .undone("not connected")
            }
            let limit = known.settings.maxParallelJobs
            write(.configUpdate(configVersion: known.configVersion, parallelRunLimit: limit), to: id)
            return .done
        case .dispatch(let agent, let run, let attempt, let isRepeatable):
            return try dispatch(to: agent, run, attempt, isRepeatable, isRedelivered, in: state)
        case .cancel(let agent, let run, _):
            guard let id = welcomedConnection(of: agent) else { return .undone("not connected") }
            guard let job = state.runs[run]?.order.job else { return .undone("the run is forgotten") }
            write(.cancelJob(job), to: id)
            return .done
        case .observe(let run, let attempt):
            let name = WireRunID(run, attempt).text
            if defect == .believesReports, let claim = state.runs[run]?.reported.last(where: { $0.attempt == attempt })
            {
                return store.believe(claim, name)
            }
            return store.observe(name, at: now)
        case .delete(let run, let attempt):
            guard store.isOutUntil <= now else { return .undone("the store gives no answer") }
            store.remove(WireRunID(run, attempt).text)
            return .done
        case .probe(let agent, let session):
            guard let id = welcomedConnection(of: agent), connections[id].session == session else {
                return .undone("not connected")
            }
            write(.ping, to: id)
            return .done
        case .runCheck(let agent, _):
            return welcomedConnection(of: agent) == nil ? .undone("not connected") : .done
        case .probeTarget(let check):
            let isHealthy = isHealed || !dice.chance(in: 10)
            return .probed(
                HealthResult(
                    check: check, probedAt: now, isHealthy: isHealthy, latencyMilliseconds: 1,
                    errorText: isHealthy ? "" : "refused", statusCode: isHealthy ? 200 : 0))
        case .disconnect(let agent, let session), .refuse(let agent, let session):
            for id in connections.indices.reversed() where links[connections[id].agent].agent == agent {
                if connections[id].session == session { closeAtServer(id, .ended) }
            }
            return .done
        }
    }

    private mutating func dispatch(
        to agent: AgentID, _ run: RunID, _ attempt: Attempt, _ isRepeatable: Bool, _ isRedelivered: Bool,
        in state: Fleet.State
    ) throws(Breach) -> CommandOutcome.Result {
        if isRedelivered, !isRepeatable, defect != .repeatsRunBackup { return .unknown }
        guard let id = welcomedConnection(of: agent) else { return .undone("not connected") }
        guard let job = state.runs[run]?.order.job else { return .undone("the run is forgotten") }
        if !isHealed, dice.chance(in: 30) {
            // The connection breaks while it is being written to.
            if dice.chance(in: 2) { try writeRunBackup(job, run, attempt, to: id) }
            breakConnection(id)
            return .unknown
        }
        try writeRunBackup(job, run, attempt, to: id)
        return .done
    }

    private mutating func writeRunBackup(
        _ job: JobID, _ run: RunID, _ attempt: Attempt, to id: Int
    ) throws(Breach) {
        let wire = WireRunID(run, attempt)
        if !connections[id].extensions.contains(ProtocolExtension.journal), !server.delivered.insert(wire).inserted {
            throw Breach(9, "\(wire.text) is sent a second time to an agent without a journal")
        }
        write(.runBackup(job, wire), to: id)
    }
}
