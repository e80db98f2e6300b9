import Core
import Engine
import Wire

/// What an agent says of things that are not its own.
extension World {
    /// An agent speaks of a run or check that is not its own, or of none: it reports an end, lists the run as its own, or tells
    /// a result.
    ///
    /// - Returns: Whether it came to something.
    mutating func forge(from agent: Int) -> Bool {
        guard links[agent].isWelcomed, let other = dice.pick(Array(links.indices)) else { return false }
        let others = fleetAudit.state.agents[links[other].agent]?.openRuns ?? []
        let foreign = others.filter { fleetAudit.state.runs[$0]?.order.agent != links[agent].agent }
        let run = dice.pick(foreign)
        let wire = WireRunID(
            run ?? RunID(bits: dice.bits()), run.flatMap { fleetAudit.state.runs[$0]?.attempt } ?? .first)
        var envelope = ProtobufWriter()
        envelope.add(1, UInt64(dice.number(1...1_000)))
        envelope.add(2, UInt64(clamping: clock(of: agent).milliseconds))
        switch dice.number(1...4) {
        case 1: envelope.add(14, forgedCompletion(of: wire))
        case 2: envelope.add(13, forgedUpdate(of: wire))
        case 3: envelope.add(11, forgedHeartbeat(of: agent, foreign))
        default:
            guard let check = foreignCheck(to: agent) else { return false }
            envelope.add(15, forgedResult(of: check, agent))
        }
        write(envelope.bytes, from: agent)
        return true
    }

    mutating func forgedCompletion(of wire: WireRunID) -> ProtobufWriter {
        let object = drawObject()
        var message = ProtobufWriter()
        message.add(1, "job_0_0")
        message.add(2, wire.text)
        message.add(3, wire.text)
        message.add(4, object.byteCount)
        message.add(5, Self.hexadecimal(object.digest))
        return message
    }

    mutating func forgedUpdate(of wire: WireRunID) -> ProtobufWriter {
        var message = ProtobufWriter()
        message.add(1, "job_0_0")
        message.add(2, dice.chance(in: 2) ? 4 : 5)
        message.add(5, "dump: forged")
        message.add(6, wire.text)
        return message
    }

    /// Lists others' runs beside the agent's own, as if it were working on all of them.
    private func forgedHeartbeat(of agent: Int, _ foreign: [RunID]) -> ProtobufWriter {
        let state = fleetAudit.state
        var message = ProtobufWriter()
        message.add(1, state.agents[links[agent].agent]?.appliedConfigVersion ?? 0)
        let own = stations[agent]?.kernel?.state
        for id in own?.runs.idsByCreation ?? [] where own?.runs[id]?.isOpen == true { message.add(3, id) }
        for id in foreign {
            guard let run = state.runs[id], run.attempt > .none else { continue }
            message.add(3, WireRunID(id, run.attempt).text)
        }
        return message
    }

    private mutating func foreignCheck(to agent: Int) -> CheckID? {
        let checks = fleetAudit.state.checks
        return dice.pick(checks.idsByCreation.filter { checks[$0]?.agent != links[agent].agent })
    }

    private mutating func forgedResult(of check: CheckID, _ agent: Int) -> ProtobufWriter {
        var message = ProtobufWriter()
        message.add(1, check.text)
        message.add(2, UInt64(clamping: clock(of: agent).milliseconds))
        message.add(3, dice.chance(in: 2) ? 1 : 0)
        message.add(4, 1)
        message.add(5, "forged")
        return message
    }
}
