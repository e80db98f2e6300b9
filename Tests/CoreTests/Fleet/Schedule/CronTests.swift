import Foundation
import Testing

@testable import Core

@Suite("Cron expressions")
struct CronTests {
    /// The first moments of a zone's clock being set, as `scripts/write-cron-table.py` wrote them, as rules.
    struct TableZone {
        var near: [Int64]
        var rules: ZoneRules
    }

    @Test(
        "what is wrong is told with its field",
        arguments: [
            ("61 * * * *", "minute", "61"), ("* 24 * * *", "hour", "24"), ("* * 0 * *", "day of the month", "0"),
            ("correct-horse * * * *", "minute", "an item of 13 bytes is no minute"),
            ("@secretly", "", "an item of 9 bytes"),
            ("* * * foo *", "month", "foo"), ("* * * * mon-sun", "weekday", "“mon-sun” is a range that runs backwards"),
            ("5/2 * * * *", "minute", "“5/2” has a step, which needs * or a range"),
            ("*/60 * * * *", "minute", "“*/60” has no step behind its slash; 1 to 59"),
            ("5-61 * * * *", "minute", "“5-61” is no minute; 0 to 59"),
            ("* */0 * * *", "hour", "*/0"), ("0 0 30 2 *", "day of the month", "no day"),
            ("0 0 31 4,6,9,11 *", "day of the month", "no day"), ("* * * *", "", "five fields"),
            ("@reboot", "", "@reboot"),
            ("", "", "five fields"), ("1,,2 * * * *", "minute", "“”"), ("L * * * *", "minute", "L"),
        ])
    func errors(text: String, field: String, part: String) throws {
        let error = try #require(throws: CronError.self) { try Cron(Text(text)) }
        #expect(error.field == Text(field))
        #expect(error.description.contains(part), "\(error)")
    }

    @Test(
        "the next time in UTC",
        arguments: [
            ("0 3 * * *", "2026-01-31T03:00:00+00:00"), ("*/15 * * * *", "2026-01-30T12:15:00+00:00"),
            ("0 0 29 2 *", "2028-02-29T00:00:00+00:00"), ("0 0 13 * 5", "2026-02-06T00:00:00+00:00"),
            ("0 0 */2 * 1", "2026-02-09T00:00:00+00:00"), ("0 0 L * *", "2026-01-31T00:00:00+00:00"),
            ("0 0 L 2 *", "2026-02-28T00:00:00+00:00"), ("0 0 * * 7", "2026-02-01T00:00:00+00:00"),
            ("@yearly", "2027-01-01T00:00:00+00:00"), ("0 0 31 2 7", "2026-02-01T00:00:00+00:00"),
            ("0 0 29 2 */7", "2032-02-29T00:00:00+00:00"), ("59 23 31 12 *", "2026-12-31T23:59:00+00:00"),
        ])
    func next(text: String, expected: String) throws {
        let moment = Timestamp(milliseconds: 1_769_774_400_000)  // 2026-01-30T12:00:00Z
        #expect(try Cron(Text(text)).next(after: moment, in: .utc)?.text == Text(expected))
    }

    @Test("the 29th of February is found across a century without one")
    func century() throws {
        let moment = Timestamp(milliseconds: 4_010_000_000_000)  // in 2097
        #expect(try Cron("0 0 29 2 *").next(after: moment, in: .utc)?.text == "2104-02-29T00:00:00+00:00")
    }

    @Test("the year 9999 is the last that is looked at")
    func lastYear() throws {
        let moment = try #require(Timetable.moment("9998-06-01T00:00"))
        let slot = try Cron("0 0 1 1 *").next(after: moment, in: .utc)
        #expect(slot?.text == "9999-01-01T00:00:00+00:00")
        #expect(try Cron("0 0 1 1 *").next(after: moment + .hours(24 * 365), in: .utc) == nil)
    }

    @Test("100 000 random expressions in four zones, two moments each: as cronsim has them")
    func table() async throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../Tables/cron.txt").standardizedFileURL
        let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
        let zones = try lines.prefix(4).map { try Self.zone(String($0)) }
        var (compared, wrong) = (0, 0)
        for (number, line) in lines.dropFirst(4).enumerated() {
            if number.isMultiple(of: 100) { await Task.yield() }  // others want the thread too
            let parts = line.split(separator: "|")
            let cron = try? Cron(Text(String(parts[0])))
            if parts[2] == "~" { continue }  // cronsim takes `5-5/2` for `5/2`, which no other cron knows
            guard parts[2] != "-" else {
                #expect(cron == nil, "\(line) is refused")
                continue
            }
            let zone = zones[Int(parts[1]) ?? 0]
            for (index, digits) in parts[2].split(separator: " ").enumerated() {
                let minute = Self.moment(number, index, zone.near)
                let slot = cron?.next(after: Timestamp(milliseconds: minute * 60_000), in: zone.rules)
                compared += 1
                if slot?.instant.milliseconds != (minute + Int64(strtol(String(digits), nil, 36))) * 60_000 {
                    wrong += 1
                    if wrong < 20 { Issue.record("\(line), moment \(index): \(slot?.text ?? "none")") }
                }
            }
        }
        #expect(wrong == 0)
        #expect(compared > 197_000)
    }

    @Test("The next time is the first minute, of all that pass, that the clock shows and the expression names")
    func againstMinutes() throws {
        var seed: UInt64 = 5
        func draw(_ count: UInt64) -> UInt64 {
            seed &+= 1
            return Mix.bits(seed: 11, counter: seed) % count
        }
        for _ in 0..<300 {
            let text = "*/\(draw(59) + 1) \(draw(24)),\(draw(24)) * * \(draw(7))"
            let cron = try Cron(Text(text))
            let at = Timestamp(milliseconds: Int64(draw(10_000)) * 3_600_000)
            let set = ZoneRules.Transition(
                at: at + .minutes(Int64(draw(10_000))), offsetSeconds: Int32(draw(20)) * 1_800 - 18_000)
            let zone = ZoneRules(offsetSeconds: 3_600, transitions: [set], until: at + .hours(24 * 30))
            var minute = at + .minutes(1)
            while minute < zone.until, !Self.names(cron, minute, zone.offset(at: minute)) {
                minute = minute + .minutes(1)
            }
            let slot = cron.next(after: at, in: zone)
            #expect(slot?.instant ?? zone.until == minute, "\(text) after \(at.text)")
        }
    }

    @Test("in the second pass of an hour a fixed time does not come again, and a wildcard does")
    func secondPass() throws {
        let moment = try #require(Timetable.moment("2026-10-25T01:10"))  // 02:10 in Berlin, once more
        let (fixed, wild) = (try Cron("30 2 * * *"), try Cron("30 * * * *"))
        #expect(fixed.next(after: moment, in: Timetable.berlin)?.text == "2026-10-26T02:30:00+01:00")
        #expect(wild.next(after: moment, in: Timetable.berlin)?.text == "2026-10-25T02:30:00+01:00")
    }

    @Test("Whatever the text and the moment, there is an error or a later time, and no trap", arguments: UInt64(0)..<4)
    func random(seed: UInt64) {
        let alphabet = Array("0123456789*/-,@LlmonjanSUN \t\u{e9}".unicodeScalars)
        var counter: UInt64 = 0
        func draw(_ count: Int) -> Int {
            counter += 1
            return Int(Mix.bits(seed: seed, counter: counter) % UInt64(count))
        }
        for _ in 0..<5_000 {
            var text = ""
            for _ in 0..<draw(30) { text.unicodeScalars.append(alphabet[draw(alphabet.count)]) }
            if draw(3) == 0 { text = "\(draw(70)) \(draw(30)) \(draw(40)) \(draw(15)) \(draw(9))" }
            guard let cron = try? Cron(Text(text)) else { continue }
            for moment in [Int64.min, -1, 0, 1_800_000_000_000, 253_402_300_799_999, .max] {
                let moment = Timestamp(milliseconds: moment)
                if let slot = cron.next(after: moment, in: .utc) { #expect(slot.instant > moment, "\(text)") }
            }
        }
    }

    private static func names(_ cron: Cron, _ moment: Timestamp, _ offset: Int32) -> Bool {
        let local = Civil.floorDivide((moment + .seconds(Int64(offset))).milliseconds, 60_000)
        let date = Civil.date(ofDay: Civil.floorDivide(local, 1_440))
        let weekday = Civil.weekday(ofDay: Civil.floorDivide(local, 1_440))
        let time = Civil.remainder(local, 1_440)
        return cron.minutes & 1 << UInt64(time % 60) != 0 && cron.hours & 1 << UInt64(time / 60) != 0
            && cron.months & 1 << UInt64(date.month.number) != 0 && cron.days & 1 << UInt64(date.day) != 0
            && cron.weekdays & 1 << UInt64(weekday) != 0
    }

    private static func moment(_ line: Int, _ number: Int, _ near: [Int64]) -> Int64 {
        let bits = Mix.bits(seed: 0, counter: UInt64(line * 2 + number + 1))
        if !near.isEmpty, number % 2 == 0 { return near[Int(bits % UInt64(near.count))] - Int64((bits >> 32) % 2_400) }
        let (first, last): (Int64, Int64) = (28_401_120, 31_032_000)  // 2024-01-01 and 2029-01-01
        return first + Int64(bits % UInt64(last - first))
    }

    /// The rules of a zone by Foundation, from before the table's first moment to well behind its last.
    private static func zone(_ line: String) throws -> TableZone {
        let parts = line.split(separator: "|", omittingEmptySubsequences: false)
        let zone = try #require(TimeZone(identifier: String(parts[0])))
        let near = parts[1].split(separator: " ").compactMap { Int64($0) }
        let start = Date(timeIntervalSince1970: 1_700_000_000)
        var (date, transitions) = (start, [ZoneRules.Transition]())
        while let next = zone.nextDaylightSavingTimeTransition(after: date), transitions.count < 120 {
            transitions.append(
                ZoneRules.Transition(
                    at: Timestamp(milliseconds: Int64(next.timeIntervalSince1970) * 1_000),
                    offsetSeconds: Int32(zone.secondsFromGMT(for: next))))
            date = next
        }
        return TableZone(
            near: near,
            rules: ZoneRules(
                offsetSeconds: Int32(zone.secondsFromGMT(for: start)), transitions: transitions,
                until: Timestamp(milliseconds: .max)))
    }
}
