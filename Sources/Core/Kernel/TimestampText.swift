extension Timestamp {
    /// RFC 3339 in UTC with milliseconds, in the proleptic Gregorian calendar: `2026-01-31T08:05:09.123Z`. Years outside 0
    /// to 9999 are clamped.
    public var text: String {
        let first: Int64 = -62_167_219_200_000  // 0000-01-01T00:00:00Z
        let last: Int64 = 253_402_300_799_999  // 9999-12-31T23:59:59.999Z
        let milliseconds = min(max(milliseconds, first), last)
        let day = Civil.floorDivide(milliseconds, 86_400_000)
        let rest = milliseconds - day * 86_400_000
        let date = Civil.date(ofDay: day)
        return "\(Self.padded(date.month.year, 4))-\(Self.padded(date.month.number, 2))-\(Self.padded(date.day, 2))T"
            + "\(Self.padded(rest / 3_600_000, 2)):\(Self.padded(rest / 60_000 % 60, 2))"
            + ":\(Self.padded(rest / 1_000 % 60, 2)).\(Self.padded(rest % 1_000, 3))Z"
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
