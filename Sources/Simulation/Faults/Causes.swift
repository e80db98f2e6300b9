import Core
import Engine
import Wire

/// That a reference agent was told to cancel a piece of work, and goes on with it.
struct IgnoredCancellation: Sendable {
    var work: Int
    var toldAt: Timestamp
    /// On which the agent was connected then.
    var connection: Int?
}

/// What happens to agents by itself in a world without hazards, and what may be told of them for that reason.
extension World {
    /// A clock that is off by more may be told to be off by 30 s, with the time that a frame takes.
    static let doubtfulSkew = Milliseconds.seconds(29)

    mutating func explain(_ kind: Anomaly.Kind, of agent: Int, for span: Milliseconds) {
        guard plan.profile.hazardInterval == nil else { return }
        anomalies.explain(kind, of: links[agent].agent, from: now, until: now + span)
    }

    mutating func expect(_ kind: Anomaly.Kind, of agent: Int, within span: Milliseconds) {
        guard plan.profile.hazardInterval == nil else { return }
        anomalies.expect(kind, of: links[agent].agent, from: now, until: now + span)
        if kind == plan.weakness { links[agent].showing.isOver = true }
    }

    /// One connection ends, or the control plane starts anew.
    mutating func breakHarmlessly() {
        guard !isHealed, now < end, let interval = plan.breakInterval else { return }
        after(dice.span(1...2 * interval.count), .harmlessBreak)
        if plan.weakness == nil, dice.chance(in: 20) { return killServer() }
        let agent = Int(dice.number(0...Int64(plan.agentCount - 1)))
        guard let id = links[agent].connection, !links[agent].showing.hasBegun else { return }
        breakConnection(id)
    }

    /// An agent's process ends, and what it is doing with it.
    mutating func noteStop(of agent: Int) {
        guard !links[agent].isClone else { return }
        explain(.processRestart, of: agent, for: .minutes(20))
        guard let known = fleetAudit.state.agents[links[agent].agent], known.inFlightCount > 0 else { return }
        explain(.runCutOff, of: agent, for: .minutes(20))
    }

    /// A RunBackup does not arrive at an agent that is told only once.
    mutating func noteLostOrder(to agent: Int) {
        guard !isOurs(agent) else { return }
        for kind: Anomaly.Kind in [.messageLost, .unconfirmedCommand, .runCutOff] {
            explain(kind, of: agent, for: .minutes(20))
        }
    }

    mutating func noteLost(_ bytes: [UInt8], onTheWayTo agent: Int) {
        guard plan.profile.hazardInterval == nil, case .runBackup? = try? ServerFrame(bytes: bytes) else { return }
        noteLostOrder(to: agent)
    }

    /// A report that an agent sends only once does not arrive.
    mutating func noteLost(_ bytes: [UInt8], from agent: Int) {
        guard plan.profile.hazardInterval == nil, !isOurs(agent),
            case .received(let frame) = IncomingFrame.decode(bytes, session: nil, registeredSentAt: nil)
        else { return }
        noteLost(frame, from: agent)
    }

    private mutating func noteLost(_ frame: ReceivedFrame, from agent: Int) {
        if frame.concluded != nil { explain(.messageLost, of: agent, for: .hours(14)) }
    }

    /// The control plane ends, and what has arrived and is not on its log with it; of commands under way it does not know
    /// what became of them.
    mutating func noteForgotten() {
        guard plan.profile.hazardInterval == nil else { return }
        for submission in server.inbox {
            switch submission.message {
            case .received(let id, let frame):
                for agent in links.indices where links[agent].agent == id && !isOurs(agent) {
                    noteLost(frame, from: agent)
                }
            case .outcome(let outcome): noteForgotten(outcome.command)
            default: break
            }
        }
        for delivery in server.lanes.values.joined() {
            if case .command(let command) = delivery.message { noteForgotten(command) }
        }
    }

    private mutating func noteForgotten(_ command: Command) {
        guard case .dispatch(let id, _, _, _) = command else { return }
        for agent in links.indices where links[agent].agent == id { noteLostOrder(to: agent) }
    }

    /// A reference agent is told to cancel a job, and only logs that.
    mutating func noteIgnored(_ job: Text, at agent: Int) {
        guard plan.profile.hazardInterval == nil else { return }
        for (number, work) in references[agent]?.work.sorted(by: { $0.key < $1.key }) ?? []
        where work.order.order.job == job {
            let ignored = IgnoredCancellation(work: number, toldAt: now, connection: links[agent].connection)
            after(.seconds(59), .cancellationIgnored(agent, ignored))
            after(.seconds(85), .cancellationIgnored(agent, ignored))
        }
    }

    /// An agent has a minute to answer, from when the outcome of the command is on the log.
    mutating func note(_ ignored: IgnoredCancellation, at agent: Int) {
        guard references[agent]?.work[ignored.work] != nil else { return }
        explain(.unconfirmedCommand, of: agent, for: .seconds(30))
        guard now - ignored.toldAt >= .seconds(85), links[agent].connection == ignored.connection else { return }
        anomalies.expect(
            .unconfirmedCommand, of: links[agent].agent, from: ignored.toldAt + .seconds(55), until: now)
        if plan.weakness == .unconfirmedCommand { links[agent].showing.isOver = true }
    }
}
