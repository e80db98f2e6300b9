import Core
import Foundation
import Testing

@Suite("Which backups a rule keeps")
struct RetentionRuleTests {
    private static let now = Timestamp(milliseconds: 1_800_000_000_000)  // 2027-01-15T08:00:00Z, a Friday

    private static func object(_ number: Int, hoursAgo: Int64) -> KeptObject {
        KeptObject(
            run: RunID(Text("run_\(number)")), attempt: .first, createdAt: now + .hours(-hoursAgo),
            storedAt: now + .hours(-hoursAgo) + .minutes(5), byteCount: 1, lock: nil)
    }

    private static func rule(days: UInt32 = 0, _ parts: [RetentionRule.Count: UInt32]) -> RetentionRule {
        var rule = RetentionRule(days: days)
        for (part, count) in parts { rule[part] = count }
        return rule
    }

    /// The numbers of the objects that stay.
    private static func kept(_ rule: RetentionRule, _ hoursAgo: [Int64]) -> [Int] {
        let objects = hoursAgo.enumerated().map { object($0.offset, hoursAgo: $0.element) }
        return rule.judge(objects, at: now).filter { !$0.isExpired }.compactMap {
            Int($0.object.run.text.string.dropFirst(4))
        }.sorted()
    }

    @Test("without a rule nothing goes, however old; a minimum alone is no rule")
    func noRule() {
        #expect(Self.kept(RetentionRule(), [0, 100_000]) == [0, 1])
        #expect(Self.kept(Self.rule([.minimum: 1]), [0, 100_000]) == [0, 1])
    }

    @Test("an age keeps all that are younger, to the moment, and the last one for ever")
    func age() {
        #expect(Self.kept(RetentionRule(days: 1), [1, 24, 25]) == [0, 1])
        #expect(Self.kept(RetentionRule(days: 1), [9_000, 9_001]) == [0])
        let old = Self.object(0, hoursAgo: 24)
        let newer = Self.object(1, hoursAgo: 0)
        let end = old.storedAt + .hours(24)
        for (moment, isExpired) in [(end + Milliseconds(-1), false), (end, true)] {
            #expect(RetentionRule(days: 1).judge([old, newer], at: moment).last?.isExpired == isExpired)
        }
    }

    @Test("counts: the newest ones, and the newest of each of the last hours, days, weeks, months, years that have any")
    func counts() {
        #expect(Self.kept(Self.rule([.last: 2]), [0, 1, 2, 3]) == [0, 1])
        // It is 08:00; nine hours ago was yesterday, and days without any count for nothing.
        #expect(Self.kept(Self.rule([.daily: 2]), [0, 1, 9, 10, 240]) == [0, 2])
        #expect(Self.kept(Self.rule([.hourly: 3]), [0, 1, 1, 50]) == [0, 2, 3])
        // Friday 15th, Monday 11th, Sunday 10th, Monday 4th
        #expect(Self.kept(Self.rule([.weekly: 2]), [0, 96, 120, 264]) == [0, 2])
        // 15 January, 1 January, 31 December, 30 December
        #expect(Self.kept(Self.rule([.monthly: 2]), [0, 336, 350, 374]) == [0, 2])
        #expect(Self.kept(Self.rule([.yearly: 2]), [0, 336, 350, 374, 9_000]) == [0, 2])
    }

    @Test(
        "a day is one of the zone's, and one that its clock shows twice is one; without the zone's rules nothing goes")
    func zones() {
        func kept(_ rule: RetentionRule, _ hoursAgo: [Int64], _ zone: ZoneRules?) -> [Int] {
            let objects = hoursAgo.enumerated().map { Self.object($0.offset, hoursAgo: $0.element) }
            return rule.judge(objects, at: Self.now, in: zone).filter { !$0.isExpired }.compactMap {
                Int($0.object.run.text.string.dropFirst(4))
            }.sorted()
        }
        let rule = Self.rule([.daily: 2])
        // It is 08:00 in UTC, 18:00 ten hours east: midnight was at 14:00 in UTC, 18 hours ago.
        let east = ZoneRules(offsetSeconds: 36_000, transitions: [], until: Timestamp(milliseconds: .max))
        #expect(kept(rule, [0, 9, 17, 19], .utc) == [0, 1])
        #expect(kept(rule, [0, 9, 17, 19], east) == [0, 3])
        #expect(kept(rule, [0, 9, 17, 19], nil) == [0, 1, 2, 3])
        #expect(
            rule.judge([Self.object(1, hoursAgo: 9), Self.object(0, hoursAgo: 0)], at: Self.now, in: nil).last?.words
                == ["time_zone"])
        #expect(kept(Self.rule([.hourly: 2]), [0, 9, 17, 19], nil) == [0, 1], "hours are the same everywhere")
        // At midnight, eight hours ago, the clock goes back to 23:00.
        let back = ZoneRules(
            offsetSeconds: 0, transitions: [.init(at: Self.now + .hours(-8) + .minutes(1), offsetSeconds: -3_600)],
            until: Timestamp(milliseconds: .max))
        let moments: [Int64] = [0, 7 * 60 + 30, 7 * 60 + 59 + 0, 8 * 60, 8 * 60 + 30, 40 * 60]
        let objects = moments.enumerated().map { number, minutes in
            KeptObject(
                run: RunID(Text("run_\(number)")), attempt: .first, createdAt: Self.now + .minutes(-minutes),
                storedAt: Self.now, byteCount: 1, lock: nil)
        }
        let stay = Self.rule([.daily: 3]).judge(objects, at: Self.now, in: back).filter { !$0.isExpired }
        #expect(
            stay.map(\.object.run.text) == ["run_0", "run_1", "run_5"]
                || stay.map(\.object.run.text) == ["run_0", "run_2", "run_5"])
    }

    @Test("what any part keeps stays, and the minimum besides")
    func union() {
        let rule = Self.rule(days: 2, [.last: 1, .yearly: 2, .minimum: 2])
        #expect(Self.kept(rule, [0, 30, 100, 9_000, 9_001]) == [0, 1, 3])
        #expect(Self.kept(Self.rule(days: 1, [.minimum: 3]), [100, 200, 300, 400]) == [0, 1, 2])
        let verdict = rule.judge([Self.object(0, hoursAgo: 0)], at: Self.now).first
        #expect(verdict?.words == ["keep_last", "keep_yearly", "minimum", "retention_days"])
    }

    @Test("covers: nothing less is kept than before")
    func covers() {
        let none = RetentionRule()
        let some = Self.rule(days: 7, [.daily: 3])
        #expect(none.covers(some) && none.covers(none) && some.covers(some))
        #expect(!some.covers(none), "what was kept for ever is not")
        #expect(Self.rule(days: 7, [.daily: 4, .last: 1]).covers(some))
        #expect(!Self.rule(days: 6, [.daily: 9]).covers(some) && !Self.rule(days: 9, [.daily: 2]).covers(some))
        #expect(!some.covers(Self.rule(days: 7, [.daily: 3, .minimum: 2])))
    }

    /// Goal: the one pass over sorted objects keeps what the definition of each part keeps, and names those parts.
    /// Method: random rules and histories; each object judged by itself, with the calendar of Foundation.
    @Test("agrees with the definitions, read with another calendar", arguments: UInt64(0)..<60)
    func oracle(seed: UInt64) throws {
        var choices = Choices(seed: seed)
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        for _ in 0..<20 {
            let rule = choices.rule()
            let spreads: [Int64] = [3, 60, 2_000, 40_000]
            let spread = spreads.randomElement(using: &choices) ?? 60
            let objects: [KeptObject] = (0..<Int.random(in: 0...40, using: &choices)).map { number in
                Self.object(number, hoursAgo: Int64.random(in: 0...spread, using: &choices))
            }
            for verdict in rule.judge(objects, at: Self.now) {
                let wanted = keepers(of: verdict.object, objects, rule, calendar)
                #expect(Set(verdict.words) == wanted, "\(rule), \(verdict.object.createdAt.text)")
            }
        }
    }

    private func keepers(
        of object: KeptObject, _ all: [KeptObject], _ rule: RetentionRule, _ calendar: Calendar
    ) -> Set<String> {
        func date(_ moment: Timestamp) -> Date { Date(timeIntervalSince1970: Double(moment.milliseconds) / 1_000) }
        let newer = all.filter { ($0.createdAt, $0.run) > (object.createdAt, object.run) }
        let parts: [(RetentionRule.Count, Set<Calendar.Component>)] = [
            (.hourly, [.era, .year, .month, .day, .hour]), (.daily, [.era, .year, .month, .day]),
            (.weekly, [.yearForWeekOfYear, .weekOfYear]), (.monthly, [.year, .month]), (.yearly, [.year]),
        ]
        guard rule[.last] > 0 || rule.days > 0 || parts.contains(where: { rule[$0.0] > 0 }) else { return ["no_rule"] }
        var words: Set<String> = []
        if newer.count < Int(rule[.last]) { words.insert("keep_last") }
        if newer.count < max(1, Int(rule[.minimum])) { words.insert("minimum") }
        let age = date(Self.now).timeIntervalSince(date(object.storedAt))
        if rule.days > 0, age < Double(rule.days) * 86_400 { words.insert("retention_days") }
        for (part, components) in parts {
            let own = calendar.dateComponents(components, from: date(object.createdAt))
            let periods = Set(newer.map { calendar.dateComponents(components, from: date($0.createdAt)) })
            if !periods.contains(own), periods.count < Int(rule[part]) { words.insert(part.word) }
        }
        return words
    }

    /// Numbers from a seed.
    struct Choices: RandomNumberGenerator {
        private var counter: UInt64 = 0
        private let seed: UInt64

        init(seed: UInt64) { self.seed = seed }

        mutating func next() -> UInt64 {
            counter += 1
            return Mix.bits(seed: seed, counter: counter)
        }

        mutating func rule() -> RetentionRule {
            var rule = RetentionRule(days: Bool.random(using: &self) ? 0 : UInt32.random(in: 0...40, using: &self))
            for part in RetentionRule.Count.allCases where Int.random(in: 0..<3, using: &self) == 0 {
                rule[part] = UInt32.random(in: 0...9, using: &self)
            }
            return rule
        }
    }
}
