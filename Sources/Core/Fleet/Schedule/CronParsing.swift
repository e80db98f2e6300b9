/// Why a text is no cron expression.
public struct CronError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The field that is wrong: `minute`, `hour`, `day of the month`, `month`, `weekday`; empty when it is about the whole.
    public var field: Text
    /// What is wrong and what is expected.
    public var description: String

    static func of(_ field: StaticString = "", _ text: String) -> CronError {
        CronError(field: Text(field.description), description: text)
    }

    /// What stands somewhere, in quotes. What is longer than any item of a field need be may be a password that slipped in,
    /// and errors are written to logs: only its length is told.
    static func shown(_ item: some Collection<UInt8>) -> String {
        item.count < 8 ? "“\(String(decoding: item, as: UTF8.self))”" : "an item of \(item.count) bytes"
    }
}

extension Cron {
    /// The most bytes of an expression.
    static let byteLimit = 200

    /// What is wrong with a job's expression; nil when nothing is. An empty one is right: runs on request only.
    static func problem(of text: Text) -> Text? {
        if text.isEmpty { return nil }
        do throws(CronError) {
            _ = try Cron(text)
            return nil
        } catch {
            return Text(error.description)
        }
    }

    /// Reads an expression.
    ///
    /// - Throws: ``CronError`` for all that is none, and for one that names no day that there ever is. Never traps.
    public init(_ text: Text) throws(CronError) {
        guard text.byteCount <= Self.byteLimit else { throw .of("", "must have at most \(Self.byteLimit) bytes") }
        let bytes = Array(text.string.utf8)
        let isNickname = bytes.first == UInt8(ascii: "@")
        let expression = isNickname ? try Self.expression(for: bytes) : bytes
        let parts = expression.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        guard parts.count == 5 else {
            throw .of(
                "", "must have five fields (minute, hour, day, month, weekday); it has \(parts.count)")
        }
        minutes = try CronField.minute.bits(of: parts[0])
        hours = try CronField.hour.bits(of: parts[1])
        let ofMonth = try CronField.day.bits(of: parts[2])
        days = ofMonth & ~CronField.lastDay
        hasLastDay = ofMonth & CronField.lastDay != 0
        months = try CronField.month.bits(of: parts[3])
        let ofWeek = try CronField.weekday.bits(of: parts[4])
        weekdays = (ofWeek | ofWeek >> 7) & 0b111_1111
        let star = UInt8(ascii: "*")
        needsBothDays = parts[2].first == star || parts[4].first == star
        followsClock = parts[0].first == star || parts[1].first == star
        guard hasDays else {
            throw .of("day of the month", "names no day that there is: no month that it names is so long")
        }
    }

    /// Whether there is any day of the year that it names, leap years included.
    private var hasDays: Bool {
        if !needsBothDays || hasLastDay { return true }
        return (1...12 as ClosedRange<Int64>).contains { month in
            let count = Civil.Month(year: 2_000, number: month).dayCount
            return months & 1 << UInt64(month) != 0 && days & ((1 << UInt64(count + 1)) - 2) != 0
        }
    }

    private static func expression(for nickname: [UInt8]) throws(CronError) -> [UInt8] {
        let word = String(decoding: nickname, as: UTF8.self)
        let fields =
            switch word.lowercased() {
            case "@hourly": "0 * * * *"
            case "@daily", "@midnight": "0 0 * * *"
            case "@weekly": "0 0 * * 0"
            case "@monthly": "0 0 1 * *"
            case "@yearly", "@annually": "0 0 1 1 *"
            default:
                throw .of(
                    "",
                    "\(CronError.shown(nickname)) is none of @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually"
                )
            }
        return Array(fields.utf8)
    }
}

/// One of the five fields: its range, and the words that stand for numbers.
private struct CronField {
    var name: StaticString
    var range: ClosedRange<Int>
    /// In order, from the number `firstWord` on.
    var words: [String] = []
    var firstWord = 0
    var hasLast = false

    /// Stands for `L` among the days of a month.
    static let lastDay: UInt64 = 1 << 63

    static let minute = CronField(name: "minute", range: 0...59)
    static let hour = CronField(name: "hour", range: 0...23)
    static let day = CronField(name: "day of the month", range: 1...31, hasLast: true)
    static let month = CronField(
        name: "month", range: 1...12,
        words: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], firstWord: 1)
    static let weekday = CronField(
        name: "weekday", range: 0...7, words: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"])

    /// Bit n for each number n of a field.
    func bits(of field: ArraySlice<UInt8>) throws(CronError) -> UInt64 {
        var bits: UInt64 = 0
        for item in field.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            bits |= try self.bits(ofItem: item)
        }
        return bits
    }

    private func error(in item: ArraySlice<UInt8>, _ problem: String? = nil) -> CronError {
        let expected = "is no \(name); \(range.lowerBound) to \(range.upperBound) is expected\(hints)"
        return .of(name, "\(CronError.shown(item)) \(problem ?? expected)")
    }

    private var hints: String {
        guard let first = words.first, let last = words.last else { return hasLast ? ", or L for the last one" : "" }
        return ", or \(first) to \(last)"
    }

    private func bits(ofItem item: ArraySlice<UInt8>) throws(CronError) -> UInt64 {
        if hasLast, item.elementsEqual("L".utf8) || item.elementsEqual("l".utf8) { return Self.lastDay }
        let halves = item.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let span = halves.first else { throw error(in: item) }
        var step = 1
        if halves.count == 2 {
            guard let number = Self.number(halves[1]), number > 0, number <= range.upperBound else {
                throw error(in: item, "has no step behind its slash; 1 to \(range.upperBound) is expected")
            }
            step = number
        }
        var (first, last) = (range.lowerBound, range.upperBound)
        if !span.elementsEqual("*".utf8) {
            let ends = span.split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
            guard let start = ends.first.flatMap(value) else { throw error(in: item) }
            // A step of a single number would mean something else to each cron there is.
            guard ends.count == 2 || halves.count == 1 else {
                throw error(in: item, "has a step, which needs * or a range before it")
            }
            guard let end = ends.count == 2 ? value(ends[1]) : start else { throw error(in: item) }
            guard start <= end else { throw error(in: item, "is a range that runs backwards") }
            (first, last) = (start, end)
        }
        var bits: UInt64 = 0
        for number in stride(from: first, through: last, by: step) { bits |= 1 << UInt64(number) }
        return bits
    }

    private func value(_ text: ArraySlice<UInt8>) -> Int? {
        if let number = Self.number(text) { return range.contains(number) ? number : nil }
        let word = String(decoding: text, as: UTF8.self).lowercased()
        return words.firstIndex(of: word).map { $0 + firstWord }
    }

    private static func number(_ text: ArraySlice<UInt8>) -> Int? {
        guard !text.isEmpty, text.count <= 3 else { return nil }
        var number = 0
        for digit in text {
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            number = number * 10 + Int(digit - 0x30)
        }
        return number
    }
}
