import Core
import Testing

@Suite("A run, from request to verdict")
struct RunStoryTests {
    private static let evidence = Evidence(
        byteCount: 10, digest: [UInt8](repeating: 9, count: 32), source: .store)

    @Test("requested, sent, completed, seen: success with its evidence and grounds")
    func success() throws {
        var story = Story.ready()
        let asked = story.ask(.runJob(Story.run, Story.job))
        #expect(asked.contains(.decided(Story.run, .started(.first, isRepeatable: false))))
        #expect(asked.last == .command(.dispatch(Story.agent, Story.run, .first, isRepeatable: false)))
        story.carryOut { _ in .done }
        #expect(story.phase == .running(.first))
        #expect(story.complete().last == .command(.observe(Story.run, .first)))
        let report = try #require(story.entries.last { $0.kind == "frame.backup_completed" })
        let sent = try #require(story.entries.last { $0.kind == "outcome.dispatch" })
        let verdict = story.observe(Story.found())
        let grounds = [sent.position, report.position]
        #expect(
            verdict.dropFirst() == [
                .decided(Story.run, .closed(.success(.first, Self.evidence), grounds: grounds))
            ])
        #expect(story.state.objects[Story.run]?.byteCount == 10)
        #expect(story.state.agents[Story.agent]?.openRuns == [])
        #expect(story.state.agents[Story.agent]?.inFlightCount == 0)
    }

    @Test(
        "a missing or different object is no success",
        arguments: [.missing, Story.found(byteCount: 11), Story.found(digest: 8)])
    func wrongObject(result: CommandOutcome.Result) {
        var story = Story.running()
        story.complete()
        story.observe(result)
        #expect(story.phase == .closed(.failed(.storage)))
        #expect(story.state.objects.isEmpty)
    }

    @Test("a reported failure closes the run with the class from the door")
    func failure() {
        var story = Story.running()
        story.update(.failed, failure: .source)
        #expect(story.phase == .closed(.failed(.source)))
    }

    @Test("a report that overtakes the outcome of its own dispatch counts")
    func overtaking() {
        var story = Story.ready()
        story.ask(.runJob(Story.run, Story.job))
        story.update(.running, percent: 5)
        #expect(story.phase == .running(.first))
        story.carryOut { if case .dispatch = $0 { .done } else { nil } }
        #expect(story.phase == .running(.first))
        #expect(story.state.runs[Story.run]?.deliveryCount == 1)
    }

    @Test("what could not be sent waits for the next session, as the same attempt")
    func notSent() {
        var story = Story.ready()
        story.ask(.runJob(Story.run, Story.job))
        story.carryOut { if case .dispatch = $0 { .undone("not connected") } else { nil } }
        #expect(story.phase == .queued)
        #expect(story.pending.isEmpty)
        story.disconnect()
        story.connect(session: "ses_2", sequence: 9)
        #expect(story.phase == .sending(.first))
    }

    @Test("an unknown sending is reconciled after the grace and replaced, at most twice")
    func unknownSending() {
        var story = Story.ready()
        story.ask(.runJob(Story.run, Story.job))
        for attempt in 1...3 as ClosedRange<UInt32> {
            #expect(story.phase == .sending(Attempt(attempt)))
            story.carryOut { if case .dispatch = $0 { .unknown } else { nil } }
            #expect(story.phase == .unconfirmed(Attempt(attempt)))
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
            story.pass(.seconds(80))
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
            story.pass(.seconds(70))
            #expect(story.phase == .reconciling(Attempt(attempt), .unknown))
            story.observe(.missing)
        }
        #expect(story.phase == .closed(.lost(.unknown)))
    }

    @Test("attempts of unknown sending that were replaced leave the job's attempts as they are")
    func replacedUncounted() {
        var story = Story.ready()
        story.ask(.changeJob(Story.job, [.maxAttempts(2)]))
        story.ask(.runJob(Story.run, Story.job))
        for attempt in 1...4 as ClosedRange<UInt32> {
            #expect(story.phase == .sending(Attempt(attempt)))
            story.carryOut { if case .dispatch = $0 { .unknown } else { nil } }
            for _ in 0..<2 {
                story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
                story.pass(.seconds(75))
            }
            story.observe(.missing)
            if attempt == 3 {
                #expect(story.phase == .waiting(Attempt(3), .unknown))
                story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
                story.pass(.seconds(60))
            }
        }
        #expect(story.phase == .closed(.lost(.unknown)))
    }

    @Test("an object whose report was lost completes the run")
    func reconciledSuccess() {
        var story = Story.running()
        story.disconnect()
        story.pass(.seconds(150))
        #expect(story.phase == .reconciling(.first, .lost))
        story.observe(Story.found())
        let evidence = Evidence(byteCount: 10, digest: [UInt8](repeating: 9, count: 32), source: .none)
        #expect(story.phase == .closed(.success(.first, evidence)))
    }

    @Test("nothing heard and no object: lost, and a later report changes only counters")
    func lost() {
        var story = Story.running()
        story.disconnect()
        story.pass(.seconds(150))
        story.observe(.missing)
        #expect(story.phase == .closed(.lost(.lost)))
        story.connect(session: "ses_2", sequence: 5)
        story.complete()
        #expect(story.phase == .closed(.lost(.lost)))
        #expect(story.anomalies()[.lateReport] == 1)
    }

    @Test("connections that come and go without a word about the run do not prolong its grace")
    func flapping() {
        var story = Story.running()
        let cut = story.now
        for number in 2...6 {
            story.disconnect(session: SessionID(Text("ses_\(number - 1)")))
            story.pass(.seconds(10))
            story.connect(session: SessionID(Text("ses_\(number)")), sequence: UInt64(number * 10))
            story.pass(.seconds(10))
        }
        #expect(story.state.runs[Story.run]?.grace == cut + Fleet.Limits.grace)
    }

    @Test("a store that gives no answer is asked again, ever less often, also after a restart, but not for ever")
    func silentStore() {
        var story = Story.running()
        story.complete()
        var asked = 0
        story.observe(.undone("no answer"))
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 8)))
        while story.phase == .verifying(.first), asked < 1_000 {
            story.pass(.minutes(10))
            if !story.observe(.undone("no answer")).isEmpty { asked += 1 }
        }
        #expect(story.phase == .closed(.failed(.storage)))
        #expect((20...40).contains(asked))
    }

    @Test("what cannot be sent though the agent is there is tried again after 30 s, up to the end of its queue time")
    func unsendable() {
        var story = Story.ready()
        story.ask(.runJob(Story.run, Story.job))
        var tries = 0
        while story.state.runs[Story.run]?.isOpen == true, tries < 10_000 {
            let said = story.carryOut { if case .dispatch = $0 { .undone("the vault is busy") } else { nil } }
            if !said.isEmpty { tries += 1 }
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
            story.pass(.seconds(30))
        }
        #expect(story.phase == .closed(.lost(.lost)))
        #expect((2_000...2_881).contains(tries))
    }

    @Test("a jump of our own clock is time that has not passed for the agent")
    func clockJump() {
        var story = Story.running()
        let deadline = story.state.runs[Story.run]?.deadline
        story.now = story.now + .hours(13)
        story.tell(.clockStepped(.hours(13)))
        story.pass(.seconds(89))
        #expect(story.state.agents[Story.agent]?.status == .online)
        #expect(story.phase == .running(.first))
        #expect(story.state.runs[Story.run]?.deadline == deadline.map { $0 + .hours(13) })
    }

    @Test("progress that was kept from before a restart of the agent proves no life")
    func replayedProgress() {
        var story = Story.running()
        story.disconnect()
        let grace = story.state.runs[Story.run]?.grace
        story.connect(session: "ses_2", sequence: 9)
        story.hear(
            .jobUpdate(
                JobUpdate(
                    job: Story.job, run: WireRunID(Story.run, .first), status: .running, progressPercent: 5, step: "",
                    errorText: "")), session: "ses_2", isReplayed: true)
        #expect(story.state.runs[Story.run]?.grace == grace)
    }

    @Test("progress counts although the agent's clock was set back since; what was merely overtaken does not")
    func clockSetBack() {
        var story = Story.running()
        story.update(.running, percent: 10, sentAt: story.now + .hours(3))
        story.update(.running, percent: 20)
        #expect(story.state.runs[Story.run]?.progressPercent == 20)
        story.update(.running, percent: 15, sentAt: story.now + .seconds(-10))
        #expect(story.state.runs[Story.run]?.progressPercent == 20)
        #expect(story.anomalies()[.progressBackwards] == nil)
    }

    @Test("a start of an attempt that has begun changes neither deadline nor grace")
    func startOutOfPlace() {
        var story = Story.running()
        story.disconnect()
        story.pass(.seconds(10))
        let before = story.state.runs[Story.run]
        story.tell(.decided(Story.run, .started(.first, isRepeatable: false)))
        #expect(story.state.runs[Story.run] == before)
    }

    @Test("a journaling agent that names the run in its heartbeat keeps it from being lost")
    func stillActive() {
        var story = Story.running(extensions: [ProtocolExtension.journal])
        story.disconnect()
        story.pass(.seconds(60))
        story.connect(session: "ses_2", extensions: [ProtocolExtension.journal], sequence: 5)
        story.hear(
            .heartbeat(
                Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [WireRunID(Story.run, .first).text])),
            session: "ses_2")
        story.pass(.seconds(85))
        #expect(story.phase == .running(.first))
        #expect(story.state.runs[Story.run]?.grace == nil)
    }

    @Test("the run deadline ends a run that is in touch but never finishes")
    func deadline() {
        var story = Story.running()
        for _ in 0..<(12 * 60 + 1) {
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
            story.pass(.seconds(60))
        }
        #expect(story.phase == .reconciling(.first, .timeout))
        story.observe(.missing)
        #expect(story.phase == .closed(.lost(.timeout)))
    }

    @Test("cancelled only once it is confirmed")
    func cancellation() {
        var story = Story.running()
        #expect(story.ask(.cancelRun(Story.run)).last == .command(.cancel(Story.agent, Story.run, .first)))
        #expect(story.phase == .running(.first))
        story.update(.cancelled)
        #expect(story.phase == .closed(.cancelled))
    }

    @Test("a cancelled run of an agent that goes on all the same is a success")
    func ignoredCancellation() {
        var story = Story.running()
        story.ask(.cancelRun(Story.run))
        story.complete()
        story.observe(Story.found())
        #expect(story.phase == .closed(.success(.first, Self.evidence)))
    }

    @Test("a queued run is cancelled at once")
    func cancelQueued() {
        var story = Story.ready()
        story.disconnect()
        story.ask(.runJob(Story.run, Story.job))
        story.ask(.cancelRun(Story.run))
        #expect(story.phase == .closed(.cancelled))
    }

    @Test("a run whose agent never comes is lost after 24 h")
    func neverTaken() {
        var story = Story.ready()
        story.disconnect()
        story.ask(.runJob(Story.run, Story.job))
        story.pass(.hours(24))
        #expect(story.phase == .closed(.lost(.lost)))
    }

    @Test("two completions of one attempt: what the store has counts")
    func repeatedDelivery() {
        var story = Story.running()
        story.complete(digest: 1)
        story.complete(digest: 9)
        story.observe(Story.found(digest: 9))
        #expect(story.phase == .closed(.success(.first, Self.evidence)))
        #expect(story.anomalies()[.repeatedCompletion] == 1)
    }

    @Test("never more runs in flight than allowed, the oldest first")
    func limit() {
        var story = Story.ready()
        story.ask(.configureAgent(Story.agent, [.maxParallelJobs(2)]))
        let runs = (0..<5).map { RunID(Text("run_\($0)")) }
        let jobs = (0..<5).map { story.addJob($0) }
        for (run, job) in zip(runs, jobs) { story.ask(.runJob(run, job)) }
        story.carryOut { if case .dispatch = $0 { .done } else { nil } }
        #expect(runs.map { story.state.runs[$0]?.phase == .running(.first) } == [true, true, false, false, false])
        story.ask(.cancelRun(runs[0]))
        story.hear(
            .jobUpdate(
                JobUpdate(
                    job: jobs[0], run: WireRunID(runs[0], .first), status: .cancelled, progressPercent: 0, step: "",
                    errorText: "")))
        #expect(story.state.runs[runs[2]]?.phase == .sending(.first))
        #expect(story.state.runs[runs[3]]?.phase == .queued)
    }

    @Test("a closed run is forgotten after 7 days, its object is not")
    func tombstone() {
        var story = Story.running()
        story.complete()
        story.observe(Story.found())
        story.pass(.hours(7 * 24))
        #expect(story.state.runs.isEmpty)
        #expect(story.state.objects[Story.run] != nil)
    }

    @Test("our own absence is not the agent's: a start gives open runs a new grace")
    func restart() {
        var story = Story.running()
        story.now = story.now + .hours(5)
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 8)))
        #expect(story.state.agents[Story.agent]?.session == nil)
        #expect(story.state.agents[Story.agent]?.status == .offline)
        #expect(story.state.runs[Story.run]?.grace == story.now + Fleet.Limits.grace)
        #expect(story.state.seed == 7)
    }
}
