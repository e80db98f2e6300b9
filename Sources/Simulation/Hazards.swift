import Core

/// What strikes a world while its faults are on.
enum Hazard: Int, CaseIterable, Sendable {
    case connectionBreaks
    case connectionHangs
    case agentDies
    case serverDies
    case storeIsOut
    case diskIsFull
    case diskFails
    case reportIsForged
    case reportIsRepeated
    case keyIsRotated
    case objectIsDeleted
}

extension World {
    /// One hazard, and the next one a little later.
    mutating func strike() throws(Breach) {
        guard !isHealed else { return }
        after(dice.chance(in: 6) ? dice.span(60_000...300_000) : dice.span(100...30_000), .hazard)
        guard let hazard = dice.pick(Hazard.allCases) else { return }
        faultCounts[hazard.rawValue] += 1
        let agent = Int(dice.number(0...1))
        switch hazard {
        case .connectionBreaks:
            if let id = links[agent].connection { breakConnection(id) }
        case .connectionHangs:
            if let id = links[agent].connection { breakConnection(id, noticedByAgent: sees(), noticedByServer: sees()) }
        case .agentDies:
            if dice.chance(in: 2) { killAgent(agent) }
        case .serverDies:
            if dice.chance(in: 2) { killServer() }
        case .storeIsOut:
            if dice.chance(in: 3) { store.isOutUntil = now + dice.span(1_000...120_000) }
        case .diskIsFull:
            server.fullUntil = now + dice.span(1...8_000)
        case .diskFails:
            server.failsNextCommit = dice.chance(in: 3)
        case .reportIsForged:
            forge(from: agent)
        case .reportIsRepeated:
            repeatReport(of: agent)
        case .keyIsRotated:
            guard dice.chance(in: 6) else { return }
            clients.append(Client(request: .rotateKey(links[agent].agent, keyDigest: [UInt8](repeating: 8, count: 32))))
            ask(clients.count - 1)
        case .objectIsDeleted:
            guard let run = dice.pick(fleetAudit.state.objects.idsByCreation) else { return }
            clients.append(Client(request: .deleteRun(run)))
            ask(clients.count - 1)
        }
    }

    /// An agent speaks of a run that is not its own, or of none.
    private mutating func forge(from agent: Int) {
        guard links[agent].isWelcomed else { return }
        let others = fleetAudit.state.agents[links[1 - agent].agent]?.openRuns ?? []
        let run = dice.pick(others) ?? RunID(bits: dice.bits())
        let wire = WireRunID(run, fleetAudit.state.runs[run]?.attempt ?? .first)
        let object = drawObject()
        if dice.chance(in: 2) {
            send(
                .completed(
                    Completion(
                        job: JobID("job_0_0"), run: wire, objectName: wire.text, byteCount: object.byteCount,
                        digest: object.digest, durationMilliseconds: 0, compression: "zstd", databaseVersion: "")),
                from: agent)
        } else {
            send(
                .jobUpdate(
                    JobUpdate(
                        job: JobID("job_0_0"), run: wire, status: dice.chance(in: 2) ? .failed : .cancelled,
                        progressPercent: 0, step: "", errorText: "")), failure: .source, from: agent)
        }
        links[agent].lastReport = nil
    }

    /// A report comes once more: the very same frame, or with a number of its own.
    private mutating func repeatReport(of agent: Int) {
        guard links[agent].isWelcomed, let report = links[agent].lastReport else { return }
        if dice.chance(in: 2) {
            write(report, from: agent)
        } else {
            send(report.report, failure: report.failure, from: agent)
        }
    }
}
