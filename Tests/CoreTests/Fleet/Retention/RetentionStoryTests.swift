import Testing

@testable import Core

@Suite("Objects, from their success to their deletion")
struct RetentionStoryTests {
    @Test("a success lets the one go that no part keeps any more: decided with its reason, then deleted")
    func keepLast() throws {
        var story = Story.keeping([.retentionDays(0), .keep(.last, 2)])
        for number in 1...3 {
            story.backUp(number)
            story.pass(.minutes(1))
        }
        let reference = ObjectReference(agent: Story.agent, job: Story.job, run: Story.run(1), attempt: .first)
        let decision = try #require(story.entries.last { $0.kind == "object.expired" })
        guard case .object(reference, .expired(let reason)) = decision.message else {
            Issue.record("\(decision.message)")
            return
        }
        #expect(reason.string.contains("keep_last 2") && reason.string.contains("run_3"))
        #expect(decision.stream == .run(Story.run(1)))
        #expect(story.state.objects[Story.run(1)]?.isBeingDeleted == true)
        #expect(story.deletions == [.delete(Story.run(1), .first)])
        story.delete()
        #expect(story.state.objects.idsSorted == [Story.run(2), Story.run(3)])
        #expect(story.state.deletions.isEmpty && story.state.shelves[Story.job] == [Story.run(2), Story.run(3)])
        story.checkDeletions()
    }

    @Test("age alone lets go by itself, the last good backup never")
    func age() {
        var story = Story.keeping([.retentionDays(7)])
        story.backUp(1)
        story.pass(.hours(24))
        story.backUp(2)
        story.pass(.hours(24 * 7 + 1))
        #expect(story.deletions == [.delete(Story.run(1), .first)])
        story.delete()
        story.pass(.hours(24 * 400))
        #expect(story.state.objects.idsSorted == [Story.run(2)] && story.deletions.isEmpty)
        story.checkDeletions()
    }

    @Test("a job without a rule, and a job that is gone, let nothing go")
    func noRule() {
        var story = Story.keeping([.retentionDays(0)])
        for number in 1...3 { story.backUp(number) }
        story.ask(.changeJob(Story.job, [.keep(.last, 3)]))
        story.ask(.deleteJob(Story.job))
        story.pass(.hours(24 * 4_000))
        #expect(story.state.objects.count == 3)
        #expect(!story.entries.contains { $0.kind == "object.expired" })
    }

    @Test("a changed rule acts at once, at most 64 a turn, the oldest first, until all that may go have gone")
    func changedRule() {
        var story = Story.keeping([.retentionDays(0)])
        for number in 1...150 {
            story.backUp(number)
            story.pass(.minutes(1))
        }
        story.ask(.changeJob(Story.job, [.keep(.last, 10)]))
        story.pass(.seconds(1))
        #expect(story.state.deletions.count == 64)
        #expect(story.state.deletions.contains(ObjectKey(run: Story.run(1), attempt: .first)))
        story.pass(.minutes(1))
        #expect(story.state.deletions.count == 128)
        story.pass(.minutes(1))
        #expect(story.state.deletions.count == 140)
        story.delete()
        #expect(story.state.objects.count == 10)
        story.checkDeletions()
    }

    @Test("a deletion that fails is tried again, ever less often, over restarts, until it is done")
    func failedDeletion() {
        var story = Story.keeping([.retentionDays(0), .keep(.last, 1)])
        for number in 1...2 { story.backUp(number) }
        story.pass(.seconds(1))
        var moments: [Timestamp] = []
        for _ in 0..<12 {
            story.delete(.undone("the store gives no answer"))
            #expect(story.deletions.isEmpty)
            let failed = story.now
            while story.deletions.isEmpty { story.pass(.seconds(5)) }
            moments.append(Timestamp(milliseconds: (story.now - failed).count))
        }
        #expect(moments.first == Timestamp(milliseconds: 30_000))
        #expect(moments.last == Timestamp(milliseconds: 3_600_000))
        story.delete(.undone("no"))
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 8)))
        story.pass(.hours(1))
        story.delete()
        #expect(story.state.objects.idsSorted == [Story.run(2)] && story.state.deletions.isEmpty)
        story.checkDeletions()
    }

    @Test("a person may delete what no rule and no lock holds, and is told by what it is held")
    func person() {
        var story = Story.keeping([.retentionDays(7), .keep(.last, 1)])
        story.backUp(1)
        story.backUp(2)
        let until = story.now + .hours(24 * 7)
        let text = "retention holds the object: keep_last 1 until newer backups take its place, retention_days 7 until "
        #expect(
            story.ask(.deleteRun(Story.run(2))).last
                == .refused(Refusal(code: .precondition, text: Text(text + until.text))))
        story.ask(.changeJob(Story.job, [.retentionDays(0), .keep(.last, 0)]))
        story.ask(.lockRun(Story.run(2), until: nil, reason: "a court wants it"))
        #expect(
            story.ask(.deleteRun(Story.run(2))).last
                == .refused(
                    Refusal(
                        code: .precondition, text: "the object is locked until an admin unlocks it: a court wants it")))
        story.ask(.unlockRun(Story.run(2)))
        #expect(story.ask(.deleteRun(Story.run(2))).last == .command(.delete(Story.run(2), .first)))
        story.delete()
        // Also the last good one, since a person asks; and also of a job that is gone.
        story.ask(.deleteJob(Story.job))
        #expect(
            story.ask(.deleteRun(Story.run(1))).last
                == .refused(
                    Refusal(
                        code: .precondition,
                        text: Text("retention_days of the deleted job holds the object until \(until.text)"))))
        story.pass(.hours(24 * 7))
        story.ask(.deleteRun(Story.run(1)))
        story.delete()
        #expect(story.state.objects.isEmpty)
        story.checkDeletions()
    }

    @Test("a locked object stays, whatever the rule says, and goes when the lock has ended")
    func locks() {
        var story = Story.keeping([.retentionDays(0), .keep(.last, 1)])
        story.backUp(1)
        story.ask(.lockRun(Story.run(1), until: story.now + .hours(24 * 30), reason: "audit"))
        story.backUp(2)
        story.pass(.hours(24 * 30 - 1))
        #expect(story.state.deletions.isEmpty && story.state.objects.count == 2)
        story.pass(.hours(2))
        #expect(story.state.deletions.count == 1)
        story.delete()
        #expect(story.state.objects.idsSorted == [Story.run(2)] && story.state.locks.isEmpty)
        story.checkDeletions()
    }

    @Test("a lock needs an object, a reason and a moment to come; only admins end one before its time")
    func lockRequests() {
        var story = Story.keeping([.retentionDays(0)])
        let later = story.now + .hours(48)
        let admin = Ticket(token: "admin")
        let clerk = Ticket(token: "clerk", role: .operator)
        func refusal(_ request: Request, _ ticket: Ticket) -> Refusal.Code? {
            guard case .refused(let refusal) = story.ask(request, ticket: ticket).last else { return nil }
            return refusal.code
        }
        #expect(refusal(.lockRun(Story.run(1), until: nil, reason: "r"), admin) == .conflict)
        story.backUp(1)
        #expect(refusal(.lockRun(Story.run(1), until: nil, reason: ""), admin) == .validation)
        #expect(refusal(.lockRun(Story.run(1), until: story.now, reason: "r"), admin) == .validation)
        #expect(refusal(.unlockRun(Story.run(1)), admin) == .conflict)
        #expect(refusal(.lockRun(Story.run(1), until: later, reason: "r"), clerk) == nil)
        #expect(story.state.locks[Story.run(1)]?.token == "clerk")
        #expect(refusal(.lockRun(Story.run(1), until: later + .hours(-1), reason: "r"), clerk) == .permission)
        #expect(refusal(.lockRun(Story.run(1), until: nil, reason: "r"), clerk) == nil)
        #expect(refusal(.unlockRun(Story.run(1)), clerk) == .permission)
        #expect(refusal(.unlockRun(Story.run(1)), admin) == nil)
    }

    @Test("days are those of the job's zone, which is read for them; until it is, nothing goes")
    func zone() throws {
        var story = Story.ready()
        story.now = try #require(Timetable.moment("2026-05-01T21:30"))
        story.ask(
            .changeJob(Story.job, [.retentionDays(0), .keep(.daily, 2), .timeZone("Europe/Berlin")]))
        for (number, moment) in [(1, "2026-05-01T21:30"), (2, "2026-05-01T22:30"), (3, "2026-05-02T20:00")] {
            story.now = try #require(Timetable.moment(moment))
            story.backUp(number)
            story.pass(.seconds(1))
        }
        #expect(story.deletions.isEmpty)
        let read = story.pending.compactMap { if case .readZone(let zone, _) = $0.1 { zone } else { nil } }
        #expect(read == ["Europe/Berlin"])
        story.carryOut { if case .readZone = $0 { .zone(Timetable.berlin) } else { nil } }
        story.pass(.seconds(1))
        // 23:30 of the first of May, 00:30 of the second, 22:00 of the second. In UTC the first would have gone.
        #expect(story.deletions == [.delete(Story.run(2), .first)])
        story.checkDeletions()
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

    @Test("a zone that was read for a schedule is read back to the oldest backup before days are counted by it")
    func zoneOfSchedule() throws {
        var story = Story.keeping([.timeZone("Europe/Berlin")])
        for number in 1...3 {
            story.backUp(number)
            story.pass(.hours(30))
        }
        let oldest = try #require(story.state.objects[Story.run(1)]?.createdAt)
        story.ask(.changeJob(Story.job, [.cron("0 3 1 1 *")]))
        story.carryOut { if case .readZone = $0 { .zone(Timetable.berlin) } else { nil } }
        story.ask(.changeJob(Story.job, [.retentionDays(0), .keep(.daily, 1)]))
        story.pass(.seconds(1))
        #expect(story.deletions.isEmpty)
        #expect(story.pending.map(\.1).contains(.readZone("Europe/Berlin", from: oldest)))
        story.carryOut { if case .readZone = $0 { .zone(Timetable.berlin) } else { nil } }
        story.pass(.seconds(1))
        #expect(story.deletions.count == 2)
        story.checkDeletions()
    }

    @Test("with a job, or its agent, its review goes too")
    func reviewOfDeletedJobs() {
        for request in [Request.deleteJob(Story.job), .deleteAgent(Story.agent)] {
            var story = Story.keeping([.retentionDays(7)])
            for number in 1...2 { story.backUp(number) }
            story.pass(.seconds(1))
            #expect(story.state.timers.due(.retention(Story.job)) != nil)
            story.ask(request)
            #expect(story.state.timers.due(.retention(Story.job)) == nil)
        }
    }

    @Test("only admins make a rule keep less")
    func weakerRules() {
        var story = Story.keeping([.retentionDays(7)])
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
