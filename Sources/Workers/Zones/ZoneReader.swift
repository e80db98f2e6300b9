public import Core
import Foundation

/// Reads time zones from the data that come with this program's Foundation.
public enum ZoneReader {
    /// How far beyond now rules are read. Governments change them at shorter notice than that; they are read anew in time.
    public static let reach = Milliseconds.hours(5 * 366 * 24)

    /// The rules of a zone from a moment on, up to some years beyond now; nil when there is no zone of that name.
    public static func rules(
        of name: Text, from start: Timestamp, now: Timestamp, reach: Milliseconds = reach
    ) -> ZoneRules? {
        if name == ZoneRules.utcName { return .utc }
        guard let zone = TimeZone(identifier: name.string) else { return nil }
        let until = max(start, now) + reach
        var transitions: [ZoneRules.Transition] = []
        var (moment, offset) = (start, offset(of: zone, at: start))
        let first = offset
        while transitions.count <= ZoneRules.transitionLimit,
            let next = zone.nextDaylightSavingTimeTransition(after: date(of: moment))
        {
            let at = Timestamp(milliseconds: Int64((next.timeIntervalSince1970 * 1_000).rounded()))
            guard at > moment, at < until else { break }
            let changed = self.offset(of: zone, at: at)
            // What is said to be a transition may change the name of the time only.
            if changed != offset { transitions.append(ZoneRules.Transition(at: at, offsetSeconds: changed)) }
            (moment, offset) = (at, changed)
        }
        return ZoneRules(offsetSeconds: first, transitions: transitions, until: until)
    }

    private static func date(of moment: Timestamp) -> Date {
        Date(timeIntervalSince1970: Double(moment.milliseconds) / 1_000)
    }

    private static func offset(of zone: TimeZone, at moment: Timestamp) -> Int32 {
        Int32(clamping: zone.secondsFromGMT(for: date(of: moment)))
    }
}
