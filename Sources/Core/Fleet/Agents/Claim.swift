/// A connection from another host with the key of an agent that is connected already. It waits until it is known whether
/// the agent's own connection lives: that one is asked, and if it says nothing, this one takes its place.
public struct Claim: Hashable, Sendable {
    /// The connection that waits for its RegisterAck.
    public internal(set) var session: SessionID
    /// Where it dialled from.
    public internal(set) var remoteAddress: Text
    /// The extensions it speaks.
    public internal(set) var extensions: [Text]
    /// The host it says it is.
    public internal(set) var hostname: Text
    /// Its Register, once it came.
    var registration: Registration?
    /// When that was built, by its clock.
    var registeredSentAt: Timestamp?
    /// The number of that.
    var sequence: UInt64 = 0
    /// When it takes the agent's place if nothing was heard.
    public internal(set) var dueAt: Timestamp

    /// What the session is opened with once the claim is good.
    var opening: SessionOpening {
        SessionOpening(session: session, remoteAddress: remoteAddress, extensions: extensions, hostname: hostname)
    }
}

/// One key is on two machines: another host was refused because the agent's own connection answered, or two of one name
/// replace each other.
public struct Conflict: Hashable, Sendable {
    /// The refused host; of two of one name, that name.
    public internal(set) var hostname: Text
    /// Its connection, which may go on to send until it is closed; nil of two of one name, of which none is refused.
    public internal(set) var session: SessionID?
    /// Where it dialled from; of two of one name, the one whose connection was replaced last.
    public internal(set) var remoteAddress: Text
    /// When it was refused, or the other replaced, last.
    public internal(set) var refusedAt: Timestamp
    /// How often that was found since the agent has this key.
    public internal(set) var count: UInt64
}

extension Fleet.State {
    /// Whether a connection comes from another host than the open one. A host without a name is taken for the same.
    func isRival(_ opening: SessionOpening, of id: AgentID) -> Bool {
        guard let agent = agents[id], !agent.isCaptured, agent.session != nil, opening.session != nil,
            let host = opening.hostname, let known = agent.registration?.hostname, !host.isEmpty, !known.isEmpty
        else { return false }
        return host != known
    }

    /// Lets a connection wait. A newer claim takes the place of an older one and does not put off the verdict.
    mutating func claim(
        _ id: AgentID, _ opening: SessionOpening, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard let session = opening.session else { return [] }
        let former = claims[id]
        let due = former?.dueAt ?? entry.recordedAt + Fleet.Limits.claim
        claims[id] = Claim(
            session: session, remoteAddress: opening.remoteAddress, extensions: opening.extensions,
            hostname: opening.hostname ?? "", dueAt: due)
        timers.arm(.claim(id), due: due, by: entry.position)
        return (former.map { [.rejected(id, $0.session)] } ?? []) + [.claimed(id)]
    }

    /// A frame of a connection that waits: its Register is kept, and nothing else counts.
    mutating func hold(_ frame: ReceivedFrame, of id: AgentID) {
        guard case .register(let registration) = frame.report else { return }
        claims[id]?.registration = registration
        claims[id]?.registeredSentAt = frame.sentAt
        claims[id]?.sequence = frame.sequence
    }

    /// The agent's own connection has spoken: whoever waits in its place is refused.
    mutating func refuseClaim(of id: AgentID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard let claim = claims[id], let agent = agents[id] else { return [] }
        endClaim(of: id)
        conflicts[id] = Conflict(
            hostname: claim.hostname, session: claim.session, remoteAddress: claim.remoteAddress,
            refusedAt: entry.recordedAt,
            count: (conflicts[id]?.count ?? 0) &+ 1)
        let own = agent.registration?.hostname ?? ""
        let detail =
            "\(own.prefix(byteCount: 100)) at \(agent.session?.remoteAddress ?? "") is connected and answers; "
            + "\(claim.hostname.prefix(byteCount: 100)) at \(claim.remoteAddress) has the same key and was refused"
        return [
            .rejected(id, claim.session),
            .anomaly(Anomaly(agent: id, kind: .identityConflict, run: nil, detail: Text(detail))),
        ]
    }

    /// Nothing was heard from the agent's own connection, or it is gone: the one that waits is the agent's now.
    mutating func promoteClaim(of id: AgentID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard let claim = claims[id] else { return [] }
        endClaim(of: id)
        var changes = install(claim.opening, of: id, entry)
        guard let registration = claim.registration else { return changes }
        changes += newProcess(of: id, registration, sequence: claim.sequence, entry)
        agents[id]?.registration = registration
        agents[id]?.session?.registeredSentAt = claim.registeredSentAt
        return changes + [.registered(id, claim.session)]
    }

    mutating func endClaim(of id: AgentID) {
        claims[id] = nil
        timers.disarm(.claim(id))
    }
}

extension Claim: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("session", session)
        encoder.encode("remote_address", remoteAddress)
        encoder.encode("extensions", list: extensions)
        encoder.encode("hostname", hostname)
        encoder.encode("registration", registration)
        encoder.encode("registered_sent_at", registeredSentAt)
        encoder.encode("sequence", sequence)
        encoder.encode("due_at", dueAt)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        session = try decoder.decode("session")
        remoteAddress = try decoder.decode("remote_address")
        extensions = try decoder.decode("extensions")
        hostname = try decoder.decode("hostname")
        registration = try decoder.decode("registration")
        registeredSentAt = try decoder.decode("registered_sent_at")
        sequence = try decoder.decode("sequence")
        dueAt = try decoder.decode("due_at")
    }
}

extension Conflict: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("hostname", hostname)
        encoder.encode("session", session)
        encoder.encode("remote_address", remoteAddress)
        encoder.encode("refused_at", refusedAt)
        encoder.encode("count", count)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        hostname = try decoder.decode("hostname")
        session = try decoder.decode("session")
        remoteAddress = try decoder.decode("remote_address")
        refusedAt = try decoder.decode("refused_at")
        count = try decoder.decode("count")
    }
}
