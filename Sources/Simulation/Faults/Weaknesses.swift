import Core
import Engine
import Wire

/// How far an agent has come with showing the plan's weakness.
struct Showing: Sendable {
    /// Nothing else happens to it from then on.
    var hasBegun = false
    /// It has been seen, as far as a server can.
    var isOver = false
    /// When it asks for a run again.
    var asksAt = Timestamp(milliseconds: 0)
    /// It cannot be reached, nor reach anybody, before.
    var isAwayUntil = Timestamp(milliseconds: 0)
    /// Its host loses power once it has registered.
    var diesAfterRegister = false
    /// What it is sent of its configuration, it drops.
    var ignoresConfigurations = false
    /// The next RunBackup is lost with its connection.
    var losesOrder = false
    /// The next RunBackup comes twice.
    var takesTwice = false
    /// What is being done because one came twice.
    var secondWork: Int?
}

/// The weaknesses that a server can see, each shown once by each agent that has it.
extension World {
    /// Which of the model agents have a weakness.
    static func holders(of weakness: Anomaly.Kind) -> AgentKinds {
        switch weakness {
        case .backlogHang, .completionAfterFailure, .messageReordered, .messageLost, .unconfirmedCommand: .reference
        case .progressBackwards: .ours
        case .unknownRun, .foreignRun, .lateReport, .sequenceReuse, .processRestart, .clockSkew, .silentAfterRegister,
            .unreadableFrame, .repeatedCompletion, .identityConflict, .runCutOff, .configNotApplied:
            .both
        }
    }

    mutating func planWeaknesses() {
        if let interval = plan.breakInterval { agenda.add(.harmlessBreak, at: now + interval) }
        guard plan.weakness != nil else { return }
        for agent in links.indices { agenda.add(.weakness(agent), at: now + dice.span(60_000...240_000)) }
    }

    /// Shows it, again and again until a server can see it.
    mutating func showWeakness(of agent: Int) throws(Breach) {
        guard let weakness = plan.weakness, !isHealed, !links[agent].showing.isOver else { return }
        links[agent].showing.hasBegun = true
        let connection = links[agent].connection.flatMap { connections[$0] }
        let isReachable = links[agent].isWelcomed && connection?.isBroken == false
        let wait = isReachable ? try show(weakness, agent) : Milliseconds.seconds(1)
        after(wait, .weakness(agent))
    }

    /// - Returns: When to look whether it could be seen.
    private mutating func show(_ weakness: Anomaly.Kind, _ agent: Int) throws(Breach) -> Milliseconds {
        let short = Milliseconds.seconds(10)
        switch weakness {
        case .unknownRun: speak(of: WireRunID(RunID(bits: dice.bits()), .first), agent, .unknownRun)
        case .foreignRun:
            guard let run = foreignRun(to: agent) else { return short }
            speak(of: run, agent, .foreignRun)
        case .lateReport: return try goAway(agent)
        case .progressBackwards:
            guard let id = work(of: agent), let run = stations[agent]?.kernel?.state.runs[id], run.staged == nil else {
                return askForWork(of: agent)
            }
            for percent: UInt32 in [60, 20] {
                sendFromStation(
                    .progress(
                        run: id, job: run.order.job, isQueued: false, Station.Progress(step: "dump", percent: percent)),
                    agent)
            }
            expect(.progressBackwards, of: agent, within: short)
        case .sequenceReuse:
            sayHeartbeat(agent)
            sayUnderSameNumber(agent)
            expect(.sequenceReuse, of: agent, within: short)
        case .processRestart:
            restart(agent, after: dice.span(500...60_000))
            expect(.processRestart, of: agent, within: .minutes(5))
        case .clockSkew:
            guard links[agent].clockSkew.magnitude < Self.doubtfulSkew else { return .hours(100) }
            links[agent].clockSkew = dice.span(31_500...600_000)
            if dice.chance(in: 2) { links[agent].clockSkew = Milliseconds(-links[agent].clockSkew.count) }
            explain(.clockSkew, of: agent, for: .hours(1_000))
            expect(.clockSkew, of: agent, within: .minutes(1))
        case .silentAfterRegister:
            guard work(of: agent) == nil, let id = links[agent].connection else { return short }
            links[agent].showing.diesAfterRegister = true
            breakConnection(id)
            return .minutes(5)
        case .backlogHang:
            guard work(of: agent) == nil, let id = links[agent].connection else { return short }
            links[agent].showing.isAwayUntil = now + dice.span(60 * 3_600_000...100 * 3_600_000)
            breakConnection(id)
            return .hours(101)
        case .unreadableFrame:
            _ = drawNumber(of: agent)
            write([9], from: agent)
            expect(.unreadableFrame, of: agent, within: short)
        case .completionAfterFailure:
            if let number = links[agent].showing.secondWork, references[agent]?.work[number] != nil { return short }
            links[agent].showing.takesTwice = true
            return askForWork(of: agent)
        case .repeatedCompletion:
            guard let id = links[agent].connection, let report = links[agent].lastReport,
                case .received(let frame) = IncomingFrame.decode(
                    report, session: nil, registeredSentAt: connections[id]?.registeredSentAt),
                case .completed(let completion) = frame.report, !frame.isReplayed
            else { return askForWork(of: agent) }
            complete(completion.run, agent)
            expect(.repeatedCompletion, of: agent, within: short)
        case .identityConflict:
            addClone(of: agent)
            explain(.identityConflict, of: agent, for: .minutes(25))
            expect(.identityConflict, of: agent, within: .minutes(1))
        case .messageReordered:
            let moment = clock(of: agent)
            let first = references[agent]?.discover([], at: moment)
            sayHeartbeat(agent)
            if let first { write(first, from: agent) }
            expect(.messageReordered, of: agent, within: short)
        case .messageLost:
            guard let number = unfinished(agent), let id = links[agent].connection else {
                return askForWork(of: agent)
            }
            finish(number, .failed(Array("dump: pipeline: pg_dump exec: ".utf8) + [0xFF]), at: agent)
            explain(.messageLost, of: agent, for: .hours(14))
            explain(.unconfirmedCommand, of: agent, for: .minutes(5))  // if it was the answer to one
            sayHeartbeat(agent)
            after(.seconds(5), .agentNotices(id))
            expect(.messageLost, of: agent, within: .minutes(5))
        case .runCutOff: return try cutOff(agent)
        case .configNotApplied: missConfiguration(agent)
        case .unconfirmedCommand:
            guard dice.chance(in: 2) else {
                links[agent].showing.losesOrder = true
                return askForWork(of: agent)
            }
            guard let number = unfinished(agent), let order = references[agent]?.work[number]?.order,
                let run = WireRunID(order.runID).parts?.run
            else { return askForWork(of: agent) }
            askNow(.cancelRun(run))
            return .seconds(100)
        }
        return .minutes(1)
    }
}

extension World {
    /// What our agent is working on.
    private func work(of agent: Int) -> Station.RunID? {
        stations[agent]?.working.keys.min() ?? unfinished(agent).flatMap { references[agent]?.work[$0]?.order.runID }
    }

    /// What a reference agent would lose with its connection.
    private func unfinished(_ agent: Int) -> Int? { references[agent]?.work.filter { !$0.value.isUploaded }.keys.min() }

    /// Somebody asks for a run of the agent, unless somebody just has.
    private mutating func askForWork(of agent: Int) -> Milliseconds {
        if now >= links[agent].showing.asksAt, let job = dice.pick(wishes.jobs[agent]) {
            links[agent].showing.asksAt = now + .seconds(30)
            askNow(.runJob(RunID(bits: dice.bits()), job))
        }
        return .seconds(1)
    }

    private mutating func drawNumber(of agent: Int) -> UInt64 {
        stations[agent]?.sequence += 1
        return stations[agent]?.sequence ?? references[agent]?.drawNumber() ?? 0
    }

    /// A message with the agent's next number in place of its own: of two fields of one number the last one counts.
    private mutating func numbered(_ message: [UInt8], _ agent: Int) -> [UInt8] {
        var number = ProtobufWriter()
        number.add(1, drawNumber(of: agent))
        return message + number.bytes
    }

    private mutating func sayHeartbeat(_ agent: Int) {
        let moment = clock(of: agent)
        if isOurs(agent) {
            sendFromStation(heartbeat(agent), agent)
        } else if let bytes = references[agent]?.heartbeat(at: moment) {
            write(bytes, from: agent)
        }
    }

    /// Another message under the number of the one before.
    private mutating func sayUnderSameNumber(_ agent: Int) {
        let moment = clock(of: agent)
        if isOurs(agent) {
            stations[agent]?.sequence -= 1
            sendFromStation(.acknowledgement(correlationID: "none"), agent)
        } else {
            references[agent]?.repeatNumber()
            if let bytes = references[agent]?.discover([], at: moment) { write(bytes, from: agent) }
        }
    }

    /// The agent reports the end of a run that is not its own.
    private mutating func speak(of run: WireRunID, _ agent: Int, _ kind: Anomaly.Kind) {
        if dice.chance(in: 2) {
            complete(run, agent)
        } else {
            var envelope = ProtobufWriter()
            envelope.add(2, UInt64(clamping: clock(of: agent).milliseconds))
            envelope.add(13, forgedUpdate(of: run))
            write(numbered(envelope.bytes, agent), from: agent)
        }
        expect(kind, of: agent, within: .seconds(10))
    }

    /// The agent says that it has made another object of a run.
    private mutating func complete(_ run: WireRunID, _ agent: Int) {
        var envelope = ProtobufWriter()
        envelope.add(2, UInt64(clamping: clock(of: agent).milliseconds))
        envelope.add(14, forgedCompletion(of: run))
        write(numbered(envelope.bytes, agent), from: agent)
    }

    private mutating func foreignRun(to agent: Int) -> WireRunID? {
        let runs = fleetAudit.state.runs
        let foreign = runs.idsByCreation.filter {
            runs[$0].map { $0.order.agent != links[agent].agent && $0.attempt > .none } ?? false
        }
        return dice.pick(foreign).flatMap { id in runs[id].map { WireRunID(id, $0.attempt) } }
    }

    /// Its process ends, and comes back before what it was doing is given up.
    private mutating func restart(_ agent: Int, after span: Milliseconds) {
        stopAgent(agent)
        after(span, .agentStarts(agent))
    }

    /// A reference agent's work ends with its connection, ours with its process.
    private mutating func cutOff(_ agent: Int) throws(Breach) -> Milliseconds {
        guard work(of: agent) != nil, let id = links[agent].connection else { return askForWork(of: agent) }
        if isOurs(agent) || dice.chance(in: 2) {
            restart(agent, after: dice.span(500...60_000))
        } else {
            try agentNotices(id)
        }
        expect(.runCutOff, of: agent, within: .minutes(10))
        return .minutes(1)
    }

    /// It is out of reach with work in its hands for longer than that is waited for.
    private mutating func goAway(_ agent: Int) throws(Breach) -> Milliseconds {
        guard let run = work(of: agent), let id = links[agent].connection else { return askForWork(of: agent) }
        let span = dice.span(170_000...500_000)
        links[agent].showing.isAwayUntil = now + span
        try agentNotices(id)
        after(span, .outageEnds(agent, WireRunID(run)))
        return span + .seconds(1)
    }

    /// The agent is back, and the run that it will report was given up, if it was.
    mutating func noteGivenUp(_ wire: WireRunID, of agent: Int) {
        guard let (id, attempt) = wire.parts, let run = fleetAudit.state.runs[id],
            !run.isOpen || run.attemptInFlight != attempt
        else { return }
        expect(.lateReport, of: agent, within: .minutes(45))
    }

    /// An agent comes up with a higher version than it is sent, or drops what it is sent until it is restarted.
    private mutating func missConfiguration(_ agent: Int) {
        if !isOurs(agent), dice.chance(in: 2) {
            references[agent]?.raiseStoredVersion(by: UInt64(dice.number(1...9)))
            restart(agent, after: dice.span(500...60_000))
            return expect(.configNotApplied, of: agent, within: .minutes(5))
        }
        links[agent].showing.ignoresConfigurations = true
        let limit = fleetAudit.state.agents[links[agent].agent]?.settings.maxParallelJobs ?? 1
        askNow(.configureAgent(links[agent].agent, [.maxParallelJobs(limit % 4 + 1)]))
        expect(.configNotApplied, of: agent, within: .minutes(4))
    }

    /// The host loses power between Register and its answer, and is back after a while.
    mutating func dieSilently(_ agent: Int, on id: Int) {
        links[agent].showing.diesAfterRegister = false
        breakConnection(id, noticedByAgent: false, noticedByServer: false)
        restart(agent, after: dice.span(110_000...400_000))
        // What it was sent or had to report is settled without it meanwhile.
        explain(.lateReport, of: agent, for: .minutes(20))
        expect(.silentAfterRegister, of: agent, within: .minutes(2))
    }

    /// Whether the RunBackup that is about to be written is lost with its connection, and nobody knows.
    mutating func losesOrder(on id: Int) -> Bool {
        guard let agent = connections[id]?.agent, links[agent].showing.losesOrder else { return false }
        links[agent].showing.losesOrder = false
        breakConnection(id)
        expect(.unconfirmedCommand, of: agent, within: .minutes(10))
        return true
    }

    /// Whether a RunBackup comes once more. Then what the first one began fails.
    mutating func takesTwice(_ work: Int, at agent: Int) -> Bool {
        guard links[agent].showing.takesTwice else { return false }
        links[agent].showing.takesTwice = false
        explain(.lateReport, of: agent, for: .hours(1))
        finish(work, .failed(Array("dump: pipeline: pg_dump exec: pg_dump exited 1".utf8)), at: agent)
        return true
    }

    /// The second end of one attempt. Once another one has begun, or when it is no completion, it is only late.
    mutating func noteSecondEnd(of number: Int, _ ending: ReferenceAgent.Ending, at agent: Int) {
        guard let text = references[agent]?.work[number]?.order.runID, let (id, attempt) = WireRunID(text).parts,
            case .completed = ending, fleetAudit.state.runs[id]?.attempt == attempt
        else { return }
        expect(.completionAfterFailure, of: agent, within: .seconds(10))
    }
}
