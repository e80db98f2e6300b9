public import Core
import Engine

extension World {
    /// Runs without a verdict.
    public var openRuns: [RunID] {
        let runs = fleetAudit.state.runs
        return runs.idsByCreation.filter { runs[$0]?.isOpen == true }
    }

    /// Whether people have asked for everything they wanted.
    public var isAsked: Bool { clients.allSatisfy(\.isAnswered) }

    /// Lets time pass until all that was planned has been asked for, heals the world, and lets it come to rest.
    ///
    /// - Throws: ``Violation``, also when anything is still waiting at the end.
    public mutating func settle() throws(Violation) {
        let end = now + .hours(24)
        while !isAsked, now < end { try step() }
        heal()
        let healed = now
        let rest = now + .hours(30)
        while now < rest {
            try run(for: .minutes(2))
            if now > healed + .minutes(30), let breach = idleness { throw violation(breach) }
            if restlessness == nil { break }
        }
        if let breach = restlessness { throw violation(breach) }
        try audit()
    }

    /// Compares both states with their logs.
    private func audit() throws(Violation) {
        do {
            if let state = server.kernel?.state { try fleetAudit.check(served: state) }
            if let state = station.kernel?.state { try stationAudit.check(served: state) }
        } catch {
            throw violation(error)
        }
    }

    /// A run that waits although nothing keeps it.
    private var idleness: Breach? {
        let state = fleetAudit.state
        for id in openRuns {
            guard let run = state.runs[id], run.phase == .queued else { continue }
            let wait = Fleet.wait(of: id, at: now, in: state)
            // In a healed world whoever is connected can be sent something.
            guard wait == nil || wait == .agent && state.agents[run.order.agent]?.session != nil else { continue }
            return Breach(4, "\(id) waits, and \(run.order.agent) could take it")
        }
        return nil
    }

    /// What is not at rest; nil when everything is.
    private var restlessness: Breach? {
        if !isAsked { return Breach(2, "a request was never answered") }
        if let run = openRuns.first, let known = fleetAudit.state.runs[run] {
            return Breach(4, "\(run) of \(known.order.agent) is still open in phase \(known.phase)")
        }
        if let command = fleetAudit.openCommands.min(by: { $0.key < $1.key }) {
            return Breach(9, "command \(command.key) has no outcome: \(command.value)")
        }
        if let command = stationAudit.openCommands.min(by: { $0.key < $1.key }) {
            return Breach(9, "station: command \(command.key) has no outcome: \(command.value)")
        }
        let station = stationAudit.state
        if station.openCount > 0 { return Breach(4, "station: \(station.openCount) runs are still open") }
        if station.activeCount > 0 { return Breach(8, "station: \(station.activeCount) slots are still taken") }
        if let staged = self.station.staging.sorted().first {
            return Breach(4, "station: the staging file of \(staged) is still there")
        }
        return nil
    }

    /// What the world has come to, for people.
    public var describe: String {
        var verdicts: [(String, Int)] = ["success", "failed", "cancelled", "lost", "open"].map { ($0, 0) }
        fleetAudit.state.runs.forEach { _, run in
            var word = "open"
            if case .closed(let verdict) = run.phase { word = verdict.word }
            if let place = verdicts.firstIndex(where: { $0.0 == word }) { verdicts[place].1 += 1 }
        }
        let faults = zip(Hazard.allCases, faultCounts).map { "\($0) \($1)" }
        return """
            seed \(seed), \((now - World.beginning).count / 1_000) s, \(stepCount) steps, \
            \(server.commitCount) commits, \(fleetAudit.last) entries, \(stationAudit.last) at the agent
            runs: \(verdicts.map { "\($0.0) \($0.1)" }.joined(separator: ", "))
            server starts \(server.startCount), agent starts \(stationAudit.state.startCount), \
            connections \(connections.count); faults: \(faults.joined(separator: ", "))
            """
    }
}

extension World {
    /// The control plane's log, a line an entry: position, time, stream, kind, cause.
    public var log: [String] {
        server.disk.entries(after: .start).map {
            "\($0.position) \($0.recordedAt) \($0.stream) \($0.kind) \($0.cause.map(\.description) ?? "")"
        }
    }
}
