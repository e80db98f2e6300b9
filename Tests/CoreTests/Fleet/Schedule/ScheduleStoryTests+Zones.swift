import Testing

@testable import Core

extension ScheduleStoryTests {
    @Test("the alert of missed slots ends with the schedule")
    func alertOfNoSchedule() throws {
        var table = try Timetable([.cron("*/10 * * * *")], at: "2026-05-01T00:05")
        table.stay(away: .hours(6))
        let key = AlertKey(.slotMissed, Story.job)
        #expect(table.story.state.alerts.contains(key))
        table.story.ask(.changeJob(Story.job, [.retentionDays(3)]))
        table.story.pass(Milliseconds(0))
        #expect(table.story.state.alerts.contains(key))
        table.story.ask(.changeJob(Story.job, [.cron("")]))
        table.story.pass(Milliseconds(0))
        #expect(!table.story.state.alerts.contains(key))
    }

    @Test("a slot that is missed behind the end of its schedule opens no alert (found by seed 4 of the storms)")
    func alertBehindTheSchedule() throws {
        // Given a slot whose run waits for its agent
        var table = try Timetable([.cron("0 3 * * *"), .catchUpSeconds(7_200)], at: "2026-05-01T02:50")
        table.story.disconnect()
        table.story.pass(.minutes(15))
        #expect(table.told == ["2026-05-01T03:00:00+00:00 opened"])
        // When the job has no schedule any more, and the agent does not come
        table.story.ask(.changeJob(Story.job, [.cron("")]))
        table.story.pass(.minutes(116))
        // Then the slot has its verdict, and nobody is told what is over
        #expect(table.verdicts == ["2026-05-01T03:00:00+00:00 missed agent_away"])
        #expect(!table.story.state.alerts.contains(AlertKey(.slotMissed, Story.job)))
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
        let asked = Command.readZone("Europe/Berlin", from: table.story.now)
        #expect(table.story.pending.last?.1 == asked)
        table.pass(.hours(3))
        #expect(table.told.isEmpty)
        table.story.carryOut { if case .readZone = $0 { .undone("no data") } else { nil } }
        table.pass(.hours(1))
        #expect(table.story.pending.last?.1 == asked, "from where slots are owed")
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

    @Test("another zone counts from now on, as another expression does")
    func changedZone() throws {
        var table = try Timetable([.cron("0 3 * * *")], at: "2026-05-01T00:30")
        table.story.ask(.changeJob(Story.job, [.timeZone("Europe/Berlin")]))
        table.read("Europe/Berlin", Timetable.berlin)
        table.pass(.hours(3))
        #expect(table.verdicts == ["2026-05-01T03:00:00+02:00 completed"])
        table.audit()
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

    @Test("a zone that was never read owes nothing once another takes its place, and is not in its way")
    func neverRead() throws {
        var table = try Timetable([.cron("0 * * * *"), .timeZone("Not/There")], at: "2026-05-01T00:30")
        table.story.carryOut { if case .readZone = $0 { .undone("no such zone") } else { nil } }
        table.pass(.hours(2))
        table.story.ask(.changeJob(Story.job, [.cron("15 * * * *")]))
        table.pass(.hours(2))
        #expect(table.told.isEmpty)
        table.story.ask(.changeJob(Story.job, [.timeZone("UTC")]))
        #expect(table.story.state.schedules[Story.job]?.plans.count == 1)
        table.pass(.hours(2))
        #expect(
            table.verdicts == ["2026-05-01T05:15:00+00:00 completed", "2026-05-01T06:15:00+00:00 completed"])
        table.audit()
        // A zone that was read owes its slots, also where another takes its place.
        var other = try Timetable([.cron("0 * * * *"), .timeZone("Europe/Berlin")], at: "2026-05-01T00:30")
        other.read("Europe/Berlin", Timetable.berlin)
        other.story.now = other.story.now + .hours(1)
        other.story.ask(.changeJob(Story.job, [.timeZone("UTC")]))
        other.pass(.minutes(1))
        #expect(other.verdicts == ["2026-05-01T03:00:00+02:00 skipped job_changed"])
        other.audit()
    }
}
