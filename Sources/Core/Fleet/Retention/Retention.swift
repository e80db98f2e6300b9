/// One backup as retention looks at it.
public struct KeptObject: Hashable, Sendable {
    /// Its run.
    public var run: RunID
    /// The attempt that made it.
    public var attempt: Attempt
    /// When its run was asked for: the time that it is a backup of.
    public var createdAt: Timestamp
    /// When it was seen in its store: its age counts from there.
    public var storedAt: Timestamp
    /// Its size.
    public var byteCount: UInt64
    /// What forbids its deletion.
    public var lock: ObjectLock?

    /// An object with all its parts.
    public init(
        run: RunID, attempt: Attempt, createdAt: Timestamp, storedAt: Timestamp, byteCount: UInt64, lock: ObjectLock?
    ) {
        self.run = run
        self.attempt = attempt
        self.createdAt = createdAt
        self.storedAt = storedAt
        self.byteCount = byteCount
        self.lock = lock
    }
}

/// What a rule says about one backup.
public struct RetentionVerdict: Hashable, Sendable {
    /// The backup.
    public var object: KeptObject
    /// The counting parts that keep it.
    public var counts: [RetentionRule.Count] = []
    /// Until when its age keeps it; nil when it does not.
    public var keptUntil: Timestamp?
    /// Whether its job has no rule, so that nothing is deleted by itself.
    public var isUnlimited = false
    /// Whether days, weeks, months or years would have to be counted, and the zone whose they are was not read so far.
    public var isZoneUnread = false

    /// Whether no part of the rule keeps it. A lock may still forbid to delete it.
    public var isExpired: Bool { counts.isEmpty && keptUntil == nil && !isUnlimited && !isZoneUnread }

    /// The words of the parts that keep it; `no_rule` where there are none, `time_zone` where that is all that does.
    public var words: [String] {
        if isUnlimited { return ["no_rule"] }
        let words = counts.map(\.word) + (keptUntil == nil ? [] : ["retention_days"])
        return words.isEmpty && isZoneUnread ? ["time_zone"] : words
    }
}

extension RetentionRule {
    /// The end of the age that keeps an object.
    func keepUntil(_ object: KeptObject) -> Timestamp { object.storedAt + .hours(24 * Int64(days)) }

    /// Judges all good backups of one job, the newest first. Sorting aside linear in their number.
    ///
    /// - Parameter zone: The rules of the clock that days, weeks, months and years are read on; nil where they are not known.
    public func judge(
        _ objects: [KeptObject], at moment: Timestamp, in zone: ZoneRules? = .utc
    ) -> [RetentionVerdict] {
        let ordered = objects.sorted { ($0.createdAt, $0.run) > ($1.createdAt, $1.run) }
        var rest = self
        var last: [Int64?] = Array(repeating: nil, count: Count.allCases.count)
        return ordered.enumerated().map { place, object in
            var verdict = RetentionVerdict(object: object)
            guard !keepsAll else {
                verdict.isUnlimited = true
                return verdict
            }
            for (slot, part) in Count.allCases.enumerated() {
                switch part {
                case .last:
                    if place < Int(self[.last]) { verdict.counts.append(part) }
                case .minimum:
                    if place < Int(minimumCount) { verdict.counts.append(part) }
                case .hourly, .daily, .weekly, .monthly, .yearly:
                    guard rest[part] > 0, let found = part.period(of: object.createdAt, in: zone) else { continue }
                    // A clock that is set back over midnight shows the day before once more: that begins no new one.
                    let period = min(found, last[slot] ?? found)
                    guard last[slot] != period else { continue }
                    last[slot] = period
                    rest[part] -= 1
                    verdict.counts.append(part)
                }
            }
            if days > 0, keepUntil(object) > moment { verdict.keptUntil = keepUntil(object) }
            verdict.isZoneUnread = zone == nil && needsZone
            return verdict
        }
    }

    /// Why no part of it keeps an object, for the log and for people.
    public func reason(against object: KeptObject, newest: KeptObject?) -> Text {
        var text = "no part of the job's retention keeps it any more: \(words)"
        if days > 0 { text += ", which kept it until \(keepUntil(object).text)" }
        if let newest { text += "; the newest good backup is of run \(newest.run)" }
        return Text(text)
    }
}

extension RetentionRule.Count {
    /// The number of the period that a moment lies in, on the clock of a zone. Hours are those that pass, whatever a clock
    /// shows. What it is counted from does not matter. Nil where the zone would have to be known.
    func period(of moment: Timestamp, in zone: ZoneRules?) -> Int64? {
        if self == .hourly { return Civil.floorDivide(moment.milliseconds, 3_600_000) }
        guard let zone else { return nil }
        let local = (moment + .seconds(Int64(zone.offset(at: moment)))).milliseconds
        let day = Civil.floorDivide(local, 86_400_000)
        switch self {
        case .last, .minimum, .hourly: return local
        case .daily: return day
        case .weekly: return Civil.floorDivide(day + 3, 7)  // 1970-01-01 was a Thursday
        case .monthly:
            let month = Civil.date(ofDay: day).month
            return month.year * 12 + month.number
        case .yearly: return Civil.date(ofDay: day).month.year
        }
    }
}
