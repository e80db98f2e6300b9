/// How far a zone's clock is from UTC, from some moment to another. Read from the host's data by a worker and recorded:
/// the log is folded the same on a machine whose data are older or newer.
public struct ZoneRules: Hashable, Sendable {
    /// A moment at which the clock is set.
    public struct Transition: Hashable, Sendable {
        /// When.
        public var at: Timestamp
        /// How many seconds the clock is ahead of UTC from then on.
        public let offsetSeconds: Int32

        /// A transition with both parts.
        public init(at: Timestamp, offsetSeconds: Int32) {
            self.at = at
            self.offsetSeconds = ZoneRules.clamped(offsetSeconds)
        }
    }

    /// No clock is a day and a half from UTC. What claims to be is taken for that far.
    public static let offsetLimit: Int32 = 129_600
    /// More transitions than this are left out at the end, and the rules end before the first that is.
    public static let transitionLimit = 128

    /// Seconds that the clock is ahead of UTC before the first transition.
    public private(set) var offsetSeconds: Int32
    /// In the order of time.
    public private(set) var transitions: [Transition]
    /// What is behind this is not known.
    public private(set) var until: Timestamp

    /// Rules that go by their transitions, whatever order those come in.
    public init(offsetSeconds: Int32, transitions: [Transition], until: Timestamp) {
        var ordered: [Transition] = []
        for transition in transitions.sorted(by: { $0.at < $1.at }) where transition.at < until {
            if ordered.last?.at == transition.at { ordered.removeLast() }
            ordered.append(transition)
        }
        self.offsetSeconds = Self.clamped(offsetSeconds)
        self.until = ordered.count > Self.transitionLimit ? ordered[Self.transitionLimit].at : until
        self.transitions = Array(ordered.prefix(Self.transitionLimit))
    }

    private static func clamped(_ offsetSeconds: Int32) -> Int32 { min(max(offsetSeconds, -offsetLimit), offsetLimit) }

    /// The clock of UTC, for ever.
    public static let utc = ZoneRules(offsetSeconds: 0, transitions: [], until: Timestamp(milliseconds: .max))
    /// The name of that.
    public static let utcName: Text = "UTC"

    /// How many seconds the clock is ahead of UTC at a moment.
    public func offset(at moment: Timestamp) -> Int32 {
        index(at: moment).map { transitions[$0].offsetSeconds } ?? offsetSeconds
    }

    /// The last transition at or before a moment.
    private func index(at moment: Timestamp) -> Int? {
        var (low, high) = (0, transitions.count)
        while low < high {
            let middle = (low + high) / 2
            if transitions[middle].at <= moment { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : low - 1
    }

    /// Spans of time with one offset each, from a moment on.
    fileprivate struct Span {
        var start: Timestamp
        var end: Timestamp
        var offsetSeconds: Int32
    }

    fileprivate func span(_ number: Int) -> Span {
        Span(
            start: number < 0 ? Timestamp(milliseconds: .min) : transitions[number].at,
            end: number + 1 < transitions.count ? transitions[number + 1].at : until,
            offsetSeconds: number < 0 ? offsetSeconds : transitions[number].offsetSeconds)
    }

    fileprivate func spanNumber(at moment: Timestamp) -> Int { index(at: moment) ?? -1 }
}

extension Cron {
    /// The first slot behind a moment; nil when there is none that the rules reach.
    public func next(after moment: Timestamp, in zone: ZoneRules) -> Slot? {
        guard moment < zone.until else { return nil }
        return followsClock ? nextOnClock(after: moment, in: zone) : nextOfDay(after: moment, in: zone)
    }

    /// Every minute that the clock shows and the expression names, as often as it shows it.
    private func nextOnClock(after moment: Timestamp, in zone: ZoneRules) -> Slot? {
        for number in zone.spanNumber(at: moment)..<zone.transitions.count {
            let span = zone.span(number)
            // Behind the moment, or at the start of a later span, whichever comes last.
            let start = max(moment, span.start + Milliseconds(-1))
            guard let minute = next(afterLocal: Self.localMinute(start, span.offsetSeconds)) else { return nil }
            let slot = Slot(localMinute: minute, offsetSeconds: span.offsetSeconds)
            if slot.instant < span.end { return slot }
        }
        return nil
    }

    /// Each time of day that the expression names, once: one in a skipped hour when the clock has been set, one in an hour
    /// that comes twice the first time.
    private func nextOfDay(after moment: Timestamp, in zone: ZoneRules) -> Slot? {
        var minute = Self.localMinute(moment, zone.offset(at: moment))
        while let named = next(afterLocal: minute) {
            guard let slot = zone.slot(atLocal: named) else { return nil }
            // An earlier one was this moment's: its clock is in the second pass of an hour, or behind a skipped one.
            if slot.instant > moment { return slot }
            minute = named
        }
        return nil
    }

    private static func localMinute(_ moment: Timestamp, _ offsetSeconds: Int32) -> Int64 {
        Civil.floorDivide((moment + .seconds(Int64(offsetSeconds))).milliseconds, 60_000)
    }
}

extension ZoneRules {
    /// The first moment at which the clock shows a local minute; where it never does, the first whole minute behind it.
    /// Nil beyond what the rules reach.
    fileprivate func slot(atLocal minute: Int64) -> Slot? {
        // No span before this can show the minute.
        let earliest = Slot(localMinute: minute, offsetSeconds: Self.offsetLimit).instant
        for number in spanNumber(at: earliest)..<transitions.count {
            let span = span(number)
            let slot = Slot(localMinute: minute, offsetSeconds: span.offsetSeconds)
            guard slot.instant < span.end else { continue }
            if slot.instant >= span.start { return slot }
            // Skipped: the clock was beyond the minute already when this span began.
            let first = Civil.floorDivide(
                (span.start + .seconds(Int64(span.offsetSeconds)) + Milliseconds(59_999)).milliseconds, 60_000)
            let behind = Slot(localMinute: first, offsetSeconds: span.offsetSeconds)
            return behind.instant < span.end ? behind : nil
        }
        return nil
    }
}
