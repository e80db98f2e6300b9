import Testing

@testable import Core

@Suite("Objects, from their success to their deletion")
struct RetentionStoryTests {
    /// An agent with a job that keeps what the fields say.
    private static func story(_ fields: [JobField]) -> Story {
        var story = Story.ready()
        story.ask(.changeJob(Story.job, fields))
        story.carryOut { if case .configure = $0 { .done } else { nil } }
        return story
    }

    private static func run(_ number: Int) -> RunID { RunID(Text("run_\(number)")) }

    /// One more backup, with an object of ten bytes.
    private static func backUp(_ story: inout Story, _ number: Int, attempt: UInt32 = 1) {
        if story.state.agents[Story.agent]?.session == nil {
            story.connect(session: SessionID(Text("ses_\(number)x")), sequence: UInt64(number) * 1_000)
        }
        let session = story.state.agents[Story.agent]?.session?.id
        story.ask(.runJob(run(number), Story.job))
        story.carryOut { if case .dispatch = $0 { .done } else { nil } }
        story.hear(
            .completed(
                Completion(
                    job: Story.job, run: WireRunID(run(number), Attempt(attempt)), objectName: "o", byteCount: 10,
                    digest: [UInt8](repeating: 9, count: 32), durationMilliseconds: 5, compression: "zstd",
                    databaseVersion: "SQLite 3")), session: session)
        story.observe(Story.found())
        #expect(story.state.objects.contains(run(number)))
    }

    private static func delete(_ story: inout Story, _ result: CommandOutcome.Result = .done) {
        story.carryOut { if case .delete = $0 { result } else { nil } }
    }

    private static func deletions(_ story: Story) -> [Command] {
        story.pending.map(\.1).filter { if case .delete = $0 { true } else { false } }
    }

    private func check(_ story: Story) {
        var audit = DeletionAudit()
        var state = Fleet.initial
        for entry in story.entries {
            let problem = audit.check(entry, in: state)
            #expect(problem == nil, "\(entry.position) \(entry.kind)")
            _ = Fleet.fold(entry, into: &state)
        }
    }

    @Test("a success lets the one go that no part keeps any more: decided with its reason, then deleted")
    func keepLast() throws {
        var story = Self.story([.retentionDays(0), .keep(.last, 2)])
        for number in 1...3 {
            Self.backUp(&story, number)
            story.pass(.minutes(1))
        }
        let reference = ObjectReference(agent: Story.agent, job: Story.job, run: Self.run(1), attempt: .first)
        let decision = try #require(story.entries.last { $0.kind == "object.expired" })
        guard case .object(reference, .expired(let reason)) = decision.message else {
            Issue.record("\(decision.message)")
            return
        }
        #expect(reason.string.contains("keep_last 2") && reason.string.contains("run_3"))
        #expect(decision.stream == .run(Self.run(1)))
        #expect(story.state.objects[Self.run(1)]?.isBeingDeleted == true)
        #expect(Self.deletions(story) == [.delete(Self.run(1), .first)])
        Self.delete(&story)
        #expect(story.state.objects.idsSorted == [Self.run(2), Self.run(3)])
        #expect(story.state.deletions.isEmpty && story.state.shelves[Story.job] == [Self.run(2), Self.run(3)])
        check(story)
    }

    @Test("age alone lets go by itself, the last good backup never")
    func age() {
        var story = Self.story([.retentionDays(7)])
        Self.backUp(&story, 1)
        story.pass(.hours(24))
        Self.backUp(&story, 2)
        story.pass(.hours(24 * 7 + 1))
        #expect(Self.deletions(story) == [.delete(Self.run(1), .first)])
        Self.delete(&story)
        story.pass(.hours(24 * 400))
        #expect(story.state.objects.idsSorted == [Self.run(2)] && Self.deletions(story).isEmpty)
        check(story)
    }

    @Test("a job without a rule, and a job that is gone, let nothing go")
    func noRule() {
        var story = Self.story([.retentionDays(0)])
        for number in 1...3 { Self.backUp(&story, number) }
        story.ask(.changeJob(Story.job, [.keep(.last, 3)]))
        story.ask(.deleteJob(Story.job))
        story.pass(.hours(24 * 4_000))
        #expect(story.state.objects.count == 3)
        #expect(!story.entries.contains { $0.kind == "object.expired" })
    }

    @Test("a changed rule acts at once, at most 64 a turn, the oldest first, until all that may go have gone")
    func changedRule() {
        var story = Self.story([.retentionDays(0)])
        for number in 1...150 {
            Self.backUp(&story, number)
            story.pass(.minutes(1))
        }
        story.ask(.changeJob(Story.job, [.keep(.last, 10)]))
        story.pass(.seconds(1))
        #expect(story.state.deletions.count == 64)
        #expect(story.state.deletions.contains(ObjectKey(run: Self.run(1), attempt: .first)))
        story.pass(.minutes(1))
        #expect(story.state.deletions.count == 128)
        story.pass(.minutes(1))
        #expect(story.state.deletions.count == 140)
        Self.delete(&story)
        #expect(story.state.objects.count == 10)
        check(story)
    }

    @Test("a deletion that fails is tried again, ever less often, over restarts, until it is done")
    func failedDeletion() {
        var story = Self.story([.retentionDays(0), .keep(.last, 1)])
        for number in 1...2 { Self.backUp(&story, number) }
        story.pass(.seconds(1))
        var moments: [Timestamp] = []
        for _ in 0..<12 {
            Self.delete(&story, .undone("the store gives no answer"))
            #expect(Self.deletions(story).isEmpty)
            let failed = story.now
            while Self.deletions(story).isEmpty { story.pass(.seconds(5)) }
            moments.append(Timestamp(milliseconds: (story.now - failed).count))
        }
        #expect(moments.first == Timestamp(milliseconds: 30_000))
        #expect(moments.last == Timestamp(milliseconds: 3_600_000))
        Self.delete(&story, .undone("no"))
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 8)))
        story.pass(.hours(1))
        Self.delete(&story)
        #expect(story.state.objects.idsSorted == [Self.run(2)] && story.state.deletions.isEmpty)
        check(story)
    }

    @Test("a person may delete what no rule and no lock holds, and is told by what it is held")
    func person() {
        var story = Self.story([.retentionDays(7), .keep(.last, 1)])
        Self.backUp(&story, 1)
        Self.backUp(&story, 2)
        let until = story.now + .hours(24 * 7)
        let text = "retention holds the object: keep_last 1 until newer backups take its place, retention_days 7 until "
        #expect(
            story.ask(.deleteRun(Self.run(2))).last
                == .refused(Refusal(code: .precondition, text: Text(text + until.text))))
        story.ask(.changeJob(Story.job, [.retentionDays(0), .keep(.last, 0)]))
        story.ask(.lockRun(Self.run(2), until: nil, reason: "a court wants it"))
        #expect(
            story.ask(.deleteRun(Self.run(2))).last
                == .refused(
                    Refusal(
                        code: .precondition, text: "the object is locked until an admin unlocks it: a court wants it")))
        story.ask(.unlockRun(Self.run(2)))
        #expect(story.ask(.deleteRun(Self.run(2))).last == .command(.delete(Self.run(2), .first)))
        Self.delete(&story)
        // Also the last good one, since a person asks; and also of a job that is gone.
        story.ask(.deleteJob(Story.job))
        #expect(
            story.ask(.deleteRun(Self.run(1))).last
                == .refused(
                    Refusal(
                        code: .precondition,
                        text: Text("retention_days of the deleted job holds the object until \(until.text)"))))
        story.pass(.hours(24 * 7))
        story.ask(.deleteRun(Self.run(1)))
        Self.delete(&story)
        #expect(story.state.objects.isEmpty)
        check(story)
    }

    @Test("a locked object stays, whatever the rule says, and goes when the lock has ended")
    func locks() {
        var story = Self.story([.retentionDays(0), .keep(.last, 1)])
        Self.backUp(&story, 1)
        story.ask(.lockRun(Self.run(1), until: story.now + .hours(24 * 30), reason: "audit"))
        Self.backUp(&story, 2)
        story.pass(.hours(24 * 30 - 1))
        #expect(story.state.deletions.isEmpty && story.state.objects.count == 2)
        story.pass(.hours(2))
        #expect(story.state.deletions.count == 1)
        Self.delete(&story)
        #expect(story.state.objects.idsSorted == [Self.run(2)] && story.state.locks.isEmpty)
        check(story)
    }

    @Test("a lock needs an object, a reason and a moment to come; only admins end one before its time")
    func lockRequests() {
        var story = Self.story([.retentionDays(0)])
        let later = story.now + .hours(48)
        let admin = Ticket(token: "admin")
        let clerk = Ticket(token: "clerk", role: .operator)
        func refusal(_ request: Request, _ ticket: Ticket) -> Refusal.Code? {
            guard case .refused(let refusal) = story.ask(request, ticket: ticket).last else { return nil }
            return refusal.code
        }
        #expect(refusal(.lockRun(Self.run(1), until: nil, reason: "r"), admin) == .conflict)
        Self.backUp(&story, 1)
        #expect(refusal(.lockRun(Self.run(1), until: nil, reason: ""), admin) == .validation)
        #expect(refusal(.lockRun(Self.run(1), until: story.now, reason: "r"), admin) == .validation)
        #expect(refusal(.unlockRun(Self.run(1)), admin) == .conflict)
        #expect(refusal(.lockRun(Self.run(1), until: later, reason: "r"), clerk) == nil)
        #expect(story.state.locks[Self.run(1)]?.token == "clerk")
        #expect(refusal(.lockRun(Self.run(1), until: later + .hours(-1), reason: "r"), clerk) == .permission)
        #expect(refusal(.lockRun(Self.run(1), until: nil, reason: "r"), clerk) == nil)
        #expect(refusal(.unlockRun(Self.run(1)), clerk) == .permission)
        #expect(refusal(.unlockRun(Self.run(1)), admin) == nil)
    }

    @Test("days are those of the job's zone, which is read for them; until it is, nothing goes")
    func zone() throws {
        var story = Story.ready()
        story.now = try #require(Timetable.moment("2026-05-01T21:30"))
        story.ask(
            .changeJob(Story.job, [.retentionDays(0), .keep(.daily, 2), .timeZone("Europe/Berlin")]))
        for (number, moment) in [(1, "2026-05-01T21:30"), (2, "2026-05-01T22:30"), (3, "2026-05-02T20:00")] {
            story.now = try #require(Timetable.moment(moment))
            Self.backUp(&story, number)
            story.pass(.seconds(1))
        }
        #expect(Self.deletions(story).isEmpty)
        let read = story.pending.compactMap { if case .readZone(let zone, _) = $0.1 { zone } else { nil } }
        #expect(read == ["Europe/Berlin"])
        story.carryOut { if case .readZone = $0 { .zone(Timetable.berlin) } else { nil } }
        story.pass(.seconds(1))
        // 23:30 of the first of May, 00:30 of the second, 22:00 of the second. In UTC the first would have gone.
        #expect(Self.deletions(story) == [.delete(Self.run(2), .first)])
        check(story)
        // Read anew, it is read from the oldest backup on.
        story.pass(.hours(7 * 24 + 1))
        #expect(
            story.pending.map(\.1).contains(
                .readZone("Europe/Berlin", from: try #require(Timetable.moment("2026-05-01T21:30")))))
    }

    @Test("jobs from before count their days in their zone from the first start on that knows it")
    func zoneOfOldJobs() {
        var story = Story(rules: 3)
        story.ask(.createAgent(Story.agent, name: "db", keyDigest: [UInt8](repeating: 1, count: 32)))
        story.ask(.createTarget(Story.target, Story.agent, [.type(.sqlite), .displayName("a"), .database("/a.db")]))
        story.ask(.createJob(Story.job, Story.agent, Story.target, [.keep(.daily, 2), .timeZone("Europe/Berlin")]))
        story.carryOut { if case .readZone = $0 { .undone("an older build never asked") } else { nil } }
        for _ in 0..<2 {
            story.tell(.started(EngineStart(build: "new", rules: 4, seed: 1)))
            let asked = story.pending.filter { if case .readZone = $0.1 { true } else { false } }
            #expect(asked.count == 1)
        }
    }

    /// Ten daily backups of a job that keeps seven days.
    private static func tenDays(_ fields: [JobField] = [.retentionDays(7)]) -> Story {
        var story = Self.story(fields)
        for number in 1...10 {
            Self.backUp(&story, number)
            Self.delete(&story)
            story.pass(.hours(24))
        }
        Self.delete(&story)
        return story
    }

    private static let ahead = AlertKey(.clockAhead, AlertKey.server)

    @Test("a clock that leaps ahead makes nothing older: nothing goes until somebody says that it is right")
    func leap() {
        for isStart in [false, true] {
            var story = Self.tenDays()
            let count = story.state.objects.count
            story.now = story.now + .hours(400 * 24)
            story.tell(
                isStart
                    ? .started(EngineStart(build: "test", rules: Fleet.rules, seed: 8))
                    : .clockStepped(.hours(400 * 24)))
            #expect(story.state.alerts.contains(Self.ahead))
            story.pass(.hours(20 * 24))
            #expect(story.state.objects.count == count && Self.deletions(story).isEmpty)
            story.ask(.confirmClock)
            story.pass(.seconds(1))
            #expect(!story.state.alerts.contains(Self.ahead))
            Self.delete(&story)
            #expect(story.state.objects.idsSorted == [Self.run(10)], "the last good one stays")
            check(story)
        }
    }

    @Test("a clock that is set back again: what leapt was no time, and ages go on from where they were")
    func leapAndBack() {
        var story = Self.tenDays()
        let count = story.state.objects.count
        story.ask(.lockRun(Self.run(9), until: story.now + .hours(40 * 24), reason: "audit"))
        story.now = story.now + .hours(400 * 24)
        story.tell(.clockStepped(.hours(400 * 24)))
        Self.backUp(&story, 11)
        story.tell(.clockStepped(.hours(-400 * 24)))
        #expect(!story.state.alerts.contains(Self.ahead))
        story.pass(.seconds(1))
        #expect(Self.deletions(story).isEmpty && story.state.objects.count == count + 1)
        story.pass(.hours(39 * 24))
        Self.delete(&story)
        #expect(story.state.objects.idsSorted == [Self.run(11), Self.run(9)], "the lock holds by the true time")
        story.pass(.hours(2 * 24))
        Self.delete(&story)
        #expect(story.state.objects.idsSorted == [Self.run(11)])
        check(story)
    }

    @Test("a backup between two leaps is taken back by the second one only, and one of the same moment not at all")
    func twoLeaps() {
        var story = Self.tenDays()
        story.now = story.now + .hours(400 * 24)
        story.tell(.clockStepped(.hours(400 * 24)))
        Self.backUp(&story, 11)
        Self.backUp(&story, 12)
        story.pass(.minutes(1))
        story.now = story.now + .hours(8 * 24)
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 8)))
        Self.backUp(&story, 13)
        Self.backUp(&story, 14)
        story.ask(.confirmClock)
        story.pass(.seconds(1))
        Self.delete(&story)
        // Those of before the second leap are eight days old now, and those behind it are new.
        #expect(story.state.objects.idsSorted == [Self.run(13), Self.run(14)])
        story.pass(.hours(6 * 24))
        #expect(Self.deletions(story).isEmpty)
        check(story)
    }

    @Test("a lock holds by the true time, whatever a start a few milliseconds behind may seem to say")
    func lockOverRestart() {
        var story = Self.tenDays([.retentionDays(30)])
        story.ask(.lockRun(Self.run(1), until: story.now + .hours(40 * 24), reason: "audit"))
        story.now = story.now + .hours(300 * 24)
        story.tell(.clockStepped(.hours(300 * 24)))
        story.tell(
            .started(EngineStart(build: "test", rules: Fleet.rules, seed: 8, clockBehind: Milliseconds(5))))
        #expect(story.state.clockLead == .hours(300 * 24))
        story.tell(.clockStepped(.hours(-300 * 24)))
        story.pass(.hours(39 * 24))
        Self.delete(&story)
        #expect(story.state.objects.contains(Self.run(1)))
        // Once the clocks have met, nothing is looked at by another one any more.
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 9)))
        #expect(story.state.clockLead == Milliseconds(0))
        check(story)
    }

    @Test("a log that had no room for days is no leap of the clock")
    func longWithoutRoom() {
        var story = Self.tenDays()
        story.now = story.now + .hours(48)
        story.tell(.disk(.logWasFull(.hours(48))))
        #expect(story.state.clockLeap == nil)
        story.pass(.seconds(1))
        Self.delete(&story)
        #expect(story.state.objects.count == 4, "what is seven days old by now is gone")
        check(story)
    }

    @Test("a zone that was read for a schedule is read back to the oldest backup before days are counted by it")
    func zoneOfSchedule() throws {
        var story = Self.story([.timeZone("Europe/Berlin")])
        for number in 1...3 {
            Self.backUp(&story, number)
            story.pass(.hours(30))
        }
        let oldest = try #require(story.state.objects[Self.run(1)]?.createdAt)
        story.ask(.changeJob(Story.job, [.cron("0 3 1 1 *")]))
        story.carryOut { if case .readZone = $0 { .zone(Timetable.berlin) } else { nil } }
        story.ask(.changeJob(Story.job, [.retentionDays(0), .keep(.daily, 1)]))
        story.pass(.seconds(1))
        #expect(Self.deletions(story).isEmpty)
        #expect(story.pending.map(\.1).contains(.readZone("Europe/Berlin", from: oldest)))
        story.carryOut { if case .readZone = $0 { .zone(Timetable.berlin) } else { nil } }
        story.pass(.seconds(1))
        #expect(Self.deletions(story).count == 2)
        check(story)
    }

    @Test("an absence of a week, and a step of a day, are believed")
    func believed() {
        var story = Self.tenDays()
        story.now = story.now + .hours(24)
        story.tell(.clockStepped(.hours(24)))
        story.pass(.seconds(1))
        #expect(story.state.clockLeap == nil)
        story.now = story.now + .hours(7 * 24) + .seconds(-1)
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 8)))
        story.pass(.seconds(1))
        #expect(story.state.clockLeap == nil)
        Self.delete(&story)
        story.pass(.hours(24))
        Self.delete(&story)
        #expect(story.state.objects.idsSorted == [Self.run(10)])
        check(story)
    }

    @Test("with a job, or its agent, its review goes too")
    func reviewOfDeletedJobs() {
        for request in [Request.deleteJob(Story.job), .deleteAgent(Story.agent)] {
            var story = Self.story([.retentionDays(7)])
            for number in 1...2 { Self.backUp(&story, number) }
            story.pass(.seconds(1))
            #expect(story.state.timers.due(.retention(Story.job)) != nil)
            story.ask(request)
            #expect(story.state.timers.due(.retention(Story.job)) == nil)
        }
    }

    @Test("only admins make a rule keep less")
    func weakerRules() {
        var story = Self.story([.retentionDays(7)])
        let clerk = Ticket(token: "clerk", role: .operator)
        for (fields, isRefused) in [
            ([JobField.retentionDays(6)], true), ([.retentionDays(8)], false), ([.keep(.daily, 3)], false),
            ([.keep(.daily, 2)], true), ([.retentionDays(0), .keep(.daily, 0)], false), ([.keep(.last, 9)], true),
        ] {
            let answer = story.ask(.changeJob(Story.job, fields), ticket: clerk).dropFirst().first
            let wasRefused = if case .refused = answer { true } else { false }
            #expect(wasRefused == isRefused, "\(fields)")
        }
    }
}
