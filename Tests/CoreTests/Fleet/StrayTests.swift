import Core
import Testing

@Suite("Attempts that were given up, and that their agent goes on with")
struct StrayTests {
    private static let journal = [ProtocolExtension.journal]
    private static let stop = Fleet.Message.command(.cancel(Story.agent, Story.run, .first))
    private static let second: SessionID = "ses_2"

    private func wait(_ story: Story, _ run: RunID = Story.run) -> Fleet.Wait? {
        Fleet.wait(of: run, at: story.now, in: story.state)
    }

    /// A run whose agent was away for so long that its attempt was given up. It is back, and has listed nothing yet.
    private func givenUp(_ fields: [JobField] = [.maxAttempts(2), .backoffSeconds([1])]) -> Story {
        var story = Story.running(extensions: Self.journal, fields)
        story.disconnect()
        story.pass(.seconds(150))
        story.observe(.missing)
        story.pass(.seconds(1))
        story.connect(session: Self.second, extensions: Self.journal, sequence: 9)
        return story
    }

    @Test("what ended as cancelled while its agent was away is stopped there once it is back")
    func cancelledMeanwhile() {
        var story = Story.running(extensions: Self.journal)
        story.disconnect()
        story.ask(.cancelRun(Story.run))
        story.carryOut { if case .cancel = $0 { .undone("not connected") } else { nil } }
        story.pass(.seconds(150))
        story.observe(.missing)
        #expect(story.phase == .closed(.cancelled))
        story.pass(.minutes(5))
        story.connect(session: Self.second, extensions: Self.journal, sequence: 9)
        #expect(story.beat([(Story.run, 1)], session: Self.second).contains(Self.stop))
        story.carryOut { if case .cancel = $0 { .undone("busy") } else { nil } }
        story.pass(.seconds(30))
        #expect(story.beat([(Story.run, 1)], session: Self.second).contains(Self.stop), "as long as it is listed")
        story.carryOut { if case .cancel = $0 { .done } else { nil } }
        story.update(.cancelled, session: Self.second)
        story.pass(.seconds(30))
        #expect(!story.beat(session: Self.second).contains(Self.stop))
        #expect(story.phase == .closed(.cancelled))
    }

    @Test("it holds its target until it is over", arguments: ["reported", "no longer listed"])
    func target(end: String) {
        var story = givenUp()
        #expect(story.phase == .queued, "what the agent still does is not known yet")
        #expect(wait(story) == .agent)
        #expect(story.beat([(Story.run, 1)], session: Self.second).contains(Self.stop))
        #expect(story.phase == .queued)
        #expect(wait(story) == .target)
        story.carryOut { if case .cancel = $0 { .done } else { nil } }
        if end == "reported" {
            story.update(.cancelled, session: Self.second)
        } else {
            story.pass(.seconds(30))
            story.beat([(Story.run, 1)], session: Self.second)
            #expect(story.phase == .queued)
            story.pass(.seconds(30))
            story.beat(session: Self.second)
        }
        #expect(story.phase == .sending(Attempt(2)))
    }

    @Test("an agent that lists nothing of the kind is given runs with its first list")
    func nothingListed() {
        var story = givenUp()
        #expect(story.phase == .queued)
        #expect(!story.beat(session: Self.second).contains(Self.stop))
        #expect(story.phase == .sending(Attempt(2)))
    }

    @Test("it holds a place among what its agent may do at the same time")
    func slot() {
        var story = Story.running(extensions: Self.journal)
        story.ask(.configureAgent(Story.agent, [.maxParallelJobs(1)]))
        let (other, run) = (story.addJob(2), RunID("run_2"))
        story.disconnect()
        story.pass(.seconds(150))
        story.observe(.missing)
        #expect(story.phase == .closed(.lost(.lost)))
        story.connect(session: Self.second, extensions: Self.journal, sequence: 9)
        story.beat([(Story.run, 1)], session: Self.second)
        story.ask(.runJob(run, other))
        #expect(story.state.runs[run]?.phase == .queued)
        #expect(wait(story, run) == .slot)
        story.pass(.seconds(30))
        story.beat(session: Self.second)
        #expect(story.state.runs[run]?.phase == .sending(.first))
    }

    @Test("one that outlasts its deadline before the agent's eyes holds its target, and is stopped once it is given up")
    func overdue() {
        var story = Story.running(extensions: Self.journal, [.timeoutSeconds(600)])
        let (other, run) = (JobID("job_K"), RunID("run_2"))
        story.ask(.createJob(other, Story.agent, Story.target, []))
        story.ask(.runJob(run, other))
        for _ in 0..<91 {
            story.pass(.seconds(30))
            story.beat([(Story.run, 1)])
        }
        #expect(story.phase == .reconciling(.first, .timeout))
        #expect(!story.entries.map(\.message).contains(Self.stop), "the store has not said that there is nothing")
        story.observe(.missing)
        #expect(story.phase == .closed(.lost(.timeout)))
        #expect(story.state.runs[run]?.phase == .queued)
        #expect(story.beat([(Story.run, 1)]).contains(Self.stop))
        story.carryOut { if case .cancel = $0 { .done } else { nil } }
        story.update(.cancelled)
        #expect(story.state.runs[run]?.phase == .sending(.first))
    }

    @Test("what ends by a report holds nothing until the next list")
    func reported() {
        var story = Story.running(extensions: Self.journal)
        let run = RunID("run_2")
        story.ask(.runJob(run, Story.job))
        story.beat([(Story.run, 1)])
        story.complete()
        story.observe(Story.found())
        #expect(story.state.runs[run]?.phase == .sending(.first))
    }

    @Test("an agent that journals runs and never lists any is given runs after a while all the same")
    func neverLists() {
        var story = givenUp()
        for _ in 0..<3 {
            #expect(story.phase == .queued)
            story.pass(.seconds(30))
            story.hear(
                .log(LogLine(writtenAt: story.now, level: 2, job: "", text: "t", fields: [])), session: Self.second)
        }
        #expect(story.phase == .sending(Attempt(2)))
    }

    @Test("nothing is stopped while a newer attempt of the job is at work: on the wire both have the job's name")
    func newerAttempt() {
        var story = givenUp()
        for _ in 0..<3 {
            story.pass(.seconds(30))
            story.hear(
                .log(LogLine(writtenAt: story.now, level: 2, job: "", text: "t", fields: [])), session: Self.second)
        }
        story.send()
        #expect(story.phase == .running(Attempt(2)))
        #expect(!story.beat([(Story.run, 1), (Story.run, 2)], session: Self.second).contains(Self.stop))
        story.update(.failed, attempt: 2, failure: .source, session: Self.second)
        #expect(story.beat([(Story.run, 1)], session: Self.second).contains(Self.stop))
    }

    @Test("one command a job, and no more in a turn than it may hold, however much an agent lists")
    func bounded() {
        var story = givenUp([])
        let listed = [(RunID, UInt32)](repeating: (Story.run, 1), count: 1_000)
        let said = story.beat(listed, session: Self.second)
        #expect(said.count { $0 == Self.stop } == 1)
    }

    @Test(
        "an order that the agent lost is not sent again beside what holds its target or its place",
        arguments: ["of the run itself", "of another job", "at another target, and one may run at a time"])
    func lostOrder(stray: String) {
        var story = givenUp(stray == "of the run itself" ? [.maxAttempts(2), .backoffSeconds([1])] : [])
        var (run, attempt) = (Story.run, Attempt(2))
        if stray != "of the run itself" {
            (run, attempt) = ("run_2", .first)
            var job = JobID("job_K")
            if stray == "of another job" {
                story.ask(.createJob(job, Story.agent, Story.target, []))
            } else {
                job = story.addJob(2)
                story.ask(.configureAgent(Story.agent, [.maxParallelJobs(1)]))
            }
            story.ask(.runJob(run, job))
        }
        for _ in 0..<3 {
            story.pass(.seconds(30))
            story.hear(
                .log(LogLine(writtenAt: story.now, level: 2, job: "", text: "t", fields: [])), session: Self.second)
        }
        story.send()
        #expect(story.state.runs[run]?.phase == .running(attempt), "it was given although nothing was listed")
        story.disconnect(session: Self.second)
        var other = story
        let again = Fleet.Message.command(.dispatch(Story.agent, run, attempt, isRepeatable: true))
        story.connect(session: "ses_3", extensions: Self.journal, sequence: 19)
        #expect(!story.beat([(Story.run, 1)], session: "ses_3").contains(again))
        for _ in 0..<5 {
            story.pass(.seconds(30))
            story.beat([(Story.run, 1)], session: "ses_3")
        }
        #expect(story.state.runs[run]?.phase == .reconciling(attempt, .lost))
        other.connect(session: "ses_3", extensions: Self.journal, sequence: 19)
        #expect(other.beat(session: "ses_3").contains(again), "where nothing else goes on")
    }

    @Test("one that is told to stop and goes on is told of, once a connection", arguments: [true, false])
    func unheeded(isTold: Bool) {
        var story = givenUp()
        /// So many heartbeats that list it.
        func beat(_ count: Int, session: SessionID) {
            for _ in 0..<count {
                story.beat([(Story.run, 1)], session: session)
                story.carryOut { if case .cancel = $0 { isTold ? .done : .undone("busy") } else { nil } }
                story.pass(.seconds(30))
            }
        }
        beat(20, session: Self.second)
        #expect(story.anomalies()[.unconfirmedCommand] == nil, "it has 10 min")
        beat(80, session: Self.second)
        #expect(story.anomalies()[.unconfirmedCommand] == (isTold ? 1 : nil))
        story.disconnect(session: Self.second)
        story.connect(session: "ses_3", extensions: Self.journal, sequence: 19)
        beat(20, session: "ses_3")
        #expect(story.anomalies()[.unconfirmedCommand] == (isTold ? 1 : nil), "another connection, another 10 min")
        story.beat([(Story.run, 1)], session: "ses_3")
        #expect(story.anomalies()[.unconfirmedCommand] == (isTold ? 2 : nil))
        #expect(wait(story) == .target)
    }

    @Test("one that has stopped in time is nothing to tell of, nor is the next one that is told")
    func heeded() {
        var story = Story.running(extensions: Self.journal)
        let run = RunID("run_2")
        let other = story.addJob(2)
        story.ask(.runJob(run, other))
        story.send()
        story.disconnect()
        story.pass(.seconds(150))
        story.observe(.missing)
        story.connect(session: Self.second, extensions: Self.journal, sequence: 9)
        for listed in [(Story.run, 1), (run, 1)] as [(RunID, UInt32)] {
            for _ in 0..<19 {
                story.beat([listed], session: Self.second)
                story.carryOut { if case .cancel = $0 { .done } else { nil } }
                story.pass(.seconds(30))
            }
        }
        #expect(story.anomalies()[.unconfirmedCommand] == nil)
    }

    @Test("a jump of our clock is no time in which it could have stopped")
    func jump() {
        var story = givenUp()
        story.beat([(Story.run, 1)], session: Self.second)
        story.carryOut { if case .cancel = $0 { .done } else { nil } }
        story.now = story.now + .hours(1)
        story.tell(.clockStepped(.hours(1)))
        story.beat([(Story.run, 1)], session: Self.second)
        #expect(story.anomalies()[.unconfirmedCommand] == nil)
    }

    @Test("a run that waits for its end for an hour is late")
    func late() {
        var story = givenUp()
        for _ in 0..<119 {
            story.beat([(Story.run, 1)], session: Self.second)
            story.pass(.seconds(30))
        }
        #expect(!story.state.alerts.contains(AlertKey(.runLate, Story.run)))
        story.beat([(Story.run, 1)], session: Self.second)
        story.pass(.seconds(30))
        #expect(story.state.alerts.contains(AlertKey(.runLate, Story.run)))
        story.beat(session: Self.second)
        story.send()
        #expect(story.phase == .running(Attempt(2)))
        #expect(!story.state.alerts.contains(AlertKey(.runLate, Story.run)))
    }

    @Test("a reference agent, which lists nothing, is given runs with its welcome")
    func reference() {
        var story = Story.ready()
        story.disconnect()
        story.ask(.runJob(Story.run, Story.job))
        story.connect(session: Self.second, sequence: 9)
        #expect(story.phase == .sending(.first))
    }
}

@Suite("Frames of a connection that is not the agent's any more")
struct FormerSessionTests {
    private static let journal = [ProtocolExtension.journal]

    @Test("a heartbeat behind the silence of its connection is no life of a run")
    func behindSilence() {
        var story = Story.running(extensions: Self.journal)
        story.pass(.seconds(91))
        #expect(story.state.agents[Story.agent]?.session == nil)
        story.beat([(Story.run, 1)])
        story.update(.running, percent: 5)
        story.disconnect()
        story.pass(.seconds(150))
        #expect(story.phase == .reconciling(.first, .lost))
    }

    @Test("an old heartbeat behind a new connection is not that one's list")
    func behindNewConnection() {
        var story = Story.running(extensions: Self.journal)
        story.connect(session: "ses_2", extensions: Self.journal, sequence: 5)
        let grace = story.state.runs[Story.run]?.grace
        #expect(grace != nil)
        story.beat([(Story.run, 1)])
        story.update(.running, percent: 5)
        #expect(story.state.runs[Story.run]?.grace == grace)
        let again = Fleet.Message.command(.dispatch(Story.agent, Story.run, .first, isRepeatable: true))
        #expect(story.beat(session: "ses_2").contains(again))
    }

    @Test("a terminal report counts all the same")
    func terminal() {
        var story = Story.running(extensions: Self.journal)
        story.connect(session: "ses_2", extensions: Self.journal, sequence: 5)
        story.update(.failed, failure: .source)
        #expect(story.phase == .closed(.failed(.source)))
    }
}
