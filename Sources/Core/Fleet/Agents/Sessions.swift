extension Fleet.State {
    mutating func openSession(
        of id: AgentID, _ opening: SessionOpening, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        isRival(opening, of: id) ? claim(id, opening, entry) : install(opening, of: id, entry)
    }

    /// Makes a connection the agent's; the former one is over.
    mutating func install(
        _ opening: SessionOpening, of id: AgentID, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard let agent = agents[id] else { return [] }
        var changes: [Fleet.Change] = []
        if let former = agent.session?.id, former != opening.session { changes.append(.disowned(id, former)) }
        noteReplacement(of: id)
        if agent.session != nil { _ = loseSession(of: id, entry) }
        agents[id]?.session = Agent.Session(
            id: opening.session, remoteAddress: opening.remoteAddress, extensions: opening.extensions)
        agents[id]?.session?.savedCount =
            agent.inFlightCount &+ agent.savedDiscoveryCount(opening, at: entry.recordedAt)
        agents[id]?.numbers.connect()
        agents[id]?.configSentAt = nil
        // The host that was refused is the agent's own now: it moved.
        if let host = opening.hostname, host == conflicts[id]?.hostname, host != agent.registration?.hostname {
            conflicts[id] = nil
            revisitAlerts(entry) { key, _ in key == AlertKey(.identityConflict, id) }
        }
        agents[id]?.journalsRuns = opening.extensions.contains(ProtocolExtension.journal)
        agents[id]?.lastSeenAt = entry.recordedAt
        timers.arm(.silence(id), due: entry.recordedAt + Fleet.Limits.silence, by: entry.position)
        stopWatching(AlertKey(.agentLost, id))
        awaitChecks(of: id, entry)
        return changes + [.session(id)]
    }

    mutating func closeSession(
        of id: AgentID, _ session: SessionID, _ closing: SessionClosing, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        if claims[id]?.session == session { endClaim(of: id) }
        guard agents[id]?.session?.id == session else { return [] }  // replaced, refused, or over by silence
        return loseSession(of: id, entry) + promoteClaim(of: id, entry)
    }

    /// The session is over; what the agent was doing is out of touch from now on.
    mutating func loseSession(of id: AgentID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        agents[id]?.session = nil
        timers.disarm(.silence(id))
        watchAbsence(of: id, entry)
        for run in agents[id]?.openRuns ?? [] { touch(run, entry) { $0.lostTouch(at: entry.recordedAt) } }
        return [.session(id)]
    }

    mutating func fallSilent(_ id: AgentID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard let session = agents[id]?.session else { return [] }
        var changes = loseSession(of: id, entry)
        if let sessionID = session.id { changes.append(.disowned(id, sessionID)) }
        if session.isWelcomed, !session.hasSpoken {
            let hangs = session.savedCount > Fleet.Limits.replay
            changes.append(
                .anomaly(
                    Anomaly(
                        agent: id, kind: hangs ? .backlogHang : .silentAfterRegister, run: nil,
                        detail: hangs
                            ? Text(
                                "it may have saved \(session.savedCount) messages when it registered; restart it")
                            : "nothing came after Register; restart the agent")))
        }
        return changes + promoteClaim(of: id, entry)
    }

    /// Numbers begin anew with a Register of a new process. It is told as a restart where it is the same host's: another one
    /// has moved in, or is a copy.
    mutating func newProcess(
        of id: AgentID, _ registration: Registration, sequence: UInt64, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard let agent = agents[id] else { return [] }
        let changes = checkAlternation(of: id, sequence: sequence, entry)
        defer { agents[id]?.highestLiveSequence = sequence }
        guard let former = agent.registration, sequence <= agent.highestLiveSequence else { return changes }
        agents[id]?.recent.clear()
        agents[id]?.restartedBy = entry.position
        guard former.hostname == registration.hostname else { return changes }
        return changes + [
            .anomaly(
                Anomaly(
                    agent: id, kind: .processRestart, run: nil,
                    detail: Text("Register has number \(sequence), after \(agent.highestLiveSequence)")))
        ]
    }

    /// Counts a frame as a sign of life and looks at its number.
    ///
    /// - Parameter isOfSession: Whether it came on the agent's present connection.
    /// - Returns: Nil when it is an exact repetition, which changes nothing else.
    mutating func hear(
        _ frame: ReceivedFrame, isOfSession: Bool, from id: AgentID, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change]? {
        agents[id]?.lastSeenAt = entry.recordedAt
        guard let agent = agents[id] else { return nil }
        var changes: [Fleet.Change] = []
        if isOfSession {
            timers.arm(.silence(id), due: entry.recordedAt + Fleet.Limits.silence, by: entry.position)
        }
        if case .register(let registration) = frame.report {
            changes += newProcess(of: id, registration, sequence: frame.sequence, entry)
        } else {
            if isOfSession {
                agents[id]?.session?.hasSpoken = true
                changes += number(frame, from: id, after: agent.highestLiveSequence)
            }
            if !frame.isReplayed { agents[id]?.highestLiveSequence = max(agent.highestLiveSequence, frame.sequence) }
        }
        // A replayed frame may be a former process's, whose numbers are the same as this one's: it takes none here.
        let number = frame.isReplayed ? 0 : frame.sequence
        switch agents[id]?.recent.add(sequence: number, fingerprint: frame.fingerprint) {
        case .repeated:
            agents[id]?.duplicateCount &+= 1
            return nil
        case .reused:
            changes.append(
                .anomaly(
                    Anomaly(
                        agent: id, kind: .sequenceReuse, run: nil,
                        detail: Text("number \(frame.sequence) was on another message"))))
        case .new, nil:
            break
        }
        return changes
    }

    mutating func checkSkew(_ frame: ReceivedFrame, from id: AgentID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard !frame.isReplayed, let session = agents[id]?.session, !session.isSkewNoted else { return [] }
        let skew = frame.sentAt - entry.recordedAt
        guard skew.magnitude > Fleet.Limits.skew else { return [] }
        agents[id]?.session?.isSkewNoted = true
        return [
            .anomaly(
                Anomaly(
                    agent: id, kind: .clockSkew, run: nil,
                    detail: Text("its clock is \(skew.count) ms ahead of ours (negative: behind)")))
        ]
    }
}

extension Agent {
    /// How many discoveries it may have saved since it was heard last. Ours saves none; a reference agent makes one each hour,
    /// and saves what it cannot send. One more is of the hour that has begun, and one, of its start, may have waited before.
    /// Source: the recordings `backlog-hang` and `pg-success`.
    fileprivate func savedDiscoveryCount(_ opening: SessionOpening, at moment: Timestamp) -> UInt32 {
        guard let lastSeenAt, !opening.extensions.contains(ProtocolExtension.journal) else { return 0 }
        let hours = (moment - lastSeenAt).count / Milliseconds.hours(1).count
        return hours > 0 ? UInt32(clamping: hours + 2) : 0
    }
}

/// The names of extensions beyond version 1 of the protocol.
public enum ProtocolExtension {
    /// The agent journals runs: a repeated RunBackup is not run twice.
    public static let journal: Text = "journal"
    /// The server confirms terminal reports, and the agent keeps them until then.
    public static let reportAck: Text = "report-ack"
    /// The agent runs the health checks of its configuration, and tells more of them than version 1 can.
    public static let healthDetail: Text = "health-detail"
    /// All that this version speaks, sorted.
    public static let all: [Text] = [healthDetail, journal, reportAck]
}
