/// How the processes with one key take each other's place. Two copies of one machine have one host's name, so that neither
/// is refused: each new connection ends the other's, which dials again, for ever. What tells them apart are the numbers of
/// their messages, which a process draws from one sequence of its own: where a connection replaces a live one and goes on
/// with the numbers of the process before, that process was not gone. A restarted process never does so, nor does one whose
/// network comes and goes.
struct Alternation: Hashable, Sendable {
    /// Where the connection dialled from that the newest one has replaced while it was open; nil once that has registered.
    var replacedAddress: Text?
    /// The highest number of the process before the present one; nil while there was none.
    var formerSequence: UInt64?
    /// When a process came back that another had replaced, the oldest first, within ``Fleet/Limits/alternation``.
    var returns: [Timestamp] = []
    /// The number of the last such Register that was above all of the process it replaced, and of the last that was not. One
    /// process that is killed again and again begins with 1, or little more, each time: what comes back goes on.
    var lastRise: UInt64?
    var lastFall: UInt64?

    /// A process registers.
    ///
    /// - Parameters:
    ///   - sequence: The number of its Register.
    ///   - highest: The highest number of the process that was connected last.
    /// - Returns: Whether it is one that another had replaced.
    mutating func register(_ sequence: UInt64, after highest: UInt64) -> Bool {
        let (former, isFall) = (formerSequence, sequence <= highest)
        let isReturn = former.map { sequence > $0 && (isFall || $0 > highest) } ?? false
        if isReturn || isFall { formerSequence = highest }
        guard isReturn else { return false }
        if let last = isFall ? lastFall : lastRise, sequence <= last {
            returns = []
            (lastRise, lastFall) = (nil, nil)
        }
        if isFall { lastFall = sequence } else { lastRise = sequence }
        return true
    }
}

extension Fleet.State {
    /// A connection becomes the agent's: in place of an open one, or of none.
    mutating func noteReplacement(of id: AgentID) {
        guard let agent = agents[id], !agent.isCaptured else { return }
        if let session = agent.session {
            alternations[id, default: Alternation()].replacedAddress = session.remoteAddress
        } else {
            alternations[id]?.replacedAddress = nil
        }
    }

    /// Looks at whether a Register is one of two processes that replace each other again and again.
    mutating func checkAlternation(
        of id: AgentID, sequence: UInt64, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard var alternation = alternations[id], let agent = agents[id], let registration = agent.registration else {
            return []
        }
        defer { alternations[id] = alternation }
        let replaced = alternation.replacedAddress
        alternation.replacedAddress = nil
        let isReturn = alternation.register(sequence, after: agent.highestLiveSequence)
        guard isReturn, let replaced else { return [] }
        alternation.returns.removeAll { entry.recordedAt - $0 >= Fleet.Limits.alternation }
        alternation.returns.append(entry.recordedAt)
        guard alternation.returns.count >= Fleet.Limits.alternations else { return [] }
        alternation.returns = []
        let address = agent.session?.remoteAddress ?? ""
        conflicts[id] = Conflict(
            hostname: registration.hostname, session: nil, remoteAddress: replaced, refusedAt: entry.recordedAt,
            count: (conflicts[id]?.count ?? 0) &+ 1)
        let detail =
            "two processes with this key, both on a host \(registration.hostname.prefix(byteCount: 100)), replace each "
            + "other: one dials from \(address), the other from \(replaced)"
        return [.anomaly(Anomaly(agent: id, kind: .identityConflict, run: nil, detail: Text(detail)))]
    }
}

/// With its agent, as a snapshot keeps it.
struct AgentAlternation: Restorable {
    var agent: AgentID
    var alternation: Alternation

    init(agent: AgentID, alternation: Alternation) {
        self.agent = agent
        self.alternation = alternation
    }

    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("agent_id", agent)
        encoder.encode("replaced_address", alternation.replacedAddress)
        encoder.encode("former_sequence", alternation.formerSequence)
        encoder.encode("last_rise", alternation.lastRise)
        encoder.encode("last_fall", alternation.lastFall)
        encoder.encode("returns", list: alternation.returns.map { Return(moment: $0) })
    }

    init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        agent = try decoder.decode("agent_id")
        alternation = Alternation()
        alternation.replacedAddress = try decoder.decode("replaced_address")
        alternation.formerSequence = try decoder.decode("former_sequence")
        alternation.lastRise = try decoder.decode("last_rise")
        alternation.lastFall = try decoder.decode("last_fall")
        let returns: [Return] = try decoder.decode("returns")
        alternation.returns = returns.map(\.moment)
    }

    private struct Return: Restorable {
        var moment: Timestamp

        init(moment: Timestamp) { self.moment = moment }

        func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) { encoder.encode("", moment) }

        init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
            moment = try decoder.decode("")
        }
    }
}
