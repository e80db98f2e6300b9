public import Core
import Digests
import Engine

extension World {
    /// Runs without a verdict.
    public var openRuns: [RunID] {
        let runs = fleetAudit.state.runs
        return runs.idsByCreation.filter { runs[$0]?.isOpen == true }
    }

    /// Lets time pass until people want nothing more, heals the world, and lets it come to rest.
    ///
    /// - Throws: ``Violation``, also when anything is still waiting at the end.
    public mutating func settle() throws(Violation) {
        while now < end { try run(for: min(end - now, .minutes(10))) }
        heal()
        try run(for: plan.profile.schedulePeriods)
        if let breach = tardiness ?? idleness { throw violation(breach) }
        let rest = now + .hours(60)
        while now < rest {
            endWishes()
            try run(for: .minutes(2))
            if let breach = idleness { throw violation(breach) }
            if restlessness == nil { break }
        }
        if let breach = restlessness { throw violation(breach) }
        try audit()
    }

    /// Compares all states with their logs.
    private func audit() throws(Violation) {
        do {
            if let state = server.kernel?.state { try fleetAudit.check(served: state) }
            for station in stations {
                if let state = station?.kernel?.state { try station?.audit.check(served: state) }
            }
        } catch {
            throw violation(error)
        }
    }

    /// A slot whose time has come, in a healed world whose schedules still run, and that no entry speaks of.
    private var tardiness: Breach? {
        guard let moment = fleetAudit.recordedAt, fleetAudit.state.clockDoubt == nil else { return nil }
        if let schedule = checks.unreadSchedule(at: moment, in: fleetAudit.state) { return Breach(6, schedule) }
        return checks.overdueSlot(by: moment + .minutes(-5)).map { Breach(6, $0) }
    }

    /// A run that waits although nothing keeps it, an alert that is open behind its cause, or an agent that is there and taken
    /// for away.
    private var idleness: Breach? {
        let state = fleetAudit.state
        for link in links where link.isWelcomed && !link.isClone && now - link.lastHeard < .seconds(60) {
            guard let id = link.connection, let connection = connections[id], !connection.isBroken,
                let session = connection.session, connection.isOpenAtServer, server.kernel != nil
            else { continue }
            guard state.agents[link.agent]?.session?.id == session else {
                return Breach(4, "\(link.host) is connected, and \(link.agent) is taken for away")
            }
        }
        if let alert = checks.staleAlert(in: state) {
            return Breach(3, "alert \(alert.kind.rawValue) of \(alert.subject) is open, and its cause is over")
        }
        for id in openRuns {
            guard let run = state.runs[id], run.phase == .queued else { continue }
            let moment = state.moment(at: now)
            // In a healed world whoever is connected can be sent something, at most so many a second in all of the fleet.
            guard checks.obstacle(to: id, at: moment, in: state) == nil,
                Fleet.wait(of: id, at: moment, in: state) != .fleet
            else { continue }
            return Breach(4, "\(id) waits, and \(run.order.agent) could take it")
        }
        return nil
    }

    /// What is not at rest; nil when everything is.
    private var restlessness: Breach? {
        if unansweredCount > 0 { return Breach(2, "\(unansweredCount) requests were never answered") }
        if let command = fleetAudit.openCommands.min(by: { $0.key < $1.key }) {
            return Breach(9, "command \(command.key) has no outcome: \(command.value)")
        }
        if let run = openRuns.first, let known = fleetAudit.state.runs[run] {
            return Breach(4, "\(run) of \(known.order.agent) is still open in phase \(known.phase)")
        }
        if let slot = checks.unjudgedSlot { return Breach(6, slot) }
        let state = fleetAudit.state
        if let job = state.schedules.idsByCreation.first { return Breach(6, "the schedule of \(job) is not over") }
        for id in state.agents.idsByCreation {
            guard let agent = state.agents[id], let remainder = OpenRuns.remainder(of: agent) else { continue }
            return Breach(8, "\(id) has no open runs, and counts \(remainder)")
        }
        for (agent, station) in stations.enumerated() where !links[agent].isClone {
            guard let station else { continue }
            let host = links[agent].host
            if let command = station.audit.openCommands.min(by: { $0.key < $1.key }) {
                return Breach(9, "\(host): command \(command.key) has no outcome: \(command.value)")
            }
            let state = station.audit.state
            if state.openCount > 0 { return Breach(4, "\(host): \(state.openCount) runs are still open") }
            if state.activeCount > 0 { return Breach(8, "\(host): \(state.activeCount) slots are still taken") }
            if let staged = station.staging.sorted().first {
                return Breach(4, "\(host): the staging file of \(staged) is still there")
            }
        }
        return nil
    }

    /// SHA-256 over the links of all logs: equal worlds have equal ones, in every process and on every machine.
    public var digest: Digest {
        var hash = SHA256()
        server.disk.end.link.withUnsafeBytes { hash.update($0) }
        for station in stations { station?.disk.end.link.withUnsafeBytes { hash.update($0) } }
        return hash.finalize()
    }

    /// How many faults of a kind there were.
    public func count(of fault: Fault) -> Int { faultCounts[fault] ?? 0 }

    /// The last position of the control plane's log.
    public var position: Position { fleetAudit.last }

    /// For so long it has lived, by its own clock.
    public var age: Milliseconds { now - World.beginning }

    /// What the world has come to, for people.
    public var describe: String {
        var verdicts: [(String, Int)] = ["success", "failed", "cancelled", "lost", "open"].map { ($0, 0) }
        fleetAudit.state.runs.forEach { _, run in
            var word = "open"
            if case .closed(let verdict) = run.phase { word = verdict.word }
            if let place = verdicts.firstIndex(where: { $0.0 == word }) { verdicts[place].1 += 1 }
        }
        let faults = Fault.allCases.filter { count(of: $0) > 0 }.map { "\($0.rawValue) \(count(of: $0))" }
        return """
            seed \(plan.seed), \(age.count / 1_000) s, \(stepCount) steps, \
            \(server.commitCount) commits, \(fleetAudit.last) entries
            runs: \(verdicts.map { "\($0.0) \($0.1)" }.joined(separator: ", "))
            server starts \(server.startCount), connections \(connectionCount)
            faults: \(faults.joined(separator: ", "))
            digest \(digest)
            """
    }
}
