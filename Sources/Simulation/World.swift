public import Core
import Engine
import Wire

/// A control plane, agents of both kinds, an object store, disks, clocks and the network between them, in memory, in
/// virtual time, all grown from one seed. No threads, no clocks: the same plan makes the same world.
///
/// The machines, the kernel, and every byte on the wire and on the logs are the real ones. Safety is checked at each
/// commit, liveness by ``settle()`` once ``heal()`` has switched the faults off.
public struct World {
    /// From which it grows.
    public let plan: Plan
    /// The world's clock, which nobody in it can read.
    public private(set) var now = World.beginning
    /// How many things have happened.
    public private(set) var stepCount = 0
    /// Whether faults are over.
    public private(set) var isHealed = false

    static let beginning = Timestamp(milliseconds: 1_900_000_000_000)

    var dice: Dice
    var agenda = Agenda<Happening>()
    var server = ModelServer()
    var vault = ModelVault()
    var links: [Link] = []
    /// Agents of our own, at the same places as the links; nil where a reference agent is.
    var stations: [StationAgent?] = []
    var references: [ReferenceAgent?] = []
    /// By number; those that both sides have forgotten are gone.
    var connections: [Int: Connection] = [:]
    var connectionCount = 0
    /// The connections that the door holds, by agent, the newest last.
    var openConnections: [AgentID: [Int]] = [:]
    var store = ModelStore()
    var clients: [Client] = []
    /// Clients that wait for an answer, or have not asked yet.
    var unansweredCount = 0
    let zone: ModelZone
    /// What people have made, so that they can ask for it.
    var wishes = Wishes()
    var fleetAudit = Auditor<Fleet>()
    var checks = FleetChecks()
    var anomalies = AnomalyAudit()
    /// What was reached, by kind of message and phase.
    public internal(set) var coverage = Coverage()
    /// How many faults of each kind there were, in the order of ``Fault/allCases``.
    var faultCounts: [Fault: Int] = [:]

    /// A world at its first moment.
    public init(_ plan: Plan) {
        precondition(plan.agentCount >= 1, "a world has at least one agent")
        self.plan = plan
        dice = Dice(seed: plan.seed)
        zone = ModelZone(
            changesAt: World.beginning + dice.span(0...plan.span.count), isForward: dice.chance(in: 2))
        for agent in 0..<plan.agentCount {
            addAgent(AgentID(Text("agt_\(agent)")), host: Text("host-\(agent)"), isReference: plan.isReference(agent))
        }
        agenda.add(.serverStarts, at: now)
        for index in links.indices { agenda.add(.agentStarts(index), at: now + dice.span(0...5_000)) }
        planWishes()
        if plan.profile.hazardInterval != nil {
            agenda.add(.hazard, at: now + .seconds(30))
            agenda.add(.zoneChanges, at: zone.changesAt)
        }
        planWeaknesses()
    }

    /// When people stop to want things.
    var end: Timestamp { World.beginning + plan.span }

    mutating func addAgent(_ id: AgentID, host: Text, isReference: Bool, isClone: Bool = false) {
        var link = Link(agent: id, host: host, isClone: isClone)
        link.clockSkew = dice.chance(in: 6) ? dice.span(-90_000...90_000) : dice.span(-2_000...2_000)
        if link.clockSkew.magnitude > Self.doubtfulSkew {
            anomalies.explain(.clockSkew, of: id, from: now, until: Timestamp(milliseconds: .max))
        }
        links.append(link)
        stations.append(isReference ? nil : StationAgent())
        references.append(isReference ? ReferenceAgent(hostname: host) : nil)
    }

    /// Lets the next thing happen.
    ///
    /// - Throws: ``Violation`` when an invariant does not hold any more.
    public mutating func step() throws(Violation) {
        stepCount += 1
        guard let due = agenda.nextDue, let happening = agenda.removeFirst() else { return }
        now = max(now, due)
        do {
            try happen(happening)
        } catch {
            throw violation(error)
        }
    }

    /// Lets a span of virtual time pass.
    public mutating func run(for span: Milliseconds) throws(Violation) {
        let end = now + span
        while let due = agenda.nextDue, due <= end { try step() }
        now = max(now, end)
    }

    /// No more faults: what is broken now is repaired, and nothing breaks any more.
    public mutating func heal() {
        isHealed = true
        checks.heal()
        store.isOutUntil = now
        store.isStrictUntil = now
        server.fullUntil = now
        server.clockOffset = Milliseconds(0)
        for agent in links.indices {
            if links[agent].isClone { killAgent(agent) }
            if references[agent]?.hangs == true { killAgent(agent) }
            links[agent].isReadingFrom = now
        }
    }

    /// Whether a fault strikes here, once in so many times of a storm.
    mutating func strikes(_ fault: Fault, in many: Int64) -> Bool {
        guard !isHealed, plan.profile.hazardInterval != nil, dice.chance(in: many * plan.profile.rarity) else {
            return false
        }
        count(fault)
        return true
    }

    /// The same for what strikes the one control plane: not more often because its fleet is larger, and does more.
    mutating func strikesServer(_ fault: Fault, in many: Int64) -> Bool { strikes(fault, in: many * plan.crowd) }

    mutating func count(_ fault: Fault) { faultCounts[fault, default: 0] += 1 }

    func violation(_ breach: Breach) -> Violation {
        let last = fleetAudit.last
        return Violation(
            seed: plan.seed, invariant: breach.invariant, position: last, moment: now, text: breach.text,
            tail: fleetAudit.tail)
    }

    mutating func after(_ span: Milliseconds, _ happening: Happening) { agenda.add(happening, at: now + span) }

    private mutating func happen(_ happening: Happening) throws(Breach) {
        switch happening {
        case .serverStarts: try startServer()
        case .process(let epoch): if epoch == server.epoch { try processInbox() }
        case .deadlines(let epoch): if epoch == server.epoch { try passServerDeadlines() }
        case .carryOut(let epoch, let delivery): if epoch == server.epoch { try carryOut(delivery) }
        case .outcome(let epoch, let outcome): if epoch == server.epoch { submitOutcome(outcome) }
        case .toServer(let id, let agent, let bytes): try arriveAtServer(id, from: agent, bytes)
        case .toAgent(let id, let agent, let bytes): try arrive(at: agent, on: id, bytes)
        case .serverNotices(let id): serverNotices(id)
        case .agentNotices(let id): try agentNotices(id)
        case .ping(let id): ping(id)
        case .agentStarts(let agent): try startAgent(agent)
        case .dial(let agent, let epoch): if epoch == links[agent].epoch { dial(agent) }
        case .idle(let agent, let id): try checkIdle(agent, id)
        case .heartbeat(let agent, let id): beat(agent, id)
        case .discovery(let agent, let epoch): if epoch == links[agent].epoch { discover(agent) }
        case .stationCommand(let agent, let epoch, let delivery):
            if epoch == links[agent].epoch { try carryOut(delivery, at: agent) }
        case .stationStep(let agent, let epoch, let step): if epoch == links[agent].epoch { try take(step, at: agent) }
        case .stationDeadlines(let agent, let epoch):
            if epoch == links[agent].epoch { try passStationDeadlines(agent) }
        case .referenceStep(let agent, let epoch, let number):
            if epoch == links[agent].epoch { advance(number, at: agent) }
        case .cloneLeaves(let agent): removeClone(agent)
        case .ask(let client): ask(client)
        case .wish(let agent): wish(agent)
        case .hazard: try strike()
        case .clockIsSet: server.clockOffset = Milliseconds(0)
        case .zoneChanges: count(.daylightSaving)
        case .harmlessBreak: breakHarmlessly()
        case .weakness(let agent): try showWeakness(of: agent)
        case .outageEnds(let agent, let run): noteGivenUp(run, of: agent)
        case .cancellationIgnored(let agent, let ignored): note(ignored, at: agent)
        }
    }
}
