import Core

/// The way between agents and the control plane.
extension World {
    mutating func latency() -> Milliseconds {
        strikes(.delay, in: 50) ? dice.span(500...8_000) : dice.span(1...120)
    }

    /// Puts an agent's message on its way. It is lost when the connection breaks before it arrives.
    mutating func write(_ bytes: [UInt8], from agent: Int) {
        guard let id = links[agent].connection, let connection = connections[id], !connection.isBroken else {
            return noteLost(bytes, from: agent)
        }
        var arrival = max(connection.toServer, now + latency())
        if connection.isWelcomed, references[agent] != nil, strikes(.reordering, in: 40) {
            // A reference agent draws numbers before it writes: later ones may get on the wire first.
            agenda.add(.toServer(id, from: agent, bytes), at: arrival + dice.span(50...2_000))
            return
        }
        if connection.session != nil, strikes(.garbledFrame, in: 600) {
            var bytes = bytes
            let place = Int(dice.number(0...Int64(bytes.count - 1)))
            bytes[place] ^= 1 << UInt8(dice.number(0...7))
            agenda.add(.toServer(id, from: agent, bytes), at: arrival)
            return breakConnection(id)
        }
        arrival = max(arrival, connection.toServer)
        connections[id]?.toServer = arrival
        agenda.add(.toServer(id, from: agent, bytes), at: arrival)
    }

    /// Whether an end is seen at the other side, or the connection stays half open there.
    mutating func sees() -> Bool { !strikes(.halfOpen, in: 5) }

    /// From now on no frame gets on the way. Each side notices at its own time; of a half-open connection, never.
    mutating func breakConnection(_ id: Int, noticedByAgent: Bool = true, noticedByServer: Bool = true) {
        guard let connection = connections[id], !connection.isBroken else { return }
        connections[id]?.isBroken = true
        connections[id]?.deliversToServerUntil = now + (dice.chance(in: 2) ? dice.span(0...5_000) : Milliseconds(-1))
        connections[id]?.deliversToAgentUntil = now + (dice.chance(in: 2) ? dice.span(0...5_000) : Milliseconds(-1))
        if noticedByAgent { after(dice.span(1...3_000), .agentNotices(id)) }
        if noticedByServer, connection.isOpenAtServer { after(dice.span(1...3_000), .serverNotices(id)) }
    }

    /// Forgets a connection that neither side holds any more.
    mutating func forgetIfOver(_ id: Int) {
        guard let connection = connections[id], !connection.isOpenAtServer, !connection.isOpenAtAgent else { return }
        connections[id] = nil
    }
}
