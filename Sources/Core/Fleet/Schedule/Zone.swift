/// A zone that some schedule is read in.
public struct Zone: Hashable, Sendable {
    /// What a worker has read; nil until it has.
    public internal(set) var rules: ZoneRules?
    /// When that was recorded.
    public internal(set) var readAt: Timestamp?
    /// From when on they are known.
    var readFrom: Timestamp?
    /// Whether a worker has been asked and has not answered.
    var isAsked = false

    init() {}
}

extension Fleet.State {
    /// The rules of a zone; nil while they are not known.
    func rules(of zone: Text) -> ZoneRules? { zone == ZoneRules.utcName ? .utc : zones[zone]?.rules }

    /// Sees to it that a zone's rules are known or asked for.
    mutating func want(_ zone: Text) -> [Fleet.Change] {
        guard zone != ZoneRules.utcName, !zones.contains(zone) else { return [] }
        zones[zone] = Zone()
        return [.zone(zone)]
    }

    /// The outcome of `read_zone`. Slots that were not known are met now, however late.
    mutating func learn(
        _ zone: Text, from start: Timestamp, _ result: CommandOutcome.Result, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard zones.contains(zone) else { return [] }
        zones[zone]?.isAsked = false
        var wait = Fleet.Limits.zoneRetry
        if case .zone(let rules) = result {
            zones[zone]?.rules = rules
            zones[zone]?.readAt = entry.recordedAt
            zones[zone]?.readFrom = start
            wait = Fleet.Limits.zoneAge
            for job in schedules.idsByCreation where schedules[job]?.plans.first?.zone == zone { advance(job, entry) }
            for job in jobs.idsByCreation where countsDays(job, in: zone) { review(job, entry) }
        }
        timers.arm(.zone(zone), due: entry.recordedAt + wait, by: entry.position)
        return []
    }

    /// Time to read a zone anew: the host's data may be newer, and rules reach only so far.
    mutating func renew(_ zone: Text) -> [Fleet.Change] {
        var isUsed = false
        schedules.forEach { _, schedule in if schedule.plans.contains(where: { $0.zone == zone }) { isUsed = true } }
        for job in jobs.idsByCreation where countsDays(job, in: zone) { isUsed = true }
        guard isUsed else {
            zones[zone] = nil
            return []
        }
        return [.zone(zone)]
    }

    /// The rules of a job's zone as far back as its oldest backup, for counting days, weeks, months and years; nil while they
    /// are not known so far back. Backups of more than 20 years are counted by the oldest rules there are.
    public func calendar(of job: JobID) -> ZoneRules? {
        guard let name = jobs[job]?.spec.timeZone else { return nil }
        guard name != ZoneRules.utcName else { return .utc }
        guard let zone = zones[name], let rules = zone.rules, let readAt = zone.readAt, let readFrom = zone.readFrom
        else {
            return nil
        }
        let reach = readAt + Milliseconds(-Fleet.Limits.zoneReach.count)
        for run in shelves[job] ?? [] {
            guard let object = objects[run] else { continue }
            if max(object.createdAt, reach) < readFrom { return nil }
        }
        return rules
    }

    /// Whether a job's retention counts days, weeks, months or years of a zone.
    func countsDays(_ job: JobID, in zone: Text) -> Bool {
        jobs[job].map { $0.spec.timeZone == zone && $0.spec.retention.needsZone } ?? false
    }
}

extension Fleet {
    /// Asks a worker for a zone's rules, from the oldest moment on that somebody wants to know about.
    static func readZone(_ zone: Text, _ entry: Entry<Message>, in state: borrowing State) -> [Message] {
        guard let known = state.zones[zone], !known.isAsked else { return [] }
        var oldest = entry.recordedAt
        state.schedules.forEach { _, schedule in
            for plan in schedule.plans where plan.zone == zone { oldest = min(oldest, plan.cursor) }
        }
        let reach = entry.recordedAt + Milliseconds(-Limits.zoneReach.count)
        state.objects.forEach { _, object in
            if object.createdAt < oldest, state.countsDays(object.job, in: zone) {
                oldest = min(oldest, max(object.createdAt, reach))
            }
        }
        return [.command(.readZone(zone, from: oldest))]
    }
}
