/// A cron expression: minute, hour, day of the month, month, weekday, read on some local clock.
///
/// Each field is `*` or a list of numbers, names and ranges; `*` and ranges may have a step: `*/5`, `1-5`, `mon,wed`,
/// `8-18/2`. 7 is Sunday as 0 is, `L` the last day of the month. `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`,
/// `@yearly` and `@annually` stand for a whole expression.
///
/// The meaning is that of Debian's cron: a day counts when it matches both day fields if one of them begins with `*`, and
/// when it matches either if both are restricted.
public struct Cron: Hashable, Sendable {
    /// Bit n is minute n.
    let minutes: UInt64
    /// Bit n is hour n.
    let hours: UInt64
    /// Bit n is day n, from 1.
    let days: UInt64
    /// Whether the last day of each month is meant too.
    let hasLastDay: Bool
    /// Bit n is month n, from 1.
    let months: UInt64
    /// Bit n is weekday n; 0 is Sunday.
    let weekdays: UInt64
    /// Whether a day must match both day fields, else either.
    let needsBothDays: Bool
    /// Whether it goes with the clock, so that an hour that comes twice counts twice and one that is skipped not at all.
    /// Else it fires once for each time of day that it names, whatever the clock does.
    public let followsClock: Bool

    /// The last year that is looked at.
    static let lastYear: Int64 = 9_999
}

extension Cron {
    /// The first minute after a given one that the expression names, both as minutes of a local clock since
    /// 1970-01-01T00:00; nil when there is none up to the year 9999. Knows no zones: each day has all its minutes.
    ///
    /// Looks at a whole month at once, so that the 29th of February costs a hundred steps and not two million.
    func next(afterLocal minute: Int64) -> Int64? {
        // Far beyond what any clock shows; arithmetic below must not overflow.
        guard minute < 5_000_000_000 else { return nil }
        let start = max(minute, -5_000_000_000) + 1
        let today = Civil.floorDivide(start, 1_440)
        var (month, day) = Civil.date(ofDay: today)
        if isDay(day, of: month), let time = time(from: Civil.remainder(start, 1_440)) { return today * 1_440 + time }
        day += 1
        while month.year <= Self.lastYear {
            if months & 1 << UInt64(month.number) != 0 {
                let left = matchingDays(of: month) >> UInt64(day)
                if left != 0, let time = time(from: 0) {
                    let found = month.firstDay + day - 1 + Int64(left.trailingZeroBitCount)
                    return found * 1_440 + time
                }
            }
            month = month.next
            day = 1
        }
        return nil
    }

    /// The first time of day that is named, from a given one on, in minutes.
    private func time(from minute: Int64) -> Int64? {
        let hour = minute / 60
        if hours & 1 << UInt64(hour) != 0 {
            let left = minutes >> UInt64(minute % 60)
            if left != 0 { return minute + Int64(left.trailingZeroBitCount) }
        }
        let later = hour == 23 ? 0 : hours >> UInt64(hour + 1)
        guard later != 0, minutes != 0 else { return nil }
        return (hour + 1 + Int64(later.trailingZeroBitCount)) * 60 + Int64(minutes.trailingZeroBitCount)
    }

    private func isDay(_ day: Int64, of month: Civil.Month) -> Bool {
        months & 1 << UInt64(month.number) != 0 && matchingDays(of: month) & 1 << UInt64(day) != 0
    }

    /// Bit n is day n of the month.
    private func matchingDays(of month: Civil.Month) -> UInt64 {
        let count = UInt64(month.dayCount)
        let ofMonth = (days | (hasLastDay ? 1 << count : 0)) & ((1 << (count + 1)) - 2)
        let first = Civil.weekday(ofDay: month.firstDay)
        var ofWeek: UInt64 = 0
        for day in 1...count where weekdays & 1 << UInt64((first + Int64(day) - 1) % 7) != 0 { ofWeek |= 1 << day }
        return needsBothDays ? ofMonth & ofWeek : ofMonth | ofWeek
    }
}
