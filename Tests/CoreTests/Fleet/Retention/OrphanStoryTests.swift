import Core
import Testing

@Suite("Objects that belong to no success, and objects that are gone")
struct OrphanStoryTests {
    private static func reference(_ attempt: UInt32, run: RunID = Story.run) -> ObjectReference {
        ObjectReference(agent: Story.agent, job: Story.job, run: run, attempt: Attempt(attempt))
    }

    private static func decisions(_ story: Story) -> [Fleet.Message] {
        story.entries.map(\.message).filter { if case .object = $0 { true } else { false } }
    }

    private static func survey(_ story: inout Story, _ body: (inout Survey) -> Void) -> [Fleet.Message] {
        while !story.pending.contains(where: { $0.1 == .survey }) { story.pass(.minutes(10)) }
        var survey = Survey()
        body(&survey)
        return story.carryOut { $0 == .survey ? .surveyed(survey) : nil }
    }

    /// But for what it means for alerts, which have tests of their own.
    private static func withoutAlerts(_ messages: [Fleet.Message]) -> [Fleet.Message] {
        messages.filter { if case .alerted = $0 { false } else { true } }
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

    @Test("the longest survey fits into one turn, with all that follows from it")
    func longest() {
        var story = Story.ready()
        let runs = (1...2 * Survey.limit).map { number in
            let (job, run) = (story.addJob(number), RunID(Text("run_\(number)")))
            story.pass(Milliseconds(100))  // not all start in one second
            story.ask(.runJob(run, job))
            story.send()
            story.hear(
                .completed(
                    Completion(
                        job: job, run: WireRunID(run, .first), objectName: "o", byteCount: 10,
                        digest: [UInt8](repeating: 9, count: 32), durationMilliseconds: 5, compression: "zstd",
                        databaseVersion: "SQLite 3")))
            story.observe(Story.found())
            return run
        }
        let keys = runs.map { ObjectKey(run: $0, attempt: .first) }
        let strays = (1...Survey.limit).map { Self.reference(1, run: RunID(Text("run_stray\($0)"))) }
        _ = Self.survey(&story) { $0.missing = Array(keys.prefix(Survey.limit)) }
        story.turnLimit = 256
        let said = Self.survey(&story) { survey in
            survey.returned = Array(keys.prefix(Survey.limit))
            survey.missing = Array(keys.dropFirst(Survey.limit))
            survey.unowned = strays
        }
        // A decision about each, a deletion of each stray, and an alert for each job of the others.
        #expect(said.count == 1 + 6 * Survey.limit)
        #expect(story.deletions.count == Survey.limit)
    }

    @Test("a day after a failed run what it may have left is deleted, and never tried again once it is done")
    func failedRun() {
        var story = Story.running()
        story.update(.failed, failure: .configuration)
        story.pass(.hours(24) + Milliseconds(-1))
        #expect(Self.decisions(story).isEmpty)
        story.pass(Milliseconds(1))
        #expect(Self.decisions(story) == [.object(Self.reference(1), .orphaned(.failed))])
        #expect(story.pending.map(\.1).contains(.delete(Story.run, .first)))
        story.carryOut { if case .delete = $0 { .done } else { nil } }
        story.pass(.hours(24 * 30))
        #expect(Self.decisions(story).count == 1 && story.state.deletions.isEmpty)
        check(story)
    }

    @Test("of a success only the other attempts are deleted, its object never")
    func replaced() {
        var story = Story.ready()
        story.ask(.runJob(Story.run, Story.job))
        story.carryOut { if case .dispatch = $0 { .unknown } else { nil } }
        story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
        story.pass(.seconds(80))
        story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
        story.pass(.seconds(70))
        story.observe(.missing)
        story.carryOut { if case .dispatch = $0 { .done } else { nil } }
        story.complete(attempt: 2)
        story.observe(Story.found())
        #expect(story.state.objects[Story.run]?.attempt == Attempt(2))
        story.pass(.hours(25))
        #expect(Self.decisions(story) == [.object(Self.reference(1), .orphaned(.replaced))])
        story.carryOut { if case .delete = $0 { .done } else { nil } }
        #expect(story.state.objects[Story.run]?.isBeingDeleted == false)
        check(story)
    }

    @Test("what was never sent, and a success at the first attempt, leave nothing behind")
    func nothingLeft() {
        var story = Story.running()
        story.complete()
        story.observe(Story.found())
        story.disconnect()
        story.ask(.runJob("run_2", Story.job))
        story.ask(.cancelRun("run_2"))
        story.pass(.hours(48))
        #expect(Self.decisions(story).isEmpty)
    }

    @Test("a recorded decision never deletes the object of a success as an orphan")
    func goodObject() {
        var story = Story.running()
        story.complete()
        story.observe(Story.found())
        let said = story.tell(.object(Self.reference(1), .orphaned(.unowned)))
        #expect(said.count == 1 && story.state.deletions.isEmpty)
    }

    @Test("the store is surveyed a little after a start and each day; a survey that fails comes again in an hour")
    func surveys() {
        var story = Story.running()
        var moments: [Timestamp] = []
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 8)))
        let start = story.now
        for result in [.done, .surveyed(Survey()), .undone("no"), .surveyed(Survey())] as [CommandOutcome.Result] {
            while !story.pending.contains(where: { $0.1 == .survey }) { story.pass(.minutes(1)) }
            moments.append(story.now)
            story.carryOut { $0 == .survey ? result : nil }
        }
        #expect(moments.map { ($0 - start).count / 60_000 } == [10, 70, 70 + 1_440, 70 + 1_500])
    }

    @Test("a survey's orphan is deleted, with its reason, in the stream of what is known of it")
    func unowned() {
        var story = Story.ready()
        let stray = Self.reference(1, run: "run_long_gone")
        let said = Self.survey(&story) { $0.unowned = [stray] }
        #expect(said.contains(.object(stray, .orphaned(.unowned))))
        #expect(story.entries.last { $0.kind == "object.orphaned" }?.stream == .agent(Story.agent))
        #expect(said.last == .command(.delete("run_long_gone", .first)))
        check(story)
    }

    @Test("what a run owns by now is left alone, whatever a survey has seen")
    func owned() {
        var story = Story.running()
        var foreign = Self.reference(1)
        foreign.job = "job_other"
        #expect(Self.survey(&story) { $0.unowned = [Self.reference(1)] }.count == 1, "its run is open")
        story.complete()
        story.observe(Story.found())
        let objects = [Self.reference(1), Self.reference(2), foreign]
        let said = Self.survey(&story) { $0.unowned = objects }
        #expect(
            said.dropFirst() == [
                .object(Self.reference(2), .orphaned(.unowned)), .command(.delete(Story.run, Attempt(2))),
            ], "not the good one, nor one under another job's name, whose deletion would take the good one's key")
        check(story)
    }

    @Test("an object that a survey misses is told, counts as no backup, and is welcome back")
    func vanished() {
        var story = Story.running()
        story.ask(.changeJob(Story.job, [.retentionDays(0), .keep(.last, 1)]))
        story.complete()
        story.observe(Story.found())
        let key = Self.reference(1).key
        #expect(
            Self.withoutAlerts(
                Self.survey(&story) { $0.missing = [key, ObjectKey(run: "run_X", attempt: .first)] }
            ).dropFirst() == [.object(Self.reference(1), .vanished)])
        #expect(story.state.objects[Story.run]?.isVanished == true)
        #expect(story.state.keptObjects(of: Story.job).isEmpty)
        #expect(Self.survey(&story) { $0.missing = [key] }.count == 1, "told once")
        #expect(
            Self.withoutAlerts(Self.survey(&story) { $0.returned = [key] }).dropFirst() == [
                .object(Self.reference(1), .returned)
            ])
        #expect(story.state.keptObjects(of: Story.job).map(\.run) == [Story.run])
    }

    @Test("names of our form, and no other, are read as what they name")
    func names() {
        let reference = ObjectReference(agent: "agt_1", job: "job_2", run: "run_3", attempt: Attempt(12))
        #expect(ObjectReference(name: reference.name) == reference)
        for text in [
            "", "agt_1/job_2/run_3-0.enc", "agt_1/job_2/run_3-01.enc", "agt_1/job_2/run_3.enc", "agt_1/job_2/run_3-1",
            "job_2/agt_1/run_3-1.enc", "agt_1/job_2/x/run_3-1.enc", "agt_1/run_3-1.enc", "agt_1/job_2/run_3-1.enc.key",
            "/agt_1/job_2/run_3-1.enc", "agt_1/job_2/.enc", "agt_1/job_2/chk_3-1.enc",
        ] {
            #expect(ObjectReference(name: Text(text)) == nil, "\(text)")
        }
    }
}
