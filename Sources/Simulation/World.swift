public import Core
import Engine

/// A control plane, an agent of ours, a reference agent, an object store and the network between them, in memory, in
/// virtual time, all grown from one seed. No threads, no clocks: the same seed makes the same world.
///
/// Safety is checked at each commit, liveness by ``settle()`` once ``heal()`` has switched the faults off.
public struct World {
    /// From which it grows.
    public let seed: UInt64
    /// The world's clock.
    public private(set) var now = World.beginning
    /// How many things have happened.
    public private(set) var stepCount = 0
    /// Whether faults are over.
    public private(set) var isHealed = false

    static let beginning = Timestamp(milliseconds: 1_900_000_000_000)

    let defect: Defect?
    let keepsSnapshots: Bool
    var dice: Dice
    var agenda = Agenda<Happening>()
    var server: ModelServer
    var station: StationAgent
    var reference = ReferenceAgent()
    var links: [Link]
    var connections: [Connection] = []
    var store = ModelStore()
    var clients: [Client] = []
    var fleetAudit = Auditor<Fleet>()
    var stationAudit = Auditor<Station>()
    var checks = FleetChecks()
    /// How many faults of each kind there were.
    var faultCounts = [Int](repeating: 0, count: Hazard.allCases.count)

    /// A world in which so many runs are asked for, about one each 45 s.
    ///
    /// - Parameters:
    ///   - codecs: How both machines' logs are written.
    ///   - defect: A mistake built in on purpose, to see that the checks find it.
    ///   - keepsSnapshots: Whether processes start from the snapshot of some commit. It changes nothing that happens.
    public init(
        seed: UInt64, runCount: Int, codecs: Codecs = .tables(), defect: Defect? = nil, keepsSnapshots: Bool = true
    ) {
        self.seed = seed
        self.defect = defect
        self.keepsSnapshots = keepsSnapshots
        dice = Dice(seed: seed)
        server = ModelServer(codec: AnyCodec(base: codecs.fleet))
        station = StationAgent(codec: AnyCodec(base: codecs.station))
        links = [Link(agent: AgentID("agt_station")), Link(agent: AgentID("agt_reference"))]
        for index in links.indices {
            links[index].clockSkew = dice.chance(in: 6) ? dice.span(-90_000...90_000) : dice.span(-2_000...2_000)
        }
        agenda.add(.serverStarts, at: now)
        for index in links.indices { agenda.add(.agentStarts(index), at: now + dice.span(0...5_000)) }
        planClients(runCount: runCount)
        agenda.add(.hazard, at: now + .seconds(30))
    }

    /// Lets the next thing happen.
    ///
    /// - Throws: ``Violation`` when an invariant does not hold any more.
    public mutating func step() throws(Violation) {
        stepCount += 1
        do {
            var due = agenda.nextDue ?? .init(milliseconds: .max)
            if let deadline = serverDue, deadline < due { due = deadline }
            if let deadline = stationDue, deadline < due { due = deadline }
            now = max(now, due)
            if let deadline = serverDue, deadline <= now { return try processInbox() }
            if let deadline = stationDue, deadline <= now { return try passStationDeadlines() }
            if let happening = agenda.removeFirst() { try happen(happening) }
        } catch {
            throw violation(error)
        }
    }

    /// Lets a span of virtual time pass.
    public mutating func run(for span: Milliseconds) throws(Violation) {
        let end = now + span
        while now < end { try step() }
    }

    /// No more faults: what is broken now is repaired, and nothing breaks any more.
    public mutating func heal() {
        isHealed = true
        store.isOutUntil = now
        server.fullUntil = now
        if links[1].hangs { killAgent(1) }
    }

    func violation(_ breach: Breach) -> Violation {
        let last = server.disk.lastPosition
        let tail = server.disk.entries(after: Position(last.number - min(20, last.number)))
        return Violation(
            seed: seed, invariant: breach.invariant, position: last, moment: now, text: breach.text,
            tail: tail.map { "\($0.position) \($0.stream) \($0.kind)" })
    }

    mutating func after(_ span: Milliseconds, _ happening: Happening) { agenda.add(happening, at: now + span) }

    private mutating func happen(_ happening: Happening) throws(Breach) {
        switch happening {
        case .serverStarts: try startServer()
        case .process(let epoch): if epoch == server.epoch { try processInbox() }
        case .carryOut(let epoch, let delivery): if epoch == server.epoch { try carryOut(delivery) }
        case .outcome(let epoch, let outcome): if epoch == server.epoch { submitOutcome(outcome) }
        case .toServer(let id, let frame): arriveAtServer(id, frame)
        case .toAgent(let id, let frame): try arriveAtAgent(id, frame)
        case .serverNotices(let id): serverNotices(id)
        case .agentNotices(let id): try agentNotices(id)
        case .ping(let id): ping(id)
        case .agentStarts(let agent): try startAgent(agent)
        case .dial(let agent, let epoch): if epoch == links[agent].epoch { dial(agent) }
        case .idle(let agent, let id): try checkIdle(agent, id)
        case .heartbeat(let agent, let id): beat(agent, id)
        case .stationCommand(let epoch, let delivery): if epoch == links[0].epoch { try carryOut(delivery) }
        case .stationStep(let epoch, let step): if epoch == links[0].epoch { try take(step) }
        case .referenceStep(let epoch, let serial): if epoch == links[1].epoch { advance(serial) }
        case .ask(let client): ask(client)
        case .hazard: try strike()
        }
    }
}

/// What can happen in a world. Epochs and connections tell what has become stale.
enum Happening: Sendable {
    case serverStarts
    case process(Int)
    case carryOut(Int, Delivery<Fleet.Message>)
    case outcome(Int, CommandOutcome)
    case toServer(Int, AgentFrame)
    case toAgent(Int, ServerFrame)
    case serverNotices(Int)
    case agentNotices(Int)
    case ping(Int)
    case agentStarts(Int)
    case dial(Int, Int)
    case idle(Int, Int)
    case heartbeat(Int, Int)
    case stationCommand(Int, Delivery<Station.Message>)
    case stationStep(Int, StationStep)
    case referenceStep(Int, Int)
    case ask(Int)
    case hazard
}

/// A mistake built into a world on purpose.
public enum Defect: Hashable, Sendable, CaseIterable {
    /// After a restart the server's worker sends a RunBackup again that must not be repeated: breaks invariant 9.
    case repeatsRunBackup
    /// Answers and acknowledgements leave before the commit: breaks invariant 2.
    case publishesBeforeCommit
    /// Our agent loses its journal with its process: breaks invariant 2.
    case forgetsJournal
    /// The worker believes the report instead of looking into the store: breaks invariant 12.
    case believesReports
    /// Outcomes of commands are lost: breaks invariant 4.
    case losesOutcomes
}
