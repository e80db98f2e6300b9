import Core
import HTTPTypes
import Zones

@testable import Door
@testable import Wire

extension Target {
    /// The small texts of headers, parameters and members: moments, ranges, cron expressions, time zones, error texts,
    /// ids, targets of health checks.
    static let texts = Target(name: "texts", maximumByteCount: 1_024, seeds: textSeeds) { bytes in
        var feed = Feed(bytes)
        let form = feed.byte()
        let number = (0..<8).reduce(UInt64(0)) { value, _ in value << 8 | UInt64(feed.byte()) }
        let rest = feed.remainder()
        let string = String(decoding: rest, as: UTF8.self)
        switch form % 9 {
        case 0: moments(string, number)
        case 1: range(string, number)
        case 2: cron(string, in: .utc)
        case 3: _ = FailureClass(errorMessage: string)
        case 4: text(string, Int(truncatingIfNeeded: number % 2_048))
        case 5: target(string, number)
        case 6: zone(string, number)
        case 7: cron(string, in: rules(rest, number))
        default:
            promise(Timestamp(clamping: number).milliseconds >= 0, "a moment of the wire is none before 1970")
            let percent = Float(bitPattern: UInt32(truncatingIfNeeded: number))
            promise((AgentMetrics.thousandths(ofPercent: percent) ?? 0) <= 100_000, "no more than all")
            _ = Timestamp(milliseconds: Int64(bitPattern: number)) + Milliseconds(Int64(bitPattern: number))
            _ = Timestamp(milliseconds: Int64(bitPattern: number)) - Timestamp(milliseconds: Int64(rest.count))
        }
    }

    private static let now = Timestamp(milliseconds: 1_800_000_000_000)

    /// Several times in a row: each looks for the next one in its own way.
    private static func cron(_ string: String, in zone: ZoneRules) {
        do throws(CronError) {
            let cron = try Cron(Text(string))
            var moment = now
            for _ in 0..<8 {
                guard let slot = cron.next(after: moment, in: zone) else { return }
                promise(slot.instant > moment, "the next time is later")
                promise(slot.instant < zone.until, "and one that the rules reach")
                moment = slot.instant
            }
        } catch {
            promise(!error.description.isEmpty, "a problem has a text")
        }
    }

    /// Rules as a log may hold them: transitions of any length at any distance. What makes them is the expression's text.
    private static func rules(_ bytes: [UInt8], _ number: UInt64) -> ZoneRules {
        var feed = Feed(bytes)
        var moment = now
        let scale = number & 7
        let transitions = (0..<Int(number >> 8 & 0xFF)).map { place -> ZoneRules.Transition in
            moment = moment + Milliseconds(Int64(feed.byte()) << Int64(4 * scale))
            let offset = Int32(truncatingIfNeeded: number >> 16) &* Int32(truncatingIfNeeded: place)
            return ZoneRules.Transition(at: moment, offsetSeconds: offset)
        }
        return ZoneRules(
            offsetSeconds: Int32(truncatingIfNeeded: number >> 32), transitions: transitions,
            until: now + .hours(Int64(number >> 48)))
    }

    private static func zone(_ name: String, _ number: UInt64) {
        let start = Timestamp(milliseconds: Int64(bitPattern: number))
        guard let rules = ZoneReader.rules(of: Text(name), from: start, now: now) else { return }
        promise(rules.transitions.count <= ZoneRules.transitionLimit, "rules are bounded")
        promise(zip(rules.transitions, rules.transitions.dropFirst()).allSatisfy { $0.at < $1.at }, "and in order")
        promise(rules.transitions.allSatisfy { abs($0.offsetSeconds) < 129_600 }, "no clock is so far from UTC")
        guard let cron = try? Cron("30 2 * * *"), let slot = cron.next(after: now, in: rules) else { return }
        promise(slot.instant > now, "the next time is later")
    }

    private static func target(_ string: String, _ number: UInt64) {
        guard let kind = CheckSpec.Kind(rawValue: UInt8(number % 3)) else { return }
        let text = Text(string)
        guard let target = CheckTarget(text, kind) else {
            return promise(CheckTarget.problem(of: text, kind) != nil, "what is refused has a reason")
        }
        promise(CheckTarget.problem(of: text, kind) == nil, "what is read has none")
        let parts = Array((target.host.string + target.path.string).utf8)
        promise(!target.host.isEmpty && target.port > 0, "a target has a host and a port")
        promise(parts.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "nothing in it ends a line of a request")
        promise(!target.host.string.utf8.contains(UInt8(ascii: "@")), "no user is taken for a host")
        promise(kind == .tcp || target.path.string.hasPrefix("/"), "a path begins where it must")
    }

    private static func moments(_ string: String, _ number: UInt64) {
        let moment = Timestamp(milliseconds: Int64(bitPattern: number))
        let text = Moment.text(moment)
        promise(text.utf8.count == 24, "a moment has its form")
        guard let clamped = Moment.parse(text) else { fatalError("broken: a moment is not read: \(text)") }
        promise(Moment.text(clamped) == text, "a moment comes back from its text")
        let years: ClosedRange<Int64> = -62_167_219_200_000...253_402_300_799_999
        promise(!years.contains(moment.milliseconds) || clamped == moment, "no millisecond is lost")
        guard let parsed = Moment.parse(string) else { return }
        // An offset may lead a day over the ends of the years.
        let around = (years.lowerBound - 86_400_000)...(years.upperBound + 86_400_000 + 1_000)
        promise(around.contains(parsed.milliseconds), "a moment of the years there are")
    }

    private static func range(_ header: String, _ byteCount: UInt64) {
        do {
            let range = try ByteRange(header, byteCount: byteCount)
            promise(range.start <= range.end && range.end <= byteCount, "a range lies in the object")
            promise(!range.isPartial || range.byteCount > 0, "a part is not empty")
            if range.isPartial { promise(range.header.hasPrefix("bytes \(range.start)-"), "a part says where it is") }
        } catch {
            promise(error.status.code == 416, "else there is no such range")
        }
    }

    private static func text(_ string: String, _ limit: Int) {
        let cut = Text(string).prefix(byteCount: limit)
        promise(cut.byteCount <= limit || cut.byteCount == string.utf8.count, "a text is cut")
        promise(string.utf8.starts(with: cut.string.utf8), "from its end")
        promise(cut.byteCount + 4 > min(limit, string.utf8.count), "by no more than a character")
        promise(Text(id: string).byteCount <= 256, "an id is bounded")
        promise(Text(string) == cut || Text(string) > cut, "what is longer comes later")
    }

    private static func textSeeds() -> [[UInt8]] {
        let zero = [UInt8](repeating: 0, count: 8)
        let texts: [(UInt8, String)] = [
            (0, "2026-01-31T08:05:09.123Z"), (0, "2024-02-29t23:59:60.5+05:30"), (0, "0000-01-01 00:00:00-23:59"),
            (1, "bytes=0-99"), (1, "bytes=-5"), (1, "bytes=7-"), (1, "bytes=18446744073709551616-"),
            (2, "*/5 8-18/2 1,15 jan-mar mon"), (2, "@daily"), (2, "0 0 31 12 7"), (2, "0 0 l 2 *"),
            (6, "Europe/Berlin"), (6, "America/New_York"), (6, "GMT+0100"), (6, "../etc/passwd"),
            (7, "*/5 8-18/2 1,15 jan-mar mon"), (7, "30 2 * * *"), (7, "0 0 29 2 *"),
            (3, "pipeline: dump: pg_dump failed (exit 1): signal: killed"), (3, "upload: context deadline exceeded"),
            (4, "e\u{301}\u{1F469}\u{200D}\u{1F680}\u{0}"), (4, String(repeating: "\u{1F600}", count: 90)), (8, ""),
            (5, "http://[2001:db8::1]:8080/a?b=c#d"), (5, "https://web.example"), (5, "db.internal:5432"),
        ]
        var seeds: [[UInt8]] = []
        for (form, text) in texts {
            for number in [zero, [0, 0, 0, 0, 0, 0, 4, 0], [UInt8](repeating: 0xFF, count: 8)] {
                var seed = [form]
                seed += number
                seed += text.utf8
                seeds.append(seed)
            }
        }
        return seeds
    }
}
