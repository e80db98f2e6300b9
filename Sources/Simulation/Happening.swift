import Core
import Engine

/// What can happen in a world. Epochs and connections tell what has become stale.
enum Happening: Sendable {
    case serverStarts
    case process(Int)
    case deadlines(Int)
    case carryOut(Int, Delivery<Fleet.Message>)
    case outcome(Int, CommandOutcome)
    case toServer(Int, from: Int, [UInt8])
    case toAgent(Int, to: Int, [UInt8])
    case serverNotices(Int)
    case agentNotices(Int)
    case ping(Int)
    case agentStarts(Int)
    case dial(Int, Int)
    case idle(Int, Int)
    case heartbeat(Int, Int)
    case discovery(Int, Int)
    case stationCommand(Int, Int, Delivery<Station.Message>)
    case stationStep(Int, Int, StationStep)
    case stationDeadlines(Int, Int)
    case referenceStep(Int, Int, Int)
    case cloneLeaves(Int)
    case ask(Int)
    case wish(Int)
    case hazard
    case clockIsSet
    case zoneChanges
    case harmlessBreak
    case weakness(Int)
    case outageEnds(Int, WireRunID)
    case cancellationIgnored(Int, IgnoredCancellation)
}
