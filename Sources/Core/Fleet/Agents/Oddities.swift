/// What is odd about an agent, as far as it shows in how things came about and not in one report alone. Each is noted
/// only where nothing harmless explains it.
extension Fleet.State {
    /// The number of a message of the present connection.
    mutating func number(_ frame: ReceivedFrame, from id: AgentID, after highest: UInt64) -> [Fleet.Change] {
        if frame.isReplayed {
            agents[id]?.numbers.replayed(frame.sequence)
            return []
        }
        var changes: [Fleet.Change] = []
        if agents[id]?.numbers.live(frame.sequence, after: highest) == true {
            let detail = Text("number \(frame.sequence) came after \(highest)")
            changes.append(.anomaly(Anomaly(agent: id, kind: .messageReordered, run: nil, detail: detail)))
        }
        guard case .heartbeat = frame.report, let lost = agents[id]?.numbers.beat(), !lost.isEmpty else {
            return changes
        }
        let shown = lost.prefix(8).map(String.init).joined(separator: ", ") + (lost.count > 8 ? ", …" : "")
        let detail = Text("\(lost.count) of a former connection, with the numbers \(shown)")
        return changes + [.anomaly(Anomaly(agent: id, kind: .messageLost, run: nil, detail: detail))]
    }

    /// Whether a live heartbeat shows that the agent has not applied what it was sent. Told once a connection.
    mutating func checkApplied(
        _ heartbeat: Heartbeat, of id: AgentID, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard let agent = agents[id], let session = agent.session, session.isWelcomed, !session.isConfigurationNoted,
            agent.configVersion > 0, heartbeat.configVersion != agent.configVersion
        else { return [] }
        let named = "it names version \(heartbeat.configVersion) and was sent \(agent.configVersion)"
        let detail: String
        if heartbeat.configVersion > agent.configVersion,
            heartbeat.configVersion == agent.registration?.lastKnownConfigVersion
        {
            // No delay explains this one: it came with that number, and had its answer before it spoke.
            detail = named + "; a lower one is applied, but named only after a restart"
        } else {
            guard let sentAt = agent.configSentAt, entry.recordedAt - sentAt >= Fleet.Limits.application else {
                return []
            }
            detail = named + " \((entry.recordedAt - sentAt).count / 1_000) s ago"
        }
        agents[id]?.session?.isConfigurationNoted = true
        return [.anomaly(Anomaly(agent: id, kind: .configNotApplied, run: nil, detail: Text(detail)))]
    }

    /// What a change of a run shows about its agent.
    func oddities(of id: RunID, before: Run, after: Run) -> [Anomaly] {
        func odd(_ kind: Anomaly.Kind, _ detail: Text) -> [Anomaly] {
            [Anomaly(agent: after.order.agent, kind: kind, run: id, detail: detail)]
        }
        if after.failure == .disconnect, after.hasFailedSinceDelivery, !before.hasFailedSinceDelivery {
            return odd(.runCutOff, "the agent reported that what it was doing was interrupted")
        }
        if after.completionCount > before.completionCount, after.isCaptured, after.isCancelRequested {
            return odd(.unconfirmedCommand, "it was told to cancel the run, and completed it")
        }
        if after.cancellation == .unanswered, before.cancellation == .sent {
            // One that is out of reach may have stopped it all the same.
            return agents[after.order.agent]?.session == nil
                ? [] : odd(.unconfirmedCommand, "it was told to cancel the run, and has not answered in time")
        }
        switch (before.phase, after.phase) {
        case (.unconfirmed, .reconciling):
            return odd(.unconfirmedCommand, "whether RunBackup arrived is not known, and it never spoke of the run")
        case (.reconciling, .gone(_, .lost)):
            // An agent that is out of reach may still have the report.
            guard let agent = agents[after.order.agent], agent.session?.hasSpoken == true else { return [] }
            // Counted from the instruction: its outcome may come behind what the process did that it was written to.
            if let restart = agent.restartedBy, let order = after.orderedBy, restart > order {
                return odd(.runCutOff, "its process is a new one since the run was sent")
            }
            return odd(.messageLost, "it is connected again, and says nothing about the run, which has no object")
        case (.queued, _), (.sending, _), (.unconfirmed, _), (.running, _), (.verifying, _), (.reconciling, _),
            (.stored, _), (.failed, _), (.gone, _), (.waiting, _), (.expired, _), (.stopped, _), (.captured, _),
            (.ended, _), (.closed, _):
            return []
        }
    }
}
