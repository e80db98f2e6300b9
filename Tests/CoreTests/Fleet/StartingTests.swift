import Testing

@testable import Core

@Suite("Which queued runs start")
struct StartingTests {
    private func phases(_ story: Story, _ runs: [RunID]) -> [Text?] { runs.map { story.state.runs[$0]?.phase.word } }

    private func wait(_ story: Story, _ run: RunID) -> Fleet.Wait? {
        Fleet.wait(of: run, at: story.now, in: story.state)
    }

    @Test("one run a target at a time, whichever job asks for it")
    func target() {
        var story = Story.running()
        let (other, second) = (JobID("job_K"), RunID("run_2"))
        story.ask(.createJob(other, Story.agent, Story.target, []))
        story.ask(.runJob(second, other))
        #expect(story.state.runs[second]?.phase == .queued)
        #expect(wait(story, second) == .target)
        story.update(.failed, failure: .configuration)
        #expect(story.state.runs[second]?.phase == .sending(.first))
    }

    @Test("a run that waits for its next attempt holds neither its slot nor its target")
    func waitingHoldsNothing() {
        var story = Story.running([.maxAttempts(2)])
        story.ask(.configureAgent(Story.agent, [.maxParallelJobs(1)]))
        let second = RunID("run_2")
        story.ask(.runJob(second, Story.job))
        #expect(wait(story, second) == .slot)
        story.update(.failed, failure: .source)
        #expect(story.state.runs[second]?.phase == .sending(.first))
        #expect(wait(story, Story.run) == .retry)
    }

    @Test("the job with the fewest in flight first, then the one that was started longest ago, then the oldest")
    func fairness() {
        var story = Story.ready()
        story.ask(.configureAgent(Story.agent, [.maxParallelJobs(1)]))
        let (busy, calm) = (story.addJob(1), story.addJob(2))
        let often = (0..<3).map { RunID(Text("run_often_\($0)")) }
        for run in often { story.ask(.runJob(run, busy)) }
        let once = RunID("run_once")
        story.ask(.runJob(once, calm))
        story.send()
        #expect(phases(story, often + [once]) == ["running", "queued", "queued", "queued"])
        fail(often[0], busy, &story)
        // The other job was never started, so it goes before the older runs of the one that was.
        #expect(phases(story, often + [once]) == ["closed", "queued", "queued", "sending"])
        story.send()
        fail(once, calm, &story)
        #expect(phases(story, often + [once]) == ["closed", "sending", "queued", "closed"])
    }

    @Test("a job of which something is in flight lets others go first, also where it was started longer ago")
    func fairnessAlongside() throws {
        var story = Story.ready()
        story.ask(.configureAgent(Story.agent, [.maxParallelJobs(2)]))
        story.ask(.changeJob(Story.job, [.cron("* * * * *"), .overlap(.alongside)]))
        let other = story.addJob(1)
        let (first, second) = (RunID("run_1"), RunID("run_2"))
        story.pass(.minutes(1))
        story.send()
        for run in [first, second] { story.ask(.runJob(run, other)) }
        story.send()
        story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
        story.pass(.minutes(1))
        let slots = (story.state.agents[Story.agent]?.openRuns ?? []).filter { $0 != first && $0 != second }
        #expect(phases(story, slots + [first, second]) == ["running", "queued", "running", "queued"])
        fail(first, other, &story)
        #expect(phases(story, slots + [second]) == ["running", "queued", "sending"])
    }

    private func fail(_ run: RunID, _ job: JobID, _ story: inout Story) {
        story.hear(
            .jobUpdate(
                JobUpdate(
                    job: job, run: WireRunID(run, .first), status: .failed, progressPercent: 0, step: "", errorText: "")
            ), failure: .configuration)
    }

    // Maintenance.

    /// 2027-01-15T08:00:00Z, the beginning of a story.
    @Test(
        "nothing starts inside the window, and all that waits does at its end",
        arguments: [("07:00", "08:30", 30), ("23:00", "08:01", 1), ("08:00", "07:59", 24 * 60 - 1)])
    func window(start: String, end: String, minutes: Int64) {
        var story = Story.ready()
        story.ask(.configureAgent(Story.agent, [.maintenance(start: Text(start), end: Text(end))]))
        story.ask(.runJob(Story.run, Story.job))
        #expect(wait(story, Story.run) == .window)
        for _ in 0..<minutes {
            #expect(story.phase == .queued)
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
            story.pass(.minutes(1))
        }
        #expect(story.phase == .sending(.first))
    }

    @Test(
        "outside the window runs start",
        arguments: [("08:01", "09:00"), ("07:00", "08:00"), ("23:00", "08:00"), ("08:00", "08:00"), ("", "")])
    func outside(start: String, end: String) {
        var story = Story.ready()
        story.ask(.configureAgent(Story.agent, [.maintenance(start: Text(start), end: Text(end))]))
        story.ask(.runJob(Story.run, Story.job))
        #expect(story.phase == .sending(.first))
    }

    @Test("what was queued before the window began, and freed inside it, starts at its end")
    func queuedBefore() {
        var story = Story.running()
        story.ask(.configureAgent(Story.agent, [.maintenance(start: "08:10", end: "08:20")]))
        let second = RunID("run_2")
        story.ask(.runJob(second, Story.job))
        for _ in 0..<15 {
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
            story.pass(.minutes(1))
        }
        story.update(.failed, failure: .configuration)
        #expect(story.state.runs[second]?.phase == .queued)
        for _ in 0..<5 {
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
            story.pass(.minutes(1))
        }
        #expect(story.state.runs[second]?.phase == .sending(.first))
    }

    @Test("a window that is taken away, or moved, sets free what waits for it")
    func windowRemoved() {
        var story = Story.ready()
        story.ask(.configureAgent(Story.agent, [.maintenance(start: "07:00", end: "09:00")]))
        story.ask(.runJob(Story.run, Story.job))
        var moved = story
        story.ask(.configureAgent(Story.agent, [.maintenance(start: "", end: "")]))
        #expect(story.phase == .sending(.first))
        moved.ask(.configureAgent(Story.agent, [.maintenance(start: "07:00", end: "08:01")]))
        #expect(moved.phase == .queued)
        moved.pass(.minutes(1))
        #expect(moved.phase == .sending(.first))
    }

    @Test("the window's end comes each day while anything waits")
    func windowEachDay() {
        var story = Story.ready()
        story.disconnect()
        story.ask(.configureAgent(Story.agent, [.maintenance(start: "07:30", end: "08:30")]))
        story.ask(.runJob(Story.run, Story.job))
        story.pass(.minutes(24 * 60 - 20))
        let second = RunID("run_2")
        story.ask(.runJob(second, Story.job))
        story.connect(session: "ses_2", sequence: 9)
        for _ in 0..<50 {
            #expect(story.state.runs[second]?.phase == .queued)
            story.pass(.minutes(1))
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])), session: "ses_2")
        }
        #expect(story.phase == .closed(.lost(.lost)), "the first had waited for a day")
        #expect(story.state.runs[second]?.phase == .sending(.first))
    }

    @Test("the window's end is found on both sides of midnight and before 1970")
    func ends() throws {
        var settings = AgentSettings()
        settings.set(.maintenance(start: "22:00", end: "04:00"))
        let window = try #require(MaintenanceWindow(settings))
        let day: Int64 = 24 * 60
        for (minute, end) in [(0, 4 * 60), (4 * 60, day + 4 * 60), (22 * 60, day + 4 * 60), (-1, 4 * 60)]
            as [(Int64, Int64)]
        {
            let moment = Timestamp(milliseconds: 0) + .minutes(minute)
            #expect(window.nextEnd(after: moment) == Timestamp(milliseconds: 0) + .minutes(end), "\(minute)")
        }
        #expect(window.contains(Timestamp(milliseconds: -1)))
        #expect(!window.contains(Timestamp(milliseconds: 0) + .hours(4)))
    }

    // The fleet's limit of starts.

    /// Agents with a job each, all connected.
    private func fleet(_ count: Int, startsPerSecond: UInt32) -> (Story, [JobID]) {
        var story = Story()
        story.ask(.changePolicy([.startsPerSecond(startsPerSecond)]))
        var jobs: [JobID] = []
        for number in 0..<count {
            let (agent, target) = (AgentID(Text("agt_\(number)")), TargetID(Text("tgt_\(number)")))
            let job = JobID(Text("job_\(number)"))
            story.ask(.createAgent(agent, name: "a", keyDigest: [UInt8](repeating: 1, count: 32)))
            story.ask(.createTarget(target, agent, [.type(.sqlite), .displayName("d"), .database("/d")]))
            story.ask(.createJob(job, agent, target, []))
            story.connect(agent, session: SessionID(Text("ses_\(number)")))
            jobs.append(job)
        }
        return (story, jobs)
    }

    private func startCount(_ story: Story) -> Int {
        story.entries.count { if case .decided(_, .started) = $0.message { true } else { false } }
    }

    @Test("no more runs start than the fleet's limit allows, and all of them do in time", arguments: [1, 7, 20, 50])
    func startsPerSecond(limit: UInt32) {
        var (story, jobs) = fleet(60, startsPerSecond: limit)
        for (number, job) in jobs.enumerated() { story.ask(.runJob(RunID(Text("run_\(number)")), job)) }
        #expect(startCount(story) == min(60, Int(limit)))
        var seconds = 0
        while startCount(story) < 60, seconds < 80 {
            let before = startCount(story)
            story.pass(.seconds(1))
            seconds += 1
            #expect(startCount(story) - before <= Int(limit), "in second \(seconds)")
        }
        #expect(startCount(story) == 60)
        #expect(seconds <= 60 / Int(limit) + 1)
        story.pass(.minutes(2))
        #expect(story.state.timers.due(.starts) == nil, "no deadline is left once nobody waits")
    }

    @Test("those that wait are served in turn: nobody starts twice before everybody has started once")
    func inTurn() {
        var (story, jobs) = fleet(5, startsPerSecond: 1)
        // A second job of the second agent, which could start right behind the first.
        story.ask(
            .createTarget(TargetID("tgt_x"), AgentID("agt_1"), [.type(.sqlite), .displayName("d"), .database("/x")]))
        story.ask(.createJob(JobID("job_x"), AgentID("agt_1"), TargetID("tgt_x"), []))
        for number in 0..<2 { story.ask(.runJob(RunID(Text("run_\(number)")), jobs[number])) }
        story.ask(.runJob(RunID("run_x"), JobID("job_x")))
        for number in 2..<5 { story.ask(.runJob(RunID(Text("run_\(number)")), jobs[number])) }
        #expect(wait(story, RunID("run_x")) == .fleet)
        var order: [RunID] = []
        for _ in 0..<8 { story.pass(.seconds(1)) }
        for entry in story.entries { if case .decided(let run, .started) = entry.message { order.append(run) } }
        #expect(order == ["run_0", "run_1", "run_2", "run_3", "run_4", "run_x"].map { RunID(Text($0)) })
    }

    @Test("at most 60 start at once, whatever the limit")
    func burst() {
        var (story, jobs) = fleet(70, startsPerSecond: 500)
        for (number, job) in jobs.enumerated() { story.ask(.runJob(RunID(Text("run_\(number)")), job)) }
        #expect(startCount(story) == 60)
        story.pass(.seconds(1))
        #expect(startCount(story) == 70)
    }

    @Test("who comes while others wait goes behind them, also when one more may start already")
    func overtaking() {
        var (story, jobs) = fleet(22, startsPerSecond: 20)
        for number in 0..<21 { story.ask(.runJob(RunID(Text("run_\(number)")), jobs[number])) }
        story.pass(Milliseconds(60))
        story.ask(.runJob(RunID("run_21"), jobs[21]))
        #expect(startCount(story) == 20 && wait(story, RunID("run_21")) == .fleet)
        story.pass(Milliseconds(40))
        #expect(startCount(story) == 22)
    }

    @Test("a lower limit counts at once")
    func lowered() {
        var (story, jobs) = fleet(5, startsPerSecond: 2)
        for (number, job) in jobs.enumerated() { story.ask(.runJob(RunID(Text("run_\(number)")), job)) }
        #expect(startCount(story) == 2)
        story.ask(.changePolicy([.startsPerSecond(1)]))
        story.pass(.seconds(3))
        #expect((4...5).contains(startCount(story)))
    }

    @Test("the limit is 1 to 500", arguments: [0, 501])
    func refused(limit: UInt32) {
        var story = Story()
        let said = story.ask(.changePolicy([.startsPerSecond(limit)]))
        guard case .refused(let refusal) = said.last else {
            Issue.record("\(said)")
            return
        }
        #expect(refusal.field == "starts_per_second")
    }

    @Test("what a run waits for is told: its agent before all")
    func waits() {
        var story = Story.ready()
        story.disconnect()
        story.ask(.runJob(Story.run, Story.job))
        #expect(wait(story, Story.run) == .agent)
        #expect(wait(story, RunID("run_none")) == nil)
        story.connect(session: "ses_2", sequence: 5)
        #expect(wait(story, Story.run) == nil)
    }
}
