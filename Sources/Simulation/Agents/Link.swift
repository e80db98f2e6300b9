import Core
import Wire

/// What all agents have: a process, and the connection it has dialled.
struct Link: Sendable {
    let agent: AgentID
    let host: Text
    /// A second host with an agent's key.
    let isClone: Bool
    /// Counts processes.
    var epoch = 0
    var isRunning = false
    /// The connection as the agent sees it.
    var connection: Int?
    /// Whether RegisterAck came on it.
    var isWelcomed = false
    /// How often this process has waited to dial again.
    var waitCount = 0
    /// When the last frame came.
    var lastHeard = Timestamp(milliseconds: 0)
    /// It reads nothing before.
    var isReadingFrom = Timestamp(milliseconds: 0)
    /// How far the agent's clock is ahead.
    var clockSkew = Milliseconds(0)
    /// The last terminal report, to be repeated by chance.
    var lastReport: [UInt8]?
    /// The configuration that our agent has in memory.
    var settings: StationSettings?
    /// Work of a reference agent that is being uploaded.
    var dumped: Set<Int> = []
    /// What it shows of the plan's weakness.
    var showing = Showing()
    /// What it has uploaded while hooks are running, by work.
    var uploads: [Int: ModelStore.Object] = [:]

    init(agent: AgentID, host: Text, isClone: Bool) {
        self.agent = agent
        self.host = host
        self.isClone = isClone
    }
}

extension World {
    func isOurs(_ agent: Int) -> Bool { stations[agent] != nil }

    /// The agent's own clock.
    func clock(of agent: Int) -> Timestamp { now + links[agent].clockSkew }

    mutating func startAgent(_ agent: Int) throws(Breach) {
        guard !links[agent].isRunning, !(links[agent].isClone && isHealed) else { return }
        links[agent].isRunning = true
        links[agent].waitCount = 0
        if isOurs(agent) {
            try startStation(agent)
        } else {
            if references[agent]?.queue.isEmpty == false { count(.sequenceReuse) }
            references[agent]?.start()
            links[agent].dumped = []
            links[agent].uploads = [:]
            after(dice.span(1...3_000), .discovery(agent, links[agent].epoch))
        }
        after(dice.span(1...500), .dial(agent, links[agent].epoch))
    }

    /// kill -9: what is on its disk stays, and it comes back.
    mutating func killAgent(_ agent: Int) {
        guard links[agent].isRunning else { return }
        stopAgent(agent)
        guard !links[agent].isClone else { return }
        after(dice.chance(in: 5) ? dice.span(60_000...400_000) : dice.span(500...20_000), .agentStarts(agent))
    }

    mutating func stopAgent(_ agent: Int) {
        noteStop(of: agent)
        links[agent].isRunning = false
        links[agent].epoch += 1
        if let id = links[agent].connection {
            breakConnection(id, noticedByAgent: false, noticedByServer: sees())
            hangUp(agent, id)
        }
        stations[agent]?.forgetMemory()
    }

    /// The agent holds its connection no longer.
    mutating func hangUp(_ agent: Int, _ id: Int) {
        links[agent].connection = nil
        links[agent].isWelcomed = false
        connections[id]?.isOpenAtAgent = false
        forgetIfOver(id)
    }

    mutating func dial(_ agent: Int) {
        guard links[agent].isRunning, links[agent].connection == nil else { return }
        guard server.kernel != nil, now >= links[agent].showing.isAwayUntil else { return redial(agent) }
        connectionCount += 1
        let id = connectionCount
        connections[id] = Connection(
            agent: agent, extensions: isOurs(agent) ? ProtocolExtension.all : [], toServer: now, toAgent: now,
            lastWritten: now)
        openConnections[links[agent].agent, default: []].append(id)
        links[agent].connection = id
        links[agent].isWelcomed = false
        links[agent].lastHeard = now
        let moment = clock(of: agent)
        if isOurs(agent) {
            sendFromStation(register(agent), agent)
        } else if let bytes = references[agent]?.register(at: moment) {
            write(bytes, from: agent)
        }
        after(.seconds(15), .idle(agent, id))
    }

    /// Dials again after the wait: our agent's grows while it cannot get through, the reference agent's for ever.
    mutating func redial(_ agent: Int) {
        let seconds = min(60, Int64(1) << min(Int64(links[agent].waitCount), 6))
        links[agent].waitCount += 1
        after(dice.span(seconds * 800...seconds * 1_200), .dial(agent, links[agent].epoch))
    }

    mutating func arrive(at agent: Int, on id: Int, _ bytes: [UInt8]) throws(Breach) {
        guard let connection = connections[id], now <= connection.deliversToAgentUntil ?? now,
            links[agent].connection == id, references[agent]?.hangs != true
        else { return noteLost(bytes, onTheWayTo: agent) }
        let readable = max(links[agent].isReadingFrom, connection.heldUntil)
        if readable > now {
            connections[id]?.heldUntil = readable
            return agenda.add(.toAgent(id, to: agent, bytes), at: readable)
        }
        links[agent].lastHeard = now
        let frame: ServerFrame
        do {
            frame = try ServerFrame(bytes: bytes)
        } catch {
            throw Breach(13, "the server sent what is no envelope: \(error)")
        }
        if links[agent].showing.ignoresConfigurations, case .configUpdate = frame { return }
        let isFirst = !links[agent].isWelcomed
        if isFirst {
            guard case .registerAck = frame else { throw Breach(13, "\(frame) came before RegisterAck") }
            links[agent].isWelcomed = true
            if isOurs(agent) { links[agent].waitCount = 0 }
        }
        if isOurs(agent) {
            if isFirst { beat(agent, id) }
            try take(frame, at: agent, on: id)
        } else {
            takeAsReference(frame, at: agent)
            if isFirst { beat(agent, id) }
        }
    }

    mutating func agentNotices(_ id: Int) throws(Breach) {
        guard let agent = connections[id]?.agent, links[agent].connection == id, references[agent]?.hangs != true else {
            return
        }
        breakConnection(id, noticedByAgent: false, noticedByServer: sees())
        hangUp(agent, id)
        if isOurs(agent) { try disconnectStation(agent) } else { loseWork(of: agent) }
        if links[agent].isRunning { redial(agent) }
    }

    /// 15 s without RegisterAck, or 90 s without a frame, end a connection.
    mutating func checkIdle(_ agent: Int, _ id: Int) throws(Breach) {
        guard links[agent].connection == id, references[agent]?.hangs != true else { return }
        let limit = Milliseconds.seconds(links[agent].isWelcomed ? 90 : 15)
        if now - links[agent].lastHeard >= limit { return try agentNotices(id) }
        agenda.add(.idle(agent, id), at: links[agent].lastHeard + limit)
    }

    mutating func beat(_ agent: Int, _ id: Int) {
        guard links[agent].connection == id, links[agent].isWelcomed else { return }
        let moment = clock(of: agent)
        if isOurs(agent) {
            sendFromStation(heartbeat(agent), agent)
        } else if let bytes = references[agent]?.heartbeat(at: moment) {
            write(bytes, from: agent)
        }
        after(.seconds(30), .heartbeat(agent, id))
    }
}
