public import Core

/// How much happens in a world, and how much of it goes wrong.
public struct Profile: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// Between two things that people want of one agent, on average.
    public let wishInterval: Milliseconds
    /// Between two hazards of a world with eight agents or fewer, on average; nil: nothing goes wrong.
    public let hazardInterval: Milliseconds?
    /// By how much less often small things go wrong than in a storm.
    public let rarity: Int64
    /// For so long schedules go on once nothing goes wrong any more: some of their periods.
    let schedulePeriods: Milliseconds
    /// From which jobs draw theirs; an empty one is none.
    let schedules: [Text]

    /// Nothing goes wrong.
    public static let calm = Profile(
        name: "calm", wishInterval: .minutes(60), hazardInterval: nil, rarity: 1,
        schedulePeriods: .minutes(130), schedules: ["", "17 * * * *"])
    /// The same with more to do, for what is told of agents: see `AnomalyAudit`.
    static let plain = Profile(
        name: "plain", wishInterval: .minutes(12), hazardInterval: nil, rarity: 1,
        schedulePeriods: .minutes(3), schedules: ["", "*/7 * * * *"])
    /// The same with little to do, for days.
    static let idle = Profile(
        name: "idle", wishInterval: .hours(40), hazardInterval: nil, rarity: 1,
        schedulePeriods: .minutes(3), schedules: [""])
    /// As a fleet on a bad network in a bad month.
    public static let usual = Profile(
        name: "usual", wishInterval: .minutes(60), hazardInterval: .minutes(10), rarity: 10,
        schedulePeriods: .minutes(130), schedules: ["", "17 * * * *"])
    /// Everything goes wrong, all the time.
    public static let storm = Profile(
        name: "storm", wishInterval: .seconds(80), hazardInterval: .seconds(20), rarity: 1,
        schedulePeriods: .minutes(25), schedules: ["", "*/3 * * * *", "1-59/7 * * * *"])

    /// All of them.
    public static let all = [calm, usual, storm]
}

/// Of which kinds the agents of a world are.
enum AgentKinds: Hashable, Sendable {
    /// Of three, two are ours.
    case both
    case ours
    case reference
}

/// What a world grows from. The same plan makes the same world, to the last byte.
public struct Plan: Hashable, Sendable {
    /// All that differs between two worlds of the same size comes from it.
    public var seed: UInt64
    /// So many agents: of three, two are ours and one is a reference agent; of two, one each.
    public var agentCount: Int
    /// For so long people want things and things go wrong. Then the world is healed and comes to rest.
    public var span: Milliseconds
    /// How much happens.
    public var profile: Profile
    /// Whether processes start from a snapshot. It changes nothing that happens.
    public var keepsSnapshots = true
    /// Which agents there are.
    var kinds = AgentKinds.both
    /// The weakness that each agent which has it shows once, in a world without hazards; nil: none.
    var weakness: Anomaly.Kind?
    /// Between two harmless ends of connections, on average: a network's, or a start of the control plane. Nil: none.
    var breakInterval: Milliseconds?
    /// Whether the control plane's log is kept whole, for a recording. It changes nothing that happens.
    public var keepsLog = false

    /// A plan with its parts.
    public init(seed: UInt64, agentCount: Int = 2, span: Milliseconds, profile: Profile = .storm) {
        self.seed = seed
        self.agentCount = agentCount
        self.span = span
        self.profile = profile
    }

    /// Whether the agent of a number is like the reference agent.
    func isReference(_ agent: Int) -> Bool {
        switch kinds {
        case .both: agent % 3 == 1
        case .ours: false
        case .reference: true
        }
    }

    /// From which the control plane makes its ids. In a world of days those that people draw would meet them if the two were
    /// the same; storms are too short for that.
    var serverSeed: UInt64 { profile.hazardInterval == nil ? ~seed : seed }

    /// By how many times more happens than among eight agents.
    var crowd: Int64 { max(1, Int64(agentCount / 8)) }
    /// So many commits lie between two snapshots of the control plane.
    var snapshotInterval: Int { agentCount <= 8 ? 21 : 4_000 }
    /// So many commits lie between two comparisons of the served state with the log.
    var comparisonInterval: Int { agentCount <= 8 ? 200 : 20_000 }
}
