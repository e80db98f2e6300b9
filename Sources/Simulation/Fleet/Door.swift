import Core
import Engine
import Wire

/// The door: connections as the server sees them. What comes in is redacted, then decoded; what goes out is encoded here.
extension World {
    /// The agent's newest connection that has come to its Register.
    func openConnection(of agent: AgentID) -> Int? {
        openConnections[agent]?.last { connections[$0]?.session != nil }
    }

    /// The connection of a session, as long as the door holds it.
    func connection(of agent: AgentID, _ session: SessionID) -> Int? {
        openConnections[agent]?.last { connections[$0]?.session == session }
    }

    func welcomedConnection(of agent: AgentID) -> Int? {
        openConnections[agent]?.last { connections[$0]?.isWelcomed == true }
    }

    /// Puts a frame on the way to the agent.
    mutating func write(_ message: ServerMessage, to id: Int, correlationID: String = "") throws(Breach) {
        guard let connection = connections[id], connection.isOpenAtServer else { return }
        connections[id]?.lastWritten = now
        connections[id]?.writtenCount += 1
        guard !connection.isBroken else {
            if case .runBackup = message { noteLostOrder(to: connection.agent) }
            return
        }
        let bytes: [UInt8]
        do {
            bytes = try message.envelope(
                sequence: connection.writtenCount + 1, sentAt: wallTime, correlationID: correlationID)
        } catch {
            throw Breach(13, "a frame cannot be encoded: \(error)")
        }
        let arrival = max(connection.toAgent, now + latency())
        connections[id]?.toAgent = arrival
        agenda.add(.toAgent(id, to: connection.agent, bytes), at: arrival)
    }

    /// The server's wall clock.
    var wallTime: Timestamp { now + server.clockOffset }

    mutating func arriveAtServer(_ id: Int, from agent: Int, _ bytes: [UInt8]) throws(Breach) {
        guard let connection = connections[id], now <= connection.deliversToServerUntil ?? now,
            connection.isOpenAtServer, server.kernel != nil
        else { return noteLost(bytes, from: agent) }
        let agent = links[connection.agent].agent
        var bytes = bytes
        server.redactor(for: agent, vault).redact(&bytes)
        switch IncomingFrame.decode(bytes, session: connection.session, registeredSentAt: connection.registeredSentAt) {
        case .received(var frame):
            if connection.session == nil {
                guard case .register(let registration) = frame.report else { return closeAtServer(id, .closed) }
                frame.session = open(id, connection, registration, frame, agent)
            }
            submit(.received(agent, frame), connection: id)
        case .unreadable(let frame):
            submit(.unreadable(agent, frame))
            if connection.session == nil { closeAtServer(id, .closed) }
        }
    }

    private mutating func open(
        _ id: Int, _ connection: Connection, _ registration: Registration, _ frame: ReceivedFrame, _ agent: AgentID
    ) -> SessionID {
        let session = SessionID(bits: dice.bits())
        connections[id]?.session = session
        let isJournaling = connection.extensions.contains(ProtocolExtension.journal)
        connections[id]?.registeredSentAt = isJournaling ? nil : frame.sentAt
        let opening = SessionOpening(
            session: session, remoteAddress: Text("10.0.0.\(connection.agent % 250)"),
            extensions: connection.extensions, hostname: registration.hostname)
        submit(.sessionOpened(agent, opening))
        after(.seconds(25), .ping(id))
        if links[connection.agent].showing.diesAfterRegister { dieSilently(connection.agent, on: id) }
        return session
    }

    /// The server ends a connection, or sees that it has ended.
    mutating func closeAtServer(_ id: Int, _ closing: SessionClosing) {
        guard let connection = connections[id], connection.isOpenAtServer else { return }
        breakConnection(id)
        letGo(id)
        if let session = connection.session {
            submit(.sessionClosed(links[connection.agent].agent, session, closing))
        }
    }

    /// The door holds a connection no longer.
    mutating func letGo(_ id: Int) {
        guard let connection = connections[id] else { return }
        connections[id]?.isOpenAtServer = false
        openConnections[links[connection.agent].agent]?.removeAll { $0 == id }
        forgetIfOver(id)
    }

    mutating func serverNotices(_ id: Int) {
        if server.kernel != nil { closeAtServer(id, .closed) }
    }

    /// Keeps the agent's idle timer from running out: a ping when nothing was written for 25 s.
    mutating func ping(_ id: Int) {
        guard let connection = connections[id], connection.isOpenAtServer, server.kernel != nil else { return }
        if connection.isWelcomed, now - connection.lastWritten >= .seconds(25) { sendPing(id) }
        let lastWritten = connections[id]?.lastWritten ?? now
        after(max(.seconds(25) + (lastWritten - now), .seconds(1)), .ping(id))
    }

    mutating func sendPing(_ id: Int) {
        connections[id]?.pingCount += 1
        let number = connections[id]?.pingCount ?? 0
        // A ping is never too large to be encoded.
        try? write(.ping(wallTime), to: id, correlationID: "ping-\(number)")
    }
}
