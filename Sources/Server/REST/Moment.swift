import Core

/// Moments as texts of RFC 3339, in the proleptic Gregorian calendar, UTC.
enum Moment {
    /// `2026-01-31T08:05:09.123Z`; years outside 0 to 9999 are clamped.
    static func text(_ moment: Timestamp) -> String { moment.text }

    /// A text, or null.
    static func json(_ moment: Timestamp?) -> JSON { moment.map { .string(text($0)) } ?? .null }

    /// The moment that a text of RFC 3339 names, with any offset; fractions beyond milliseconds are cut. Nil for
    /// anything else.
    static func parse(_ text: String) -> Timestamp? {
        var bytes = Array(text.utf8)[...]
        guard bytes.count <= 40, let year = take(4, &bytes), take("-", &bytes), let month = take(2, &bytes),
            take("-", &bytes), let day = take(2, &bytes), take("Tt ", &bytes), let hour = take(2, &bytes),
            take(":", &bytes), let minute = take(2, &bytes), take(":", &bytes), let second = take(2, &bytes)
        else { return nil }
        var milliseconds: Int64 = 0
        if take(".", &bytes) {
            var weight: Int64 = 100
            guard let first = bytes.first, isDigit(first) else { return nil }
            while let digit = bytes.first, isDigit(digit) {
                milliseconds += Int64(digit - 0x30) * weight
                weight /= 10
                bytes.removeFirst()
            }
        }
        var offset: Int64 = 0
        if !take("Zz", &bytes) {
            let isBehind = bytes.first == UInt8(ascii: "-")
            guard take("+-", &bytes), let hours = take(2, &bytes), take(":", &bytes), let minutes = take(2, &bytes),
                hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (isBehind ? -60_000 : 60_000)
        }
        // A leap second is taken as the one after it.
        guard bytes.isEmpty, (1...12).contains(month), day >= 1, day <= lastDay(of: month, in: year), hour < 24,
            minute < 60, second <= 60
        else { return nil }
        let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
        return Timestamp(milliseconds: seconds * 1_000 + milliseconds - offset)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func take(_ count: Int, _ bytes: inout ArraySlice<UInt8>) -> Int64? {
        let digits = bytes.prefix(count)
        guard digits.count == count, digits.allSatisfy(isDigit) else { return nil }
        bytes.removeFirst(count)
        return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }

    private static func take(_ choices: StaticString, _ bytes: inout ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, "\(choices)".utf8.contains(first) else { return false }
        bytes.removeFirst()
        return true
    }

    private static func lastDay(of month: Int64, in year: Int64) -> Int64 {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return switch month {
        case 2: isLeap ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : (value - divisor + 1) / divisor
    }

    // Source: Howard Hinnant, “chrono-compatible low-level date algorithms”, as for the way back in `Core`.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = floorDivide(shifted, 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
