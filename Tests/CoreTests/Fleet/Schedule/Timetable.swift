import Testing

@testable import Core

/// A fleet whose one job has a schedule. Each story is held to the ledger at its end.
struct Timetable {
    var story = Story.ready()
    static let job = Story.job

    init(_ fields: [JobField], at start: String? = nil) throws {
        if let start { story.now = try #require(Self.moment(start)) }
        // Signs of life, so that a story of days has a connected agent.
        story.ask(.changeJob(Self.job, fields))
    }

    /// RFC 3339 in UTC without seconds: `2026-03-29T01:00`.
    static func moment(_ text: String) -> Timestamp? {
        let numbers = text.split { "-T:".contains($0) }.compactMap { Int64($0) }
        guard numbers.count == 5 else { return nil }
        let day = Civil.days(year: numbers[0], month: numbers[1], day: numbers[2])
        return Timestamp(milliseconds: ((day * 24 + numbers[3]) * 60 + numbers[4]) * 60_000)
    }

    /// Lets time pass, with a heartbeat each minute and runs that succeed at once unless they are to stay open.
    mutating func pass(_ span: Milliseconds, finishing: Bool = true) {
        let end = story.now + span
        while story.now < end {
            story.pass(min(.minutes(1), end - story.now))
            story.hear(.heartbeat(Heartbeat(configVersion: 9, metrics: nil, activeJobIDs: [])))
            story.carryOut { if case .dispatch = $0 { .done } else { nil } }
            if finishing { finish() }
        }
    }

    /// Ends what is running as a success.
    mutating func finish() {
        for run in story.state.agents[Story.agent]?.openRuns ?? [] {
            guard case .running(let attempt) = story.state.runs[run]?.phase else { continue }
            story.hear(
                .completed(
                    Completion(
                        job: Self.job, run: WireRunID(run, attempt), objectName: "o", byteCount: 10,
                        digest: [UInt8](repeating: 9, count: 32), durationMilliseconds: 5, compression: "zstd",
                        databaseVersion: "SQLite 3")))
            story.observe(Story.found())
        }
    }

    /// The control plane is away: no deadline passes, then it starts anew.
    mutating func stay(away span: Milliseconds, clockBehind: Milliseconds = Milliseconds(0)) {
        story.now = story.now + span
        story.tell(
            .started(EngineStart(build: "test", rules: Fleet.rules, seed: 8, clockBehind: clockBehind)))
        story.pass(Milliseconds(0))
    }

    mutating func read(_ zone: Text, _ rules: ZoneRules) {
        story.carryOut { if case .readZone(zone, _) = $0 { .zone(rules) } else { nil } }
        story.pass(Milliseconds(0))
    }

    var decisions: [SlotDecision] {
        story.entries.compactMap { if case .scheduled(_, let decision) = $0.message { decision } else { nil } }
    }

    /// `2026-03-29T03:00:00+02:00 completed`, in the order of the log; an opened slot only says so.
    var told: [String] {
        decisions.map { decision in
            switch decision {
            case .opened(let slot, _, _, let isLate): "\(slot.text) opened\(isLate ? " late" : "")"
            case .judged(let slot, let verdict, _):
                "\(slot.text) \(verdict.word)\(verdict.reason.map { " \($0)" } ?? "")"
            }
        }
    }

    var verdicts: [String] { told.filter { !$0.contains(" opened") } }

    func ledger() -> SlotLedger {
        var ledger = SlotLedger()
        for entry in story.entries { ledger.add(entry) }
        return ledger
    }

    /// Nothing is wrong, and nothing owed.
    func audit(owing: Bool = true) {
        let ledger = ledger()
        #expect(ledger.violations.isEmpty, "\(ledger.violations)")
        if owing { #expect(ledger.owed(by: story.now).isEmpty, "\(ledger.owed(by: story.now))") }
        let open = story.state.schedules[Self.job]?.open.map(\.run) ?? []
        #expect(ledger.openRuns == open)
    }

    static let berlin = ZoneRules(
        offsetSeconds: 3_600,
        transitions: [
            .init(at: moment("2026-03-29T01:00") ?? .init(milliseconds: 0), offsetSeconds: 7_200),
            .init(at: moment("2026-10-25T01:00") ?? .init(milliseconds: 0), offsetSeconds: 3_600),
        ], until: moment("2030-01-01T00:00") ?? .init(milliseconds: 0))
    static let newYork = ZoneRules(
        offsetSeconds: -18_000,
        transitions: [
            .init(at: moment("2026-03-08T07:00") ?? .init(milliseconds: 0), offsetSeconds: -14_400),
            .init(at: moment("2026-11-01T06:00") ?? .init(milliseconds: 0), offsetSeconds: -18_000),
        ], until: moment("2030-01-01T00:00") ?? .init(milliseconds: 0))
}
