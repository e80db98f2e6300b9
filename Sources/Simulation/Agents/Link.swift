import Core

/// What both agents have: a process, its numbers, and the connection it has dialled.
struct Link: Sendable {
    let agent: AgentID
    /// Counts processes.
    var epoch = 0
    var isRunning = false
    /// The connection as the agent sees it.
    var connection: Int?
    /// Whether RegisterAck came on it.
    var isWelcomed = false
    /// The last number drawn by this process.
    var sequence: UInt64 = 0
    /// How often this process has waited to dial again.
    var waitCount = 0
    /// When the last frame came.
    var lastHeard = Timestamp(milliseconds: 0)
    /// How far the agent's clock is ahead.
    var clockSkew = Milliseconds(0)
    /// It has stopped to read and write, for good: the reference agent with a long backlog.
    var hangs = false
    /// The last terminal report, to be repeated by chance.
    var lastReport: AgentFrame?

    init(agent: AgentID) { self.agent = agent }
}

extension World {
    /// Which agent is ours; the other one is like the reference agent.
    static let ours = 0

    mutating func startAgent(_ agent: Int) throws(Breach) {
        links[agent].isRunning = true
        links[agent].sequence = 0
        links[agent].waitCount = 0
        links[agent].hangs = false
        if agent == Self.ours { try startStation() }
        after(dice.span(1...500), .dial(agent, links[agent].epoch))
    }

    /// kill -9: what is on its disk stays, and it comes back.
    mutating func killAgent(_ agent: Int) {
        guard links[agent].isRunning else { return }
        links[agent].isRunning = false
        links[agent].epoch += 1
        if let id = links[agent].connection { breakConnection(id, noticedByAgent: false, noticedByServer: sees()) }
        links[agent].connection = nil
        links[agent].isWelcomed = false
        if agent == Self.ours { station.forgetMemory() } else { reference.runs = [:] }
        after(dice.chance(in: 5) ? dice.span(60_000...400_000) : dice.span(500...20_000), .agentStarts(agent))
    }

    /// Whether an end is seen at the other side, or the connection stays half open there.
    mutating func sees() -> Bool { isHealed || !dice.chance(in: 5) }

    mutating func dial(_ agent: Int) {
        guard links[agent].isRunning, links[agent].connection == nil else { return }
        guard server.kernel != nil else { return redial(agent) }
        let extensions = agent == Self.ours ? ProtocolExtension.all : []
        connections.append(
            Connection(
                agent: agent, extensions: extensions, toServer: now, toAgent: now, lastWritten: now))
        let id = connections.count - 1
        links[agent].connection = id
        links[agent].isWelcomed = false
        links[agent].lastHeard = now
        let version = agent == Self.ours ? station.configVersion : reference.configVersion
        send(
            .register(
                Registration(
                    agentVersion: "v0.1.0", hostname: links[agent].agent.text, os: "linux", arch: "amd64",
                    dockerVersion: "", capabilities: [], lastKnownConfigVersion: version)), from: agent)
        after(.seconds(15), .idle(agent, id))
    }

    /// Dials again after the wait: our agent's grows while it cannot get through, the reference agent's for ever.
    mutating func redial(_ agent: Int) {
        let seconds = min(60, Int64(1) << min(Int64(links[agent].waitCount), 6))
        links[agent].waitCount += 1
        after(dice.span(seconds * 800...seconds * 1_200), .dial(agent, links[agent].epoch))
    }

    /// Draws a number and writes the frame; it is lost when the connection breaks before it arrives.
    mutating func send(_ report: Report, failure: FailureClass? = nil, from agent: Int) {
        write(makeFrame(report, failure, from: agent), from: agent)
    }

    mutating func makeFrame(_ report: Report, _ failure: FailureClass?, from agent: Int) -> AgentFrame {
        links[agent].sequence += 1
        return AgentFrame(
            sequence: links[agent].sequence, sentAt: now + links[agent].clockSkew, report: report, failure: failure)
    }

    mutating func write(_ frame: AgentFrame, from agent: Int) {
        guard let id = links[agent].connection, !links[agent].hangs else { return }
        if frame.concluded != nil { links[agent].lastReport = frame }
        guard !connections[id].isBroken else { return }
        let arrival = max(connections[id].toServer, now + latency())
        connections[id].toServer = arrival
        agenda.add(.toServer(id, frame), at: arrival)
    }

    mutating func arriveAtAgent(_ id: Int, _ frame: ServerFrame) throws(Breach) {
        let agent = connections[id].agent
        guard now <= connections[id].deliversToAgentUntil ?? now, links[agent].connection == id, !links[agent].hangs
        else { return }
        links[agent].lastHeard = now
        if case .registerAck = frame {
            guard !links[agent].isWelcomed else { return }
            links[agent].isWelcomed = true
            if agent == Self.ours { links[agent].waitCount = 0 }
        } else if !links[agent].isWelcomed {
            throw Breach(13, "\(frame) came before RegisterAck")
        }
        if frame == .ping { return send(.acknowledgement(accepted: true, reason: ""), from: agent) }
        if agent == Self.ours { try take(frame, on: id) } else { takeAsReference(frame, on: id) }
        if case .registerAck = frame { beat(agent, id) }
    }

    mutating func agentNotices(_ id: Int) throws(Breach) {
        let agent = connections[id].agent
        guard links[agent].connection == id, !links[agent].hangs else { return }
        breakConnection(id, noticedByAgent: false, noticedByServer: sees())
        links[agent].connection = nil
        links[agent].isWelcomed = false
        if agent == Self.ours { try disconnectStation() } else { loseRuns(of: id) }
        redial(agent)
    }

    /// 15 s without RegisterAck, or 90 s without a frame, end a connection.
    mutating func checkIdle(_ agent: Int, _ id: Int) throws(Breach) {
        guard links[agent].connection == id, !links[agent].hangs else { return }
        let limit = Milliseconds.seconds(links[agent].isWelcomed ? 90 : 15)
        if now - links[agent].lastHeard >= limit { return try agentNotices(id) }
        agenda.add(.idle(agent, id), at: links[agent].lastHeard + limit)
    }

    mutating func beat(_ agent: Int, _ id: Int) {
        guard links[agent].connection == id, links[agent].isWelcomed else { return }
        let isOurs = agent == Self.ours
        let version = isOurs ? station.configVersion : reference.configVersion
        send(
            .heartbeat(Heartbeat(configVersion: version, metrics: nil, activeJobIDs: isOurs ? station.activeRuns : [])),
            from: agent)
        after(.seconds(30), .heartbeat(agent, id))
    }
}
