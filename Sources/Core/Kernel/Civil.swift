/// Days of the proleptic Gregorian calendar, by integer arithmetic.
///
/// Source: Howard Hinnant, “chrono-compatible low-level date algorithms”: a year that begins in March has its leap day at
/// its end, and 400 years have 146 097 days.
enum Civil {
    /// A month of a year.
    struct Month: Hashable, Sendable {
        var year: Int64
        /// 1 to 12.
        var number: Int64

        /// The month behind it.
        var next: Month {
            number == 12 ? Month(year: year + 1, number: 1) : Month(year: year, number: number + 1)
        }

        /// How many days it has.
        var dayCount: Int64 {
            switch number {
            case 2: Civil.isLeap(year) ? 29 : 28
            case 4, 6, 9, 11: 30
            default: 31
            }
        }

        /// Its first day, counted from 1970-01-01.
        var firstDay: Int64 { Civil.days(year: year, month: number, day: 1) }
    }

    /// The year, month and day of a day that is counted from 1970-01-01.
    static func date(ofDay days: Int64) -> (month: Month, day: Int64) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let number = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let month = Month(year: yearOfEra + era * 400 + (number <= 2 ? 1 : 0), number: number)
        return (month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// Counted from 1970-01-01.
    static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = floorDivide(shifted, 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// 0 is Sunday.
    static func weekday(ofDay days: Int64) -> Int64 { remainder(days + 4, 7) }

    private static func isLeap(_ year: Int64) -> Bool {
        remainder(year, 4) == 0 && (remainder(year, 100) != 0 || remainder(year, 400) == 0)
    }

    /// The quotient, rounded down also below zero.
    static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : (value + 1) / divisor - 1
    }

    /// What ``floorDivide(_:_:)`` leaves: never negative.
    static func remainder(_ value: Int64, _ divisor: Int64) -> Int64 { value - floorDivide(value, divisor) * divisor }
}
