import Core
import Testing

@Suite("Uptime")
struct UptimeTests {
    /// By the engine's clock: the phase between two results is what the first of them left.
    @Test("time counts as what it was known to be, and silence as unknown")
    func story() {
        var story = Story.checked(Story.spec(failures: 1, successes: 1))
        story.find("+")
        story.find("++++++++++")
        story.find("-")
        story.find("----")
        let sums = story.state.checks[Story.check]?.uptime.sums(.day, at: story.now)
        #expect(sums?.up == 330)
        #expect(sums?.down == 120)
        #expect(sums?.availability == 73_333)
        // Of an hour without results nothing is known, not even of its beginning.
        story.now = story.now + .seconds(1)
        story.pass(.hours(1))
        story.find("+")
        let later = story.state.checks[Story.check]?.uptime.sums(.day, at: story.now)
        #expect(later?.up == 330)
        #expect(later?.down == 120)
        #expect((later?.unknown ?? 0) >= 3_600)
    }

    @Test("flapping counts by its latest result")
    func flapping() {
        var story = Story.checked(Story.spec(flapChanges: 3))
        story.find("++-+-")
        #expect(story.checkPhase == .flapping)
        let before = story.state.checks[Story.check]?.uptime.sums(.day, at: story.now)
        story.find("+-")
        let after = story.state.checks[Story.check]?.uptime.sums(.day, at: story.now)
        #expect((after?.down ?? 0) - (before?.down ?? 0) == 30)
        #expect((after?.up ?? 0) - (before?.up ?? 0) == 30)
    }

    @Test("the periods forget what is older, and 92 days of results stay below 4 KiB")
    func periods() {
        var spec = Story.spec(failures: 1, successes: 1)
        spec.intervalSeconds = 3_600
        spec.timeoutSeconds = 5
        var story = Story.checked(spec)
        for day in 0..<100 {
            for _ in 0..<24 {
                story.now = story.now + .hours(1)
                story.hear(.health(Story.result(day < 98, at: story.now)))
            }
        }
        guard let uptime = story.state.checks[Story.check]?.uptime else { return #expect(Bool(false)) }
        let day = uptime.sums(.day, at: story.now)
        #expect(day.up == 0 && day.down >= 23 * 3_600 && day.down <= 24 * 3_600)
        let week = uptime.sums(.week, at: story.now)
        #expect(week.down == 47 * 3_600)
        #expect(week.up + week.down >= 6 * 86_400 && week.up + week.down <= 7 * 86_400)
        let quarter = uptime.sums(.quarter, at: story.now)
        #expect(quarter.up + quarter.down >= 89 * 86_400 && quarter.up + quarter.down <= 90 * 86_400)
        var encoder = SizeEncoder()
        story.state.checks[Story.check]?.encode(into: &encoder)
        #expect(encoder.byteCount < 4_096, "\(encoder.byteCount) bytes")
        #expect(encoder.byteCount > 1_000, "\(encoder.byteCount) bytes")
    }

    @Test("years of silence cost no more than a moment of it")
    func years() {
        var story = Story.checked()
        story.find("++")
        story.now = story.now + .hours(24 * 3_650)
        story.tell(.started(EngineStart(build: "test", rules: 3, seed: 1)))
        let sums = story.state.checks[Story.check]?.uptime.sums(.quarter, at: story.now)
        #expect(sums?.up == 0)
        #expect((sums?.unknown ?? 0) > 89 * 86_400)
    }
}

/// Counts the bytes that the canonical encoding takes at most: 9 a number, text and bytes with 5 before them.
private struct SizeEncoder: CanonicalEncoder {
    var byteCount = 0

    mutating func encode(_ name: StaticString, _ value: UInt64) { byteCount += 9 }
    mutating func encode(_ name: StaticString, _ value: Int64) { byteCount += 9 }
    mutating func encode(_ name: StaticString, _ value: Bool) { byteCount += 1 }
    mutating func encode(_ name: StaticString, _ value: Text) { byteCount += 5 + value.byteCount }
    mutating func encode(_ name: StaticString, bytes: [UInt8]) { byteCount += 5 + bytes.count }
    mutating func encodeAbsence(_ name: StaticString) { byteCount += 1 }
    mutating func encode<Value: Canonical>(_ name: StaticString, _ value: Value) {
        byteCount += 2
        value.encode(into: &self)
    }
    mutating func encode<Value: Canonical>(_ name: StaticString, list: [Value]) {
        for value in list { value.encode(into: &self) }
    }
    mutating func encode<ID, Value: Canonical>(_ name: StaticString, table: Table<ID, Value>, id: (ID) -> Text) {}
}
