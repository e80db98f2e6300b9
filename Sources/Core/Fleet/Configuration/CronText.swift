/// Checks a cron expression of five fields: minute, hour, day, month, weekday, in UTC.
///
/// Each field is `*` or a list of numbers, names and ranges, each with an optional step: `*/5`, `1-5`, `mon,wed`, `8-18/2`.
/// `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly` and `@annually` stand for a whole expression.
public enum CronText {
    private struct Field {
        var name: StaticString
        var range: ClosedRange<Int>
        var words: [String]
    }

    private static let fields = [
        Field(name: "minute", range: 0...59, words: []),
        Field(name: "hour", range: 0...23, words: []),
        Field(name: "day of the month", range: 1...31, words: []),
        Field(
            name: "month", range: 1...12,
            words: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
        Field(name: "weekday", range: 0...7, words: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
    ]

    private static let nicknames = ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"]

    /// What is wrong with an expression; nil when nothing is. An empty one is right: runs on request only.
    public static func problem(of text: Text) -> Text? {
        if text.isEmpty || nicknames.contains(text.string) { return nil }
        if text.byteCount > 200 { return "must have at most 200 bytes" }
        let parts = text.string.split(separator: " ")
        guard parts.count == fields.count else {
            return "must have five fields (minute, hour, day, month, weekday; UTC), or be empty"
        }
        for (part, field) in zip(parts, fields) {
            for item in part.split(separator: ",", omittingEmptySubsequences: false) where !isItem(item, of: field) {
                return Text(
                    "“\(item)” is no \(field.name); \(field.range.lowerBound) to \(field.range.upperBound) is expected")
            }
        }
        return nil
    }

    private static func isItem(_ item: Substring, of field: Field) -> Bool {
        let halves = item.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        if halves.count == 2 {
            guard let step = number(halves[1]), step > 0, step <= field.range.upperBound else { return false }
        }
        let span = halves[0]
        if span == "*" { return true }
        let ends = span.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map {
            value($0, of: field)
        }
        switch ends.count {
        case 1: return ends[0] != nil && halves.count == 1
        default:
            guard let first = ends[0], let last = ends[1] else { return false }
            return first <= last
        }
    }

    private static func value(_ text: Substring, of field: Field) -> Int? {
        if let word = field.words.firstIndex(of: text.lowercased()) {
            return word + (field.range.upperBound == 12 ? 1 : 0)
        }
        guard let number = number(text), field.range.contains(number) else { return nil }
        return number
    }

    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.count <= 3, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
            return nil
        }
        return Int(text)
    }
}
