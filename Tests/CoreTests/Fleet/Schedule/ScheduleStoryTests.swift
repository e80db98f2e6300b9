import Testing

@testable import Core

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

    @Test("a run of another job is in no slot's way")
    func otherJob() throws {
        var table = try Timetable([.cron("0 * * * *")], at: "2026-05-01T00:30")
        let other = table.story.addJob(1)
        table.story.ask(.runJob(Story.run, other))
        table.pass(.minutes(40), finishing: false)
        #expect(table.told == ["2026-05-01T01:00:00+00:00 opened"])
    }

    @Test("with alongside a slot's run starts beside those of its job, and beside no other's of the same target")
    func alongside() throws {
        for isOther in [false, true] {
            var table = try Timetable([.cron("* * * * *"), .overlap(.alongside)], at: "2026-05-01T00:00")
            if isOther {
                table.story.ask(.createJob(JobID("job_K"), Story.agent, Story.target, []))
                table.story.ask(.runJob(Story.run, JobID("job_K")))
            }
            table.pass(.minutes(isOther ? 1 : 2), finishing: false)
            #expect(table.story.state.agents[Story.agent]?.openRuns.count == 2)
            #expect(table.story.state.agents[Story.agent]?.inFlightCount == (isOther ? 1 : 2))
        }
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

    @Test("two minutes late is on time, also where nothing is to be made up for")
    func punctual() throws {
        for (late, told) in [(0, "opened"), (120_000, "opened"), (120_001, "missed server_away")] as [(Int64, String)] {
            var table = try Timetable([.cron("0 3 * * *"), .catchUpSeconds(0)], at: "2026-05-01T02:59")
            table.stay(away: .minutes(1) + Milliseconds(late))
            #expect(table.told == ["2026-05-01T03:00:00+00:00 \(told)"])
            table.audit()
        }
    }

    @Test("a day away in a job of every minute takes turns of bounded length, and is one alert that tells all of it")
    func longAway() throws {
        var table = try Timetable([.cron("* * * * *")], at: "2026-05-01T00:00")
        table.stay(away: .hours(24))
        #expect(table.decisions.count == 1_440)
        for deadline in table.story.entries where deadline.kind == "deadline.schedule" {
            let following = table.story.entries.filter { $0.cause == deadline.position }
            #expect(following.count { $0.kind != "alert.opened" && $0.kind != "alert.repeated" } <= 32)
            #expect(following.count { $0.kind == "alert.opened" || $0.kind == "alert.repeated" } <= 1)
        }
        let key = AlertKey(.slotMissed, Story.job)
        let alert = try #require(table.story.state.alerts[key])
        #expect(alert.count == 1)
        #expect(
            alert.detail
                == "1437 times, from 2026-05-01T00:01:00+00:00 to 2026-05-01T23:57:00+00:00: the server was away")
        // The next absence is told by itself, also where its slots fill a turn.
        table.stay(away: .minutes(33))
        #expect(table.story.state.alerts[key]?.count == 2)
        #expect(
            table.story.state.alerts[key]?.detail
                == "30 times, from 2026-05-02T00:01:00+00:00 to 2026-05-02T00:30:00+00:00: the server was away")
        table.audit()
        for minutes in 31...34 as ClosedRange<Int64> {
            var full = try Timetable([.cron("* * * * *"), .catchUpSeconds(0)], at: "2026-05-01T00:00")
            full.stay(away: .minutes(minutes) + .seconds(30))
            let missed = full.verdicts.count { $0.hasSuffix("missed server_away") }
            let alert = try #require(full.story.state.alerts[key])
            #expect(alert.count == 1, "\(minutes)")
            #expect(alert.detail.string.hasPrefix("\(missed) times, from 2026-05-01T00:01:00"), "\(alert.detail)")
        }
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

    @Test("an agent has an hour at least, counted from when the slot opened", arguments: [(600, 1), (3_600, 51)])
    func agentsHour(catchUp: UInt32, minutes: Int64) throws {
        var table = try Timetable([.cron("0 3 * * *"), .catchUpSeconds(catchUp)], at: "2026-05-01T02:59")
        table.stay(away: .minutes(minutes))
        table.story.pass(.minutes(59))
        #expect(table.decisions.count == 1 && table.verdicts.isEmpty)
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

    @Test("lots that are longer than the time between slots let none be missed", arguments: [1, 3, 40] as [Int64])
    func crowdedLots(latency: Int64) throws {
        var table = try Timetable(
            [.cron("*/15 * * * *"), .jitterSeconds(3_600), .overlap(.queue)], at: "2026-05-01T00:01")
        table.story.latency = Milliseconds(latency)
        table.pass(.hours(48))
        let opened = table.told.filter { $0.hasSuffix(" opened") }
        #expect(opened.count > 180)
        #expect(table.verdicts.allSatisfy { $0.hasSuffix(" completed") }, "\(table.verdicts)")
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
        for request in [Request.deleteJob(Story.job), .deleteAgent(Story.agent)] {
            var unopened = try Timetable([.cron("0 3 * * *")], at: "2026-05-01T02:59")
            unopened.story.now = unopened.story.now + .minutes(2)
            unopened.story.ask(request)
            unopened.story.pass(Milliseconds(0))
            #expect(unopened.told == ["2026-05-01T03:00:00+00:00 skipped job_deleted"])
            #expect(unopened.story.state.schedules.isEmpty)
            unopened.audit()
        }
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
        table.story.pass(.minutes(45))
        #expect(table.told.isEmpty)
        table.stay(away: .minutes(15), clockBehind: .hours(24))
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

    @Test("so they do where its run waits in the queue")
    func takeByInQueue() throws {
        for isJump in [true, false] {
            var table = try Timetable([.cron("0 3 * * *"), .catchUpSeconds(7_200)], at: "2026-05-01T02:59")
            table.story.disconnect()
            table.story.pass(.minutes(1))
            table.story.now = table.story.now + .hours(3)
            table.story.tell(
                isJump
                    ? .clockStepped(.hours(3)) : .started(EngineStart(build: "test", rules: Fleet.rules, seed: 8)))
            table.story.pass(isJump ? .minutes(119) : .seconds(149))
            #expect(table.decisions.count == 1 && table.verdicts.isEmpty, "jump: \(isJump)")
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
