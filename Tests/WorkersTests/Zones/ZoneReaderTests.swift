import Core
import Testing
import Workers

@Suite("Time zones of this host")
struct ZoneReaderTests {
    private func read(_ name: Text, from start: Int64 = 1_767_225_600_000) -> ZoneRules? {
        let moment = Timestamp(milliseconds: start)  // 2026 begins
        return ZoneReader.rules(of: name, from: moment, now: moment, reach: .hours(366 * 24))
    }

    @Test("Berlin: an hour ahead of UTC, two from the last Sunday of March to that of October, at 1 o'clock UTC")
    func berlin() throws {
        let rules = try #require(read("Europe/Berlin"))
        #expect(rules.offsetSeconds == 3_600)
        #expect(
            rules.transitions.prefix(2) == [
                ZoneRules.Transition(at: Timestamp(milliseconds: 1_774_746_000_000), offsetSeconds: 7_200),
                ZoneRules.Transition(at: Timestamp(milliseconds: 1_792_890_000_000), offsetSeconds: 3_600),
            ])
    }

    @Test("Lord Howe: half an hour, and in the other half of the year")
    func lordHowe() throws {
        let rules = try #require(read("Australia/Lord_Howe"))
        #expect(rules.offsetSeconds == 39_600)
        #expect(
            rules.transitions.prefix(2) == [
                ZoneRules.Transition(at: Timestamp(milliseconds: 1_775_314_800_000), offsetSeconds: 37_800),
                ZoneRules.Transition(at: Timestamp(milliseconds: 1_791_041_400_000), offsetSeconds: 39_600),
            ])
    }

    @Test("Tokyo changes nothing, UTC neither, and a zone that nobody knows has no rules")
    func others() throws {
        let tokyo = try #require(read("Asia/Tokyo"))
        #expect(tokyo.offsetSeconds == 32_400 && tokyo.transitions.isEmpty)
        #expect(read("UTC") == .utc)
        #expect(read("Mars/Olympus") == nil)
    }
}
