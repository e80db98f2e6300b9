import Core
import Testing

@Suite("An agent, its sessions and its oddities")
struct AgentStoryTests {
    @Test("Register is answered with a command to welcome, and the agent is online")
    func registers() {
        let story = Story.ready()
        #expect(story.state.agents[Story.agent]?.status == .online)
        #expect(story.state.agents[Story.agent]?.registration?.hostname == "host")
        #expect(story.state.agents[Story.agent]?.session?.isWelcomed == true)
    }

    @Test("90 s of silence end the session")
    func silence() {
        var story = Story.ready()
        story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
        story.pass(.seconds(89))
        #expect(story.state.agents[Story.agent]?.status == .online)
        story.pass(.seconds(1))
        #expect(story.state.agents[Story.agent]?.status == .offline)
        #expect(story.pending.contains { $0.1 == .disconnect(Story.agent, Story.session) })
        #expect(story.anomalies() == [:])
    }

    @Test("silence right after Register is told apart from a hanging backlog", arguments: [0, 64, 65])
    func silentAfterRegister(unanswered: Int) {
        var story = Story.ready()
        story.ask(.configureAgent(Story.agent, [.maxParallelJobs(64)]))
        for number in 0..<unanswered {
            if number == 64 {  // the 65th was sent while the limit was the same, and one had just ended unheard
                story.tell(
                    .accepted(.agentConfigured(Story.agent, story.settings(maxParallelJobs: 65)), Ticket(token: "")))
            }
            story.ask(.runJob(RunID(Text("run_\(number)")), story.addJob(number)))
            story.pass(.seconds(1))
        }
        story.carryOut { if case .dispatch = $0 { .done } else { nil } }
        story.disconnect()
        story.connect(session: "ses_2", sequence: 100)
        story.pass(.seconds(90))
        #expect(story.anomalies()[.backlogHang] == (unanswered > 64 ? 1 : nil))
        #expect(story.anomalies()[.silentAfterRegister] == (unanswered > 64 ? nil : 1))
    }

    @Test(
        "an agent that saves a report each hour hangs with the 65th: it may have one of its start, and one of the hour begun"
    )
    func backlogOfHours() {
        for (hours, kind) in [(62, .silentAfterRegister), (63, .backlogHang)] as [(Int64, Anomaly.Kind)] {
            var story = Story.ready()
            story.disconnect()
            story.pass(.hours(hours))
            story.connect(session: "ses_2", sequence: 100)
            story.pass(.seconds(90))
            #expect(story.anomalies() == [kind: 1])
        }
    }

    @Test("the newest connection wins, and the close of the older one changes nothing")
    func newestWins() {
        var story = Story.ready()
        story.connect(session: "ses_2", sequence: 9)
        #expect(story.pending.contains { $0.1 == .disconnect(Story.agent, Story.session) })
        story.tell(.sessionClosed(Story.agent, Story.session, .replaced))
        #expect(story.state.agents[Story.agent]?.session?.id == "ses_2")
        #expect(story.state.agents[Story.agent]?.status == .online)
    }

    @Test("a Register that is not above the highest live number is a new process")
    func processRestart() {
        var story = Story.ready()
        story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])), sequence: 2)
        story.disconnect()
        story.connect(session: "ses_2", sequence: 3)
        #expect(story.anomalies() == [:])
        story.disconnect()
        story.connect(session: "ses_3", sequence: 1)
        #expect(story.anomalies() == [.processRestart: 1])
        story.disconnect()
        story.connect(session: "ses_4", sequence: 1, hostname: "another")
        #expect(story.anomalies() == [.processRestart: 1], "of another host, it is no restart")
    }

    @Test("one number on two messages is a reuse; the same message again is only counted")
    func reuse() {
        var story = Story.ready()
        let frame = ReceivedFrame(
            session: Story.session, bytes: [], fingerprint: 77, sequence: 5, sentAt: story.now, isReplayed: false,
            failure: nil, report: .log(LogLine(writtenAt: story.now, level: 2, job: "", text: "", fields: [])))
        story.tell(.received(Story.agent, frame))
        story.tell(.received(Story.agent, frame))
        #expect(story.state.agents[Story.agent]?.duplicateCount == 1)
        #expect(story.anomalies() == [:])
        story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])), sequence: 5)
        #expect(story.anomalies() == [.sequenceReuse: 1])
    }

    @Test("a replayed frame may have a number of the present process, since it may be a former one's")
    func replayedNumber() {
        var story = Story.ready()
        for isReplayed in [true, false] {
            let frame = ReceivedFrame(
                session: Story.session, bytes: [], fingerprint: isReplayed ? 77 : 78, sequence: 5, sentAt: story.now,
                isReplayed: isReplayed, failure: nil,
                report: .log(LogLine(writtenAt: story.now, level: 2, job: "", text: "", fields: [])))
            story.tell(.received(Story.agent, frame))
        }
        #expect(story.anomalies() == [:])
        #expect(story.state.agents[Story.agent]?.duplicateCount == 0)
    }

    @Test("a clock that is off by more than 30 s is told once a session", arguments: [-31_000, 31_000] as [Int64])
    func skew(offset: Int64) {
        var story = Story.ready()
        for _ in 0..<3 {
            story.hear(
                .heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])),
                sentAt: story.now + Milliseconds(offset))
        }
        #expect(story.anomalies() == [.clockSkew: 1])
    }

    @Test(
        "a clock that is set back on a connection is told, and what comes then is not taken for kept, nor later for lost"
    )
    func setBack() {
        var story = Story.ready()
        func hear(_ report: Report, _ sequence: UInt64, isReplayed: Bool = false, session: SessionID = Story.session) {
            story.hear(
                report, session: session, sequence: sequence,
                sentAt: story.now + Milliseconds(isReplayed ? -600_000 : 0), isReplayed: isReplayed)
        }
        let beat = Report.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: []))
        hear(beat, 2)
        hear(beat, 3)
        // By its Register's time, all of this is older than the connection.
        hear(beat, 4, isReplayed: true)
        hear(.acknowledgement(accepted: true, reason: ""), 5, isReplayed: true)
        hear(beat, 6, isReplayed: true)
        hear(beat, 7)
        #expect(story.anomalies() == [.clockSkew: 1])
        story.disconnect()
        story.connect(session: "ses_2", sequence: 8)
        for number: UInt64 in 9...11 { hear(beat, number, session: "ses_2") }
        #expect(story.anomalies() == [.clockSkew: 1])
    }

    @Test("reports about unknown and foreign runs change no run")
    func whoseFact() {
        var story = Story.running()
        let before = story.state.runs[Story.run]
        story.connect(Story.other, session: "ses_9")
        story.complete(from: Story.other)
        story.update(.failed, failure: .source, from: Story.other)
        #expect(story.state.runs[Story.run] == before)
        #expect(story.anomalies(Story.other) == [.foreignRun: 2])
        story.complete(attempt: 2)
        #expect(story.anomalies() == [.unknownRun: 1])
        #expect(story.entries.last { $0.kind == "frame.backup_completed" }?.stream == .agent(Story.agent))
    }

    @Test("progress that goes down is an anomaly; overtaken progress is not")
    func progress() {
        var story = Story.running()
        story.update(.running, percent: 50)
        story.update(.running, percent: 40, sentAt: story.now + Milliseconds(-5))
        #expect(story.state.runs[Story.run]?.progressPercent == 50)
        story.update(.running, percent: 10, sentAt: story.now + Milliseconds(5))
        #expect(story.anomalies() == [.progressBackwards: 1])
    }

    @Test("a completion after a failure is a fact about the agent, and no success")
    func completionAfterFailure() {
        var story = Story.running()
        story.update(.failed, failure: .upload)
        story.complete()
        #expect(story.phase == .closed(.failed(.upload)))
        #expect(story.anomalies()[.completionAfterFailure] == 1)
    }

    @Test("unreadable frames are counted")
    func unreadable() {
        var story = Story.ready()
        story.tell(
            .unreadable(
                Story.agent, UnreadableFrame(isFromAgent: true, byteCount: 3, start: [1, 2, 3], problem: "no envelope"))
        )
        #expect(story.anomalies() == [.unreadableFrame: 1])
    }

    @Test("each change of what an agent is told is a new version and is pushed")
    func configuration() {
        var story = Story.ready()
        let version = story.state.agents[Story.agent]?.configVersion ?? 0
        let said = story.ask(.changeJob(Story.job, [.cron("0 3 * * *")]))
        #expect(said.last == .command(.configure(Story.agent, version: version + 1)))
    }

    @Test("a rotated key and a deleted agent close the session")
    func revocation() {
        var story = Story.ready()
        let said = story.ask(.rotateKey(Story.agent, keyDigest: [UInt8](repeating: 2, count: 32)))
        #expect(said.contains(.command(.disconnect(Story.agent, Story.session))))
        #expect(story.state.agents[Story.agent]?.status == .offline)
        story.ask(.deleteAgent(Story.agent))
        #expect(story.state.agents[Story.agent] == nil)
        #expect(story.state.jobs.isEmpty)
        #expect(story.state.targets.isEmpty)
    }

    @Test("health results are folded by the prober's clock, and only from the agent that probes")
    func health() {
        var story = Story.ready()
        let spec = CheckSpec(
            name: "web", kind: .http, target: "http://127.0.0.1/", intervalSeconds: 30, timeoutSeconds: 5,
            expectedStatus: 200)
        let check = CheckID("chk_1")
        story.ask(.createCheck(check, Story.agent, spec))
        func result(_ seconds: Int64, _ isHealthy: Bool) -> HealthResult {
            HealthResult(
                check: check, probedAt: story.now + .seconds(seconds), isHealthy: isHealthy, latencyMilliseconds: 3,
                errorText: "", statusCode: 200)
        }
        let results = (first: result(0, true), later: result(60, false), overtaken: result(30, true))
        story.now = story.now + .seconds(100)
        story.hear(.health(results.first))
        story.hear(.health(results.later))
        story.hear(.health(results.overtaken))
        story.hear(.health(results.later), from: Story.other, session: nil)
        let state = story.state.checks[check]
        #expect(state?.last == results.later)
        #expect(state?.streak == 1)
        #expect(state?.resultCount == 3)
        #expect(state?.healthyCount == 2)
        #expect(story.entries.last { $0.kind == "frame.health_result" }?.stream == .agent(Story.other))
    }
}

extension Story {
    func settings(maxParallelJobs: UInt32) -> AgentSettings {
        var settings = AgentSettings()
        settings.maxParallelJobs = maxParallelJobs
        return settings
    }
}
