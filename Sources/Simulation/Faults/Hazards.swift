import Core
import Wire

/// What strikes a world by itself while its faults are on.
extension World {
    private static let hazards: [Fault] = [
        .loss, .loss, .loss, .halfOpen, .slowReader, .agentKill, .agentKill, .serverKill, .storeOutage, .fullDisk,
        .bitFlip,
        .forgedReport, .duplication, .repetition, .rotatedKey, .clockForwards, .clockBackwards, .wrongClock,
        .agentClock, .backlogHang, .clonedAgent, .expiredURL,
    ]

    private static let ofServer: Set<Fault> = [
        .serverKill, .storeOutage, .expiredURL, .fullDisk, .bitFlip, .clockForwards, .clockBackwards,
        .wrongClock,
    ]

    /// One hazard, and the next one a little later.
    mutating func strike() throws(Breach) {
        guard !isHealed, now < end, let interval = plan.profile.hazardInterval else { return }
        let mean = max(2, interval.count / plan.crowd)
        after(dice.chance(in: 6) ? dice.span(3 * mean...15 * mean) : dice.span(1...mean), .hazard)
        guard let hazard = dice.pick(Self.hazards) else { return }
        // There is one control plane and one store, however many agents.
        if Self.ofServer.contains(hazard), plan.crowd > 1, !dice.chance(in: plan.crowd) { return }
        let agent = Int(dice.number(0...Int64(plan.agentCount - 1)))
        guard strike(hazard, agent) else { return }
        count(hazard)
    }

    /// - Returns: Whether it came to something.
    private mutating func strike(_ hazard: Fault, _ agent: Int) -> Bool {
        switch hazard {
        case .loss:
            guard let id = links[agent].connection else { return false }
            breakConnection(id)
        case .halfOpen:
            guard let id = links[agent].connection else { return false }
            breakConnection(id, noticedByAgent: dice.chance(in: 2), noticedByServer: false)
        case .slowReader:
            guard links[agent].isWelcomed else { return false }
            links[agent].isReadingFrom = now + dice.span(5_000...150_000)
        case .agentKill:
            guard links[agent].isRunning else { return false }
            killAgent(agent)
        case .serverKill:
            guard server.kernel != nil, dice.chance(in: 2) else { return false }
            killServer(losesPower: dice.chance(in: 4))
        case .storeOutage:
            store.isOutUntil = now + dice.span(1_000...120_000)
        case .expiredURL:
            store.isStrictUntil = now + dice.span(1_000...30_000)
        case .fullDisk:
            server.fullUntil = now + dice.span(1...8_000)
        case .bitFlip:
            guard server.kernel != nil, dice.chance(in: 2) else { return false }
            killServer()
            server.flippedPositions = server.disk.flipBit(dice.bits())
            // A snapshot is on the same disk. Where there is none, the world goes on as if there were.
            let bits = dice.bits()
            if dice.chance(in: 3) { server.disk.flipSnapshotBit(bits) }
            return server.flippedPositions != nil
        case .forgedReport:
            return forge(from: agent)
        case .duplication:
            guard links[agent].isWelcomed, let report = links[agent].lastReport else { return false }
            write(report, from: agent)
        case .repetition:
            return repeatReport(of: agent)
        case .rotatedKey:
            guard dice.chance(in: 3) else { return false }
            askNow(.rotateKey(links[agent].agent, keyDigest: dice.bytes(32)))
        case .clockForwards:
            server.clockOffset = server.clockOffset + dice.span(3_000...7_200_000)
        case .clockBackwards:
            server.clockOffset = server.clockOffset + dice.span(-3_600_000 ... -3_000)
        case .wrongClock:
            guard dice.chance(in: 16) else { return false }
            server.clockOffset = server.clockOffset + .hours(dice.number(25...200) * (dice.chance(in: 2) ? 1 : -1))
            if !dice.chance(in: 4) { after(dice.span(1_000...900_000), .clockIsSet) }
        case .agentClock:
            links[agent].clockSkew = links[agent].clockSkew + dice.span(-600_000...600_000)
        case .backlogHang:
            return saveBacklog(at: agent)
        case .clonedAgent:
            return clone(agent)
        default:
            return false  // the others strike where they can
        }
        return true
    }

    /// A report comes once more under a number of its own.
    private mutating func repeatReport(of agent: Int) -> Bool {
        guard links[agent].isWelcomed, let report = links[agent].lastReport else { return false }
        // Of two fields of one number the last one counts.
        var envelope = ProtobufWriter()
        envelope.add(1, UInt64(dice.number(1...10_000)))
        write(report + envelope.bytes, from: agent)
        return true
    }

    /// The agent was offline for days, and has saved a report each hour.
    private mutating func saveBacklog(at agent: Int) -> Bool {
        guard references[agent] != nil, links[agent].isRunning, !links[agent].isWelcomed else { return false }
        let (savedCount, moment) = (Int(dice.number(60...90)), clock(of: agent))
        references[agent]?.saveDiscoveries(savedCount, at: moment)
        return true
    }

    /// A second host comes up with the agent's key, and with a copy of its state directory; it is gone after a while.
    private mutating func clone(_ agent: Int) -> Bool {
        guard !links.contains(where: { $0.isClone && $0.isRunning }), links[agent].isRunning else { return false }
        addClone(of: agent)
        return true
    }

    mutating func addClone(of agent: Int) {
        let place = links.count
        addAgent(
            links[agent].agent, host: Text("\(links[agent].host)-copy"), isReference: references[agent] != nil,
            isClone: true)
        if let original = stations[agent] { stations[place] = original.copied }
        after(dice.span(1...5_000), .agentStarts(place))
        after(dice.span(60_000...1_200_000), .cloneLeaves(place))
    }

    mutating func removeClone(_ agent: Int) {
        if links[agent].isRunning { stopAgent(agent) }
        // What it was doing is nobody's any more.
        stations[agent] = nil
        references[agent] = ReferenceAgent(hostname: links[agent].host)
    }
}
