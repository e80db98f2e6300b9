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

@Suite("A schedule, from slot to verdict")
struct ScheduleStoryTests {
    @Test("each slot opens once at its time, and is completed with its run")
    func daily() throws {
        var table = try Timetable([.cron("0 3 * * *")], at: "2026-05-01T00:00")
        table.pass(.hours(52))
        #expect(
            table.told == [
                "2026-05-01T03:00:00+00:00 opened", "2026-05-01T03:00:00+00:00 completed",
                "2026-05-02T03:00:00+00:00 opened", "2026-05-02T03:00:00+00:00 completed",
                "2026-05-03T03:00:00+00:00 opened", "2026-05-03T03:00:00+00:00 completed",
            ])
        let opened = try #require(table.story.entries.first { $0.kind == "slot.opened" })
        #expect(opened.recordedAt == Timetable.moment("2026-05-01T03:00"))
        guard case .scheduled(_, .opened(let slot, let run, let order, _)) = opened.message else { return }
        #expect(order.slot == slot && !order.isManual && opened.stream == .run(run))
        table.audit()
    }

    @Test("an open run has its slot skipped, and is named")
    func skip() throws {
        var table = try Timetable([.cron("0 * * * *")], at: "2026-05-01T00:30")
        table.pass(.minutes(100), finishing: false)
        #expect(table.told == ["2026-05-01T01:00:00+00:00 opened", "2026-05-01T02:00:00+00:00 skipped overlap"])
        guard case .judged(_, _, let inTheWay) = table.decisions[1], case .opened(_, let run, _, _) = table.decisions[0]
        else { return }
        #expect(inTheWay == run)
        table.finish()
        #expect(table.verdicts.last == "2026-05-01T01:00:00+00:00 completed")
        table.audit()
    }

    @Test("a queue takes 16 open runs of a job and no more", arguments: [Overlap.queue, .alongside])
    func queue(rule: Overlap) throws {
        var table = try Timetable([.cron("* * * * *"), .overlap(rule)], at: "2026-05-01T00:00")
        table.pass(.minutes(18), finishing: false)
        #expect(table.decisions.count == 18)
        #expect(table.story.state.agents[Story.agent]?.openRuns.count == 16)
        #expect(table.verdicts.count == 2 && table.verdicts.allSatisfy { $0.hasSuffix("skipped queue_full") })
        table.audit()
    }

    @Test("a manual run never has to wait for a schedule's rule, but a slot does for it")
    func manual() throws {
        var table = try Timetable([.cron("0 * * * *")], at: "2026-05-01T00:30")
        table.story.ask(.runJob(Story.run, Story.job))
        table.pass(.minutes(40), finishing: false)
        #expect(table.told == ["2026-05-01T01:00:00+00:00 skipped overlap"])
    }

    @Test("away for six hours: the newest missed slot is made up for, the others are told one by one")
    func away() throws {
        var table = try Timetable([.cron("*/10 * * * *")], at: "2026-05-01T00:05")
        table.stay(away: .hours(6))
        let missed = table.verdicts.filter { $0.hasSuffix("missed server_away") }
        #expect(missed.count == 35)
        #expect(missed.first == "2026-05-01T00:10:00+00:00 missed server_away")
        #expect(missed.last == "2026-05-01T05:50:00+00:00 missed server_away")
        #expect(table.told.last == "2026-05-01T06:00:00+00:00 opened late")
        table.audit()
    }

    @Test("what is beyond the time to catch up is missed, all of it")
    func tooLate() throws {
        var table = try Timetable([.cron("0 3 * * *"), .catchUpSeconds(3_600)], at: "2026-05-01T00:00")
        table.stay(away: .hours(30))
        #expect(
            table.told == [
                "2026-05-01T03:00:00+00:00 missed server_away", "2026-05-02T03:00:00+00:00 missed server_away",
            ])
        var never = try Timetable([.cron("0 3 * * *"), .catchUpSeconds(0)], at: "2026-05-01T00:00")
        never.stay(away: .minutes(183))
        #expect(never.told == ["2026-05-01T03:00:00+00:00 missed server_away"])
        never.pass(.hours(24))
        #expect(never.told.last == "2026-05-02T03:00:00+00:00 opened")
        never.audit()
    }

    @Test("a year away in a job of every minute takes turns of bounded length")
    func longAway() throws {
        var table = try Timetable([.cron("* * * * *")], at: "2026-05-01T00:00")
        table.stay(away: .hours(24))
        #expect(table.decisions.count == 1_440)
        for deadline in table.story.entries where deadline.kind == "deadline.schedule" {
            let following = table.story.entries.filter { $0.cause == deadline.position }
            #expect(following.count { $0.kind != "alert.opened" && $0.kind != "alert.repeated" } <= 32)
            #expect(following.count { $0.kind == "alert.opened" || $0.kind == "alert.repeated" } <= 1)
        }
        table.audit()
    }

    @Test("a jump of the clock forwards is met like an absence")
    func jump() throws {
        var table = try Timetable([.cron("0 * * * *")], at: "2026-05-01T00:30")
        table.story.now = table.story.now + .hours(3)
        table.story.tell(.clockStepped(.hours(3)))
        table.story.pass(Milliseconds(0))
        #expect(
            table.told == [
                "2026-05-01T01:00:00+00:00 missed server_away", "2026-05-01T02:00:00+00:00 missed server_away",
                "2026-05-01T03:00:00+00:00 opened late",
            ])
        table.audit()
    }

    @Test("a run that its agent never took is a missed slot, once its time to catch up is over")
    func agentAway() throws {
        var table = try Timetable([.cron("0 3 * * *"), .catchUpSeconds(7_200)], at: "2026-05-01T02:50")
        table.story.disconnect()
        table.story.pass(.minutes(129))
        #expect(table.told == ["2026-05-01T03:00:00+00:00 opened"])
        table.story.pass(.minutes(1))
        #expect(table.verdicts == ["2026-05-01T03:00:00+00:00 missed agent_away"])
        table.audit()
    }

    @Test("a failed run fails its slot with the class, a cancelled one has it skipped")
    func ends() throws {
        var table = try Timetable([.cron("0 3 * * *")], at: "2026-05-01T02:50")
        table.pass(.minutes(11), finishing: false)
        let run = try #require(table.story.state.agents[Story.agent]?.openRuns.first)
        table.story.hear(
            .jobUpdate(
                JobUpdate(
                    job: Story.job, run: WireRunID(run, .first), status: .failed, progressPercent: 0, step: "",
                    errorText: "")), failure: .source)
        #expect(table.verdicts.last == "2026-05-01T03:00:00+00:00 failed source")
        table.story.disconnect()
        table.story.pass(.hours(24))
        let next = try #require(table.story.state.agents[Story.agent]?.openRuns.first)
        table.story.ask(.cancelRun(next))
        #expect(table.verdicts.last == "2026-05-02T03:00:00+00:00 skipped cancelled")
        table.audit()
    }

    @Test("spring and autumn in Berlin: a fixed time once a day, a wildcard with the clock")
    func berlin() throws {
        var table = try Timetable([.cron("30 2 * * *"), .timeZone("Europe/Berlin")], at: "2026-03-28T12:00")
        table.read("Europe/Berlin", Timetable.berlin)
        table.pass(.hours(24))
        #expect(table.told.first == "2026-03-29T03:00:00+02:00 opened")
        var autumn = try Timetable([.cron("30 2 * * *"), .timeZone("Europe/Berlin")], at: "2026-10-24T12:00")
        autumn.read("Europe/Berlin", Timetable.berlin)
        autumn.pass(.hours(24))
        #expect(
            autumn.told == ["2026-10-25T02:30:00+02:00 opened", "2026-10-25T02:30:00+02:00 completed"])
        var wild = try Timetable([.cron("30 * * * *"), .timeZone("Europe/Berlin")], at: "2026-10-25T00:00")
        wild.read("Europe/Berlin", Timetable.berlin)
        wild.pass(.hours(2))
        #expect(
            wild.verdicts == ["2026-10-25T02:30:00+02:00 completed", "2026-10-25T02:30:00+01:00 completed"])
        for table in [table, autumn, wild] { table.audit() }
    }

    @Test("spring and autumn in New York")
    func newYork() throws {
        var spring = try Timetable([.cron("0 2 * * *"), .timeZone("America/New_York")], at: "2026-03-08T05:00")
        spring.read("America/New_York", Timetable.newYork)
        spring.pass(.hours(24))
        #expect(spring.verdicts == ["2026-03-08T03:00:00-04:00 completed"])
        var autumn = try Timetable([.cron("15 1 * * *"), .timeZone("America/New_York")], at: "2026-11-01T04:00")
        autumn.read("America/New_York", Timetable.newYork)
        autumn.pass(.hours(24))
        #expect(autumn.verdicts == ["2026-11-01T01:15:00-04:00 completed"])
        for table in [spring, autumn] { table.audit() }
    }

    @Test("a zone that is read late loses no slot: each is met then")
    func lateZone() throws {
        var table = try Timetable([.cron("0 * * * *"), .timeZone("Europe/Berlin")], at: "2026-05-01T00:30")
        #expect(table.story.pending.last?.1 == .readZone("Europe/Berlin", from: table.story.now))
        table.pass(.hours(3))
        #expect(table.told.isEmpty)
        table.story.carryOut { if case .readZone = $0 { .undone("no data") } else { nil } }
        table.pass(.hours(1))
        table.read("Europe/Berlin", Timetable.berlin)
        #expect(table.verdicts.count == 3 && table.told.last == "2026-05-01T06:00:00+02:00 opened late")
        table.audit()
    }

    @Test("a zone is read anew each week, and forgotten when nobody needs it")
    func zoneAge() throws {
        var table = try Timetable([.cron("0 0 1 1 *"), .timeZone("Europe/Berlin")], at: "2026-05-01T00:00")
        table.read("Europe/Berlin", Timetable.berlin)
        table.story.pass(.hours(7 * 24 + 1))
        #expect(table.story.pending.contains { if case .readZone = $0.1 { true } else { false } })
        table.read("Europe/Berlin", Timetable.berlin)
        table.story.ask(.changeJob(Story.job, [.timeZone("UTC")]))
        table.story.pass(.hours(8 * 24))
        #expect(table.story.state.zones.isEmpty)
    }

    @Test("a lot puts each slot off by less than the jitter, in the order of the slots")
    func jitter() throws {
        var table = try Timetable([.cron("*/2 * * * *"), .jitterSeconds(600)], at: "2026-05-01T00:01")
        table.pass(.hours(3))
        var delays: Set<Int64> = []
        for entry in table.story.entries {
            guard case .scheduled(_, let decision) = entry.message, case .opened = decision else { continue }
            let delay = entry.recordedAt - decision.slot.instant
            #expect(delay >= Milliseconds(0) && delay <= .seconds(660))
            delays.insert(delay.count / 1_000)
        }
        #expect(delays.count > 10)
        #expect(table.ledger().violations.isEmpty)
    }

    @Test("another expression counts from now on; what the former one had not opened is skipped")
    func changed() throws {
        var table = try Timetable([.cron("0 3 * * *"), .jitterSeconds(3_600)], at: "2026-05-01T02:59")
        table.story.pass(.minutes(1))
        table.story.ask(.changeJob(Story.job, [.cron("30 3 * * *"), .jitterSeconds(0)]))
        table.story.pass(Milliseconds(0))
        let opened = table.told.first == "2026-05-01T03:00:00+00:00 opened"
        #expect(opened || table.told == ["2026-05-01T03:00:00+00:00 skipped job_changed"])
        table.pass(.hours(1))
        #expect(table.told.contains("2026-05-01T03:30:00+00:00 opened"))
        table.story.ask(.changeJob(Story.job, [.cron("")]))
        table.pass(.hours(48))
        #expect(table.verdicts.count == 2)
        #expect(table.story.state.schedules.isEmpty)
        table.audit()
    }

    @Test("a deleted job's open slot is judged when its run ends, what was not opened at once")
    func deleted() throws {
        var table = try Timetable([.cron("0 3 * * *")], at: "2026-05-01T02:59")
        table.pass(.minutes(2), finishing: false)
        table.story.ask(.deleteJob(Story.job))
        #expect(table.verdicts.isEmpty)
        table.finish()
        #expect(table.verdicts == ["2026-05-01T03:00:00+00:00 completed"])
        #expect(table.story.state.schedules.isEmpty)
        table.audit()
        var unopened = try Timetable([.cron("0 3 * * *")], at: "2026-05-01T02:59")
        unopened.story.now = unopened.story.now + .minutes(2)
        unopened.story.ask(.deleteJob(Story.job))
        unopened.story.pass(Milliseconds(0))
        #expect(unopened.told == ["2026-05-01T03:00:00+00:00 skipped job_deleted"])
        unopened.audit()
    }

    @Test("jobs from before schedules fire from the first start that knows them, and not for the past")
    func old() throws {
        var story = Story.ready()
        var old = Story(rules: 2)
        old.now = story.now
        old.ask(.createAgent(Story.agent, name: "db", keyDigest: [UInt8](repeating: 1, count: 32)))
        old.ask(.createTarget(Story.target, Story.agent, [.type(.sqlite), .displayName("a"), .database("/a.db")]))
        old.ask(.createJob(Story.job, Story.agent, Story.target, [.cron("0 * * * *")]))
        old.pass(.hours(30))
        #expect(old.state.schedules.isEmpty)
        old.tell(.started(EngineStart(build: "new", rules: 3, seed: 1)))
        old.pass(.hours(1))
        #expect(old.entries.count { $0.kind == "slot.opened" } == 1)
        #expect(old.entries.allSatisfy { $0.kind != "slot.judged" })
        story = old
        var ledger = SlotLedger()
        for entry in story.entries { ledger.add(entry) }
        #expect(ledger.violations.isEmpty && ledger.owed(by: story.now).isEmpty)
    }

    @Test("a wall clock far behind the log: nothing is judged until somebody says that it is right")
    func doubt() throws {
        var table = try Timetable([.cron("0 * * * *")], at: "2026-05-01T00:30")
        table.stay(away: Milliseconds(0), clockBehind: .hours(25))
        table.pass(.hours(3))
        #expect(table.told.isEmpty)
        #expect(table.story.ask(.confirmClock).contains(.accepted(.clockConfirmed, Ticket(token: "admin"))))
        table.story.pass(Milliseconds(0))
        #expect(table.verdicts.count == 2 && table.told.last == "2026-05-01T03:00:00+00:00 opened late")
        let again = table.story.ask(.confirmClock).last
        #expect(again == .refused(Refusal(code: .conflict, text: "the clock is not in doubt")))
        table.audit()
    }

    @Test("a start with a clock that is no longer behind ends the doubt, and a day is not in doubt")
    func doubtEnds() throws {
        var table = try Timetable([.cron("0 * * * *")], at: "2026-05-01T00:30")
        table.stay(away: Milliseconds(0), clockBehind: .hours(25))
        #expect(table.story.state.clockDoubt != nil)
        table.stay(away: .hours(1), clockBehind: .hours(24))
        #expect(table.story.state.clockDoubt == nil)
        #expect(table.told == ["2026-05-01T01:00:00+00:00 opened late"])
        table.audit()
    }

    /// A slot's run whose sending has begun and has no outcome, with two hours for its agent to take it.
    private func sending() throws -> Timetable {
        var table = try Timetable([.cron("0 3 * * *"), .catchUpSeconds(7_200)], at: "2026-05-01T02:59")
        table.story.connect(session: "ses_2", sequence: 9)
        table.story.pass(.minutes(1))
        let run = try #require(table.story.state.agents[Story.agent]?.openRuns.first)
        #expect(table.story.state.runs[run]?.phase == .sending(.first))
        return table
    }

    @Test("a jump of the clock, and our own absence, leave the agent its time to take a slot's run")
    func takeBy() throws {
        for isJump in [true, false] {
            var table = try sending()
            table.story.now = table.story.now + .hours(3)
            table.story.tell(
                isJump
                    ? .clockStepped(.hours(3)) : .started(EngineStart(build: "test", rules: Fleet.rules, seed: 8)))
            table.story.carryOut { if case .dispatch = $0 { .undone("not connected") } else { nil } }
            table.story.disconnect(session: "ses_2")
            table.story.pass(isJump ? .minutes(119) : .seconds(149))
            #expect(table.verdicts.isEmpty, "jump: \(isJump)")
            table.story.pass(.minutes(2))
            #expect(table.verdicts == ["2026-05-01T03:00:00+00:00 missed agent_away"], "jump: \(isJump)")
            table.audit()
        }
    }

    @Test("a slot whose run is closed in a turn that is cut off has its verdict half a minute later")
    func cutOff() throws {
        for limit in [2, Int.max] {
            var table = try Timetable([.cron("0 3 * * *")], at: "2026-05-01T02:59")
            table.pass(.minutes(2), finishing: false)
            table.story.turnLimit = limit
            table.finish()
            table.story.turnLimit = .max
            let wasCutOff = table.story.entries.contains { $0.kind == "engine.faulted" }
            #expect(wasCutOff == (limit == 2) && table.verdicts.isEmpty == wasCutOff)
            let count = table.story.entries.count { $0.kind == "deadline.run" }
            table.story.pass(.seconds(30))
            #expect(table.verdicts == ["2026-05-01T03:00:00+00:00 completed"])
            #expect(table.story.entries.count { $0.kind == "deadline.run" } == count + (wasCutOff ? 1 : 0))
            table.audit()
            let run = try #require(table.story.state.runs.idsByCreation.last)
            table.story.pass(.hours(7 * 24 - 1))
            #expect(table.story.state.runs.contains(run))
            table.story.pass(.hours(1))
            #expect(!table.story.state.runs.contains(run))
        }
    }

    @Test("a job that is changed again and again while its zone cannot be read does not grow, and fires once it can")
    func manyPlans() throws {
        var table = try Timetable([.cron("0 * * * *"), .timeZone("Europe/Berlin")], at: "2026-05-01T00:30")
        for number in 1...40 {
            table.pass(.hours(1))
            table.story.ask(.changeJob(Story.job, [.cron(Text("\(number) * * * *"))]))
            #expect(table.story.state.schedules[Story.job]?.plans.count ?? 0 <= 16)
        }
        #expect(table.told.isEmpty)
        table.read("Europe/Berlin", Timetable.berlin)
        table.pass(.hours(1))
        #expect(table.verdicts.count { $0.hasSuffix("skipped job_changed") } == 15)
        #expect(table.told.contains { $0.hasSuffix(":40:00+02:00 opened") })
        table.audit()
    }

    @Test("the ledger sees a slot that is left out, judged twice, or judged for another run")
    func ledger() throws {
        var table = try Timetable([.cron("0 * * * *")], at: "2026-05-01T00:30")
        table.pass(.hours(3))
        let entries = table.story.entries
        func violations(_ body: (Entry<Fleet.Message>) -> [Entry<Fleet.Message>]) -> Int {
            var ledger = SlotLedger()
            for entry in entries { for entry in body(entry) { ledger.add(entry) } }
            return ledger.violations.count + ledger.owed(by: table.story.now).count + ledger.openRuns.count
        }
        let second = try #require(entries.filter { $0.kind == "slot.opened" }.dropFirst().first)
        let judged = try #require(entries.first { $0.kind == "slot.judged" })
        #expect(violations { [$0] } == 0)
        #expect(violations { $0 == second ? [] : [$0] } > 0)
        #expect(violations { $0 == judged ? [] : [$0] } > 0)
        #expect(violations { $0 == judged ? [$0, $0] : [$0] } > 0)
        #expect(violations { $0 == second ? [$0, $0] : [$0] } > 0)
    }
}
