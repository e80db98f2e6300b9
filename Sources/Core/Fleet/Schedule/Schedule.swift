/// Where the schedule of a job stands.
///
///     cursor ──next slot──▶ due ──deadline──▶ opened ──run closed──▶ judged
///                                    └──────missed, skipped─────────▶ judged
///
/// Slots up to the cursor have been opened or judged, each by an entry that moves the cursor to it, in the order of their
/// time: so none is forgotten and none is met twice, whatever happens between.
public struct Schedule: Hashable, Sendable {
    /// A cron expression with its zone, for as long as it was in force.
    public struct Plan: Hashable, Sendable {
        /// The expression.
        public internal(set) var cron: Text
        /// The name of the zone.
        public internal(set) var zone: Text
        /// The moment up to which slots were opened or judged.
        public internal(set) var cursor: Timestamp
        /// Since when it is in force no more; its slots before that are still owed a verdict.
        public internal(set) var ending: Ending?
    }

    /// The end of a plan.
    public struct Ending: Hashable, Sendable {
        /// When.
        public internal(set) var at: Timestamp
        /// What becomes of slots that it had not opened by then.
        public internal(set) var reason: SlotVerdict.SkipReason
    }

    /// A slot whose run is open.
    public struct OpenSlot: Hashable, Sendable {
        /// The slot.
        public internal(set) var slot: Slot
        /// Its run.
        public internal(set) var run: RunID
    }

    /// The slot that comes next, and when it opens.
    public struct Upcoming: Hashable, Sendable {
        /// The slot.
        public internal(set) var slot: Slot
        /// Its time, and what the lot adds to it.
        public internal(set) var due: Timestamp
    }

    /// Slots that were missed because we were away, and that no alert has told of so far.
    struct Absence: Hashable, Sendable {
        var first: Slot
        var last: Slot
        var count: UInt64

        /// One more, or the first one.
        init(_ absence: Absence?, and slot: Slot) {
            first = absence?.first ?? slot
            last = slot
            count = (absence?.count ?? 0) &+ 1
        }
    }

    /// Plans with slots to come: those that have ended first, the one in force last.
    public internal(set) var plans: [Plan] = []
    /// The next slot of the first plan; nil while its zone is not known, and when it has none.
    public internal(set) var next: Upcoming?
    /// When the last slot that was met had been due. The next one is due later, or lots would turn their order round.
    var lastDue = Timestamp(milliseconds: .min)
    /// Slots whose runs are open, the oldest first.
    public internal(set) var open: [OpenSlot] = []
    /// What we have missed since it was told of last; nil when nothing.
    var absence: Absence?

    init() {}

    /// The plan that is in force; nil for a job that runs on request only, or is no more.
    public var planInForce: Plan? { plans.last.flatMap { $0.ending == nil ? $0 : nil } }

    /// Whether there is nothing left to remember.
    var isOver: Bool { plans.isEmpty && open.isEmpty }

    /// What a fold of a decision about a slot leaves: the cursor has passed it.
    mutating func meet(_ slot: Slot) {
        guard let plan = plans.first, plan.cursor < slot.instant else { return }
        plans[0].cursor = slot.instant
        lastDue = max(lastDue, next?.slot == slot ? next?.due ?? slot.instant : slot.instant)
    }

    /// Puts another plan in force, or none.
    mutating func replace(with plan: Plan?, at moment: Timestamp, _ reason: SlotVerdict.SkipReason) {
        if planInForce != nil { plans[plans.count - 1].ending = Ending(at: moment, reason: reason) }
        if let plan { plans.append(plan) }
    }
}

/// What a plan has to say about its next slot.
enum Outlook: Hashable, Sendable {
    case slot(Slot)
    /// There is none, ever.
    case nothing
    /// The zone's rules are not known so far.
    case unknown
}

extension Schedule.Plan {
    /// The first slot behind a moment.
    func outlook(after moment: Timestamp, in rules: ZoneRules?) -> Outlook {
        // An earlier version took expressions that this one knows never to fire.
        guard let cron = try? Cron(cron) else { return .nothing }
        guard let rules else { return .unknown }
        let slot = cron.next(after: moment, in: rules)
        if let ending {
            guard let slot else { return rules.until > ending.at ? .nothing : .unknown }
            return slot.instant <= ending.at ? .slot(slot) : .nothing
        }
        return slot.map(Outlook.slot) ?? .unknown
    }
}
