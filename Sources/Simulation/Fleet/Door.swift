import Core
import Engine

/// The door: connections as the server sees them.
extension World {
    /// The agent's newest connection.
    func openConnection(of agent: AgentID) -> Int? {
        connections.indices.last { connections[$0].isOpenAtServer && links[connections[$0].agent].agent == agent }
    }

    func welcomedConnection(of agent: AgentID) -> Int? {
        openConnection(of: agent).flatMap { connections[$0].isWelcomed ? $0 : nil }
    }

    /// Puts a frame on the way to the agent.
    mutating func write(_ frame: ServerFrame, to id: Int) {
        guard connections[id].isOpenAtServer else { return }
        connections[id].lastWritten = now
        guard !connections[id].isBroken else { return }
        let arrival = max(connections[id].toAgent, now + latency())
        connections[id].toAgent = arrival
        agenda.add(.toAgent(id, frame), at: arrival)
    }

    mutating func latency() -> Milliseconds { dice.chance(in: 50) ? dice.span(500...8_000) : dice.span(1...120) }

    mutating func arriveAtServer(_ id: Int, _ frame: AgentFrame) {
        let connection = connections[id]
        guard now <= connection.deliversToServerUntil ?? now, connection.isOpenAtServer, server.kernel != nil else {
            return
        }
        let agent = links[connection.agent].agent
        if case .register(let registration) = frame.report {
            let session = SessionID(bits: dice.bits())
            connections[id].session = session
            connections[id].registeredSentAt = frame.sentAt
            let opening = SessionOpening(
                session: session, remoteAddress: "", extensions: connection.extensions, hostname: registration.hostname)
            submit(.sessionOpened(agent, opening))
            after(.seconds(25), .ping(id))
        }
        guard let session = connections[id].session, let registered = connections[id].registeredSentAt else { return }
        let received = ReceivedFrame(
            session: session, bytes: [], fingerprint: frame.fingerprint, sequence: frame.sequence,
            sentAt: frame.sentAt, isReplayed: frame.sentAt < registered, failure: frame.failure, report: frame.report)
        submit(.received(agent, received), connection: id)
    }

    /// The server ends a connection, or sees that it has ended.
    mutating func closeAtServer(_ id: Int, _ closing: SessionClosing) {
        guard connections[id].isOpenAtServer else { return }
        connections[id].isOpenAtServer = false
        breakConnection(id)
        if let session = connections[id].session {
            submit(.sessionClosed(links[connections[id].agent].agent, session, closing))
        }
    }

    mutating func serverNotices(_ id: Int) {
        if server.kernel != nil { closeAtServer(id, .closed) }
    }

    /// Keeps the agent's idle timer from running out.
    mutating func ping(_ id: Int) {
        guard connections[id].isOpenAtServer, server.kernel != nil else { return }
        if connections[id].isWelcomed, now - connections[id].lastWritten >= .seconds(25) { write(.ping, to: id) }
        after(max(.seconds(25) + (connections[id].lastWritten - now), .seconds(1)), .ping(id))
    }

    /// From now on no frame gets on the way. Each side notices at its own time; of a half-open connection, never.
    mutating func breakConnection(_ id: Int, noticedByAgent: Bool = true, noticedByServer: Bool = true) {
        guard !connections[id].isBroken else { return }
        connections[id].isBroken = true
        connections[id].deliversToServerUntil = now + (dice.chance(in: 2) ? dice.span(0...5_000) : Milliseconds(-1))
        connections[id].deliversToAgentUntil = now + (dice.chance(in: 2) ? dice.span(0...5_000) : Milliseconds(-1))
        if noticedByAgent { after(dice.span(1...3_000), .agentNotices(id)) }
        if noticedByServer, connections[id].isOpenAtServer { after(dice.span(1...3_000), .serverNotices(id)) }
    }
}
