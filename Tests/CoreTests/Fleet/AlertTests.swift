import Core
import Testing

@Suite("Alerts: opened once, repeated, resolved")
struct AlertTests {
    private static let failed = AlertKey(.runFailed, Story.job)
    private static let lost = AlertKey(.agentLost, Story.agent)

    /// The steps of an alert, in the order of the log, and nothing wrong with any entry.
    func steps(_ story: Story, _ key: AlertKey) -> [AlertDecision.Step] {
        var ledger = AlertLedger()
        #expect(story.entries.compactMap { ledger.check($0) } == [])
        #expect(ledger.openKeys == story.state.alerts.idsSorted)
        return story.entries.compactMap {
            guard case .alerted(let decision) = $0.message, decision.key == key else { return nil }
            return decision.step
        }
    }

    func run(_ story: inout Story, _ number: Int, _ end: (inout Story, RunID) -> Void) {
        let run = RunID(Text("run_\(number)"))
        story.ask(.runJob(run, Story.job))
        story.carryOut { if case .dispatch = $0 { .done } else { nil } }
        end(&story, run)
    }

    func fail(_ story: inout Story, _ run: RunID, _ failure: FailureClass = .source) {
        story.hear(
            .jobUpdate(
                JobUpdate(
                    job: Story.job, run: WireRunID(run, .first), status: .failed, progressPercent: 0, step: "",
                    errorText: "no")), failure: failure)
    }

    func succeed(_ story: inout Story, _ run: RunID) {
        story.hear(
            .completed(
                Completion(
                    job: Story.job, run: WireRunID(run, .first), objectName: "o", byteCount: 10,
                    digest: [UInt8](repeating: 9, count: 32), durationMilliseconds: 5, compression: "zstd",
                    databaseVersion: "SQLite 3")))
        story.observe(Story.found())
    }

    @Test("A failed run opens one alert about its job, further ones repeat it, the next success resolves it")
    func runFailed() throws {
        var story = Story.ready()
        run(&story, 1) { fail(&$0, $1) }
        let alert = try #require(story.state.alerts[Self.failed])
        #expect(alert.id.text.string.hasPrefix("alt_") && alert.id.text.byteCount == 15)
        #expect(alert.agent == Story.agent && alert.count == 1)
        #expect(alert.detail == "run run_1 ended as failed: source")
        run(&story, 2) { fail(&$0, $1, .upload) }
        #expect(story.state.alerts[Self.failed]?.count == 2)
        #expect(story.state.alerts[Self.failed]?.detail == "run run_2 ended as failed: upload")
        run(&story, 3) { succeed(&$0, $1) }
        #expect(story.state.alerts.isEmpty)
        run(&story, 4) { fail(&$0, $1) }
        #expect(steps(story, Self.failed) == [.opened, .repeated, .resolved, .opened])
        #expect(story.state.alerts[Self.failed]?.id != alert.id)
        let entry = try #require(story.entries.first { $0.kind == "alert.opened" })
        #expect(entry.stream == .job(Story.job))
        let cause = try #require(entry.cause.map { story.entries[Int($0.number) - 1] })
        #expect(cause.kind == "run.closed")
    }

    @Test("A success without an alert, and a cancellation, say nothing")
    func quiet() {
        var story = Story.ready()
        run(&story, 1) { succeed(&$0, $1) }
        run(&story, 2) {
            $0.ask(.cancelRun($1))
            $0.hear(
                .jobUpdate(
                    JobUpdate(
                        job: Story.job, run: WireRunID($1, .first), status: .cancelled, progressPercent: 0, step: "",
                        errorText: "")))
        }
        #expect(steps(story, Self.failed) == [])
    }

    @Test("An agent is lost 5 min after its connection, and found again with the next one")
    func agentLost() {
        var story = Story.ready()
        story.disconnect()
        story.pass(.seconds(299))
        #expect(steps(story, Self.lost) == [])
        story.pass(.seconds(1))
        #expect(steps(story, Self.lost) == [.opened])
        story.connect(session: "ses_2", sequence: 9)
        #expect(steps(story, Self.lost) == [.opened, .resolved])
        story.disconnect(session: "ses_2")
        story.pass(.seconds(200))
        story.connect(session: "ses_3", sequence: 19)
        story.pass(.seconds(60))
        #expect(steps(story, Self.lost) == [.opened, .resolved])
    }

    @Test("Nobody misses an agent that never connected, nor one while we were away ourselves")
    func notLost() {
        var story = Story()
        story.ask(.createAgent(Story.agent, name: "a", keyDigest: [UInt8](repeating: 1, count: 32)))
        story.pass(.hours(48))
        #expect(steps(story, Self.lost) == [])
        story.connect()
        // Killed, and away for six hours: no deadline passes before the start.
        story.now = story.now + .hours(6)
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 1)))
        story.pass(.seconds(299))
        #expect(steps(story, Self.lost) == [])
        story.connect(session: "ses_2", sequence: 9)
        story.pass(.seconds(60))
        #expect(steps(story, Self.lost) == [])
        story.disconnect(session: "ses_2")
        story.now = story.now + .hours(6)
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 1)))
        story.pass(.seconds(299))
        #expect(steps(story, Self.lost) == [])
        story.pass(.seconds(1))
        #expect(steps(story, Self.lost) == [.opened])
    }

    @Test("A jump of our own clock is no absence of theirs")
    func clockStep() {
        var story = Story.ready()
        story.disconnect()
        story.pass(.seconds(100))
        story.now = story.now + .hours(1)
        story.tell(.clockStepped(.hours(1)))
        story.pass(.seconds(199))
        #expect(steps(story, Self.lost) == [])
        story.pass(.seconds(1))
        #expect(steps(story, Self.lost) == [.opened])
    }

    @Test("A run that waits for an hour is late until it begins")
    func waits() {
        var story = Story.ready()
        story.disconnect()
        story.ask(.runJob(Story.run, Story.job))
        let key = AlertKey(.runLate, Story.run)
        story.pass(.seconds(3_599))
        #expect(steps(story, key) == [])
        story.pass(.seconds(1))
        #expect(steps(story, key) == [.opened])
        #expect(story.entries.last { $0.kind == "alert.opened" }?.stream == .run(Story.run))
        story.connect(session: "ses_2", sequence: 9)
        #expect(steps(story, key) == [.opened], "nothing was sent yet")
        story.send()
        #expect(steps(story, key) == [.opened, .resolved])
    }

    @Test("A late run that cannot be sent stays late; once it was sent, its time is counted anew")
    func cannotBeSent() {
        for limit: UInt32 in [0, 600] {
            var story = Story.ready()
            story.ask(.changeJob(Story.job, [.timeoutSeconds(limit)]))
            story.disconnect()
            story.ask(.runJob(Story.run, Story.job))
            story.pass(.hours(1))
            story.connect(session: "ses_2", sequence: 9)
            let key = AlertKey(.runLate, Story.run)
            for _ in 0..<5 {
                story.carryOut { if case .dispatch = $0 { .undone("the vault is busy") } else { nil } }
                story.pass(.seconds(30))
                story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])), session: "ses_2")
            }
            #expect(steps(story, key) == [.opened])
            story.send()
            #expect(story.phase == .running(.first))
            #expect(steps(story, key) == [.opened, .resolved])
            for _ in 0..<21 {
                story.pass(.seconds(30))
                story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])), session: "ses_2")
            }
            #expect(steps(story, key) == (limit == 0 ? [.opened, .resolved] : [.opened, .resolved, .opened]))
        }
    }

    @Test("A run that takes longer than its job allows is late until it ends; one without a limit is not")
    func takesLong() {
        for limit: UInt32 in [60, 0] {
            var story = Story.ready()
            story.ask(.changeJob(Story.job, [.timeoutSeconds(limit)]))
            story.ask(.runJob(Story.run, Story.job))
            story.carryOut { if case .dispatch = $0 { .done } else { nil } }
            let key = AlertKey(.runLate, Story.run)
            for _ in 0..<2 {
                story.pass(.seconds(30))
                story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
            }
            #expect(steps(story, key) == (limit == 0 ? [] : [.opened]))
            story.update(.failed, failure: .timeout)
            #expect(steps(story, key) == (limit == 0 ? [] : [.opened, .resolved]))
        }
    }

    @Test("A second machine with the key is an alert until none comes for a day, or the key is another one")
    func identity() {
        for rotates in [true, false] {
            var story = Story.ready()
            story.tell(
                .sessionOpened(
                    Story.agent,
                    SessionOpening(session: "ses_2", remoteAddress: "192.0.2.9:1", extensions: [], hostname: "twin")))
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])), sequence: 2)
            let key = AlertKey(.identityConflict, Story.agent)
            #expect(steps(story, key) == [.opened])
            if rotates { story.ask(.rotateKey(Story.agent, keyDigest: [UInt8](repeating: 2, count: 32))) }
            story.pass(.hours(24))
            #expect(steps(story, key) == [.opened, .resolved])
        }
    }

    @Test("A configuration that is not applied is an alert until a heartbeat names it")
    func configuration() {
        var story = Story.ready()
        let key = AlertKey(.configNotApplied, Story.agent)
        let version = story.state.agents[Story.agent]?.configVersion ?? 0
        for _ in 0..<4 {
            story.pass(.seconds(30))
            story.hear(.heartbeat(Heartbeat(configVersion: 1, metrics: nil, activeJobIDs: [])))
        }
        #expect(steps(story, key) == [.opened])
        story.hear(.heartbeat(Heartbeat(configVersion: version, metrics: nil, activeJobIDs: [])))
        #expect(steps(story, key) == [.opened, .resolved])
    }

    @Test("A check that is down is an alert until it is up, paused or deleted; each time it is resolved once")
    func checks() {
        let ends: [(StaticString, (inout Story, CheckID) -> Void)] = [
            ("up", { story, id in Self.probe(&story, id, isHealthy: true, count: 5) }),
            ("paused", { story, id in story.ask(.changeCheck(id, [.isPaused(true)])) }),
            ("another target", { story, id in story.ask(.changeCheck(id, [.target("http://other/")])) }),
            (
                "deleted",
                { story, id in
                    story.ask(.deleteCheck(id))
                    story.pass(.seconds(0))
                }
            ),
        ]
        for (name, end) in ends {
            var story = Story.ready()
            let id = CheckID("chk_1")
            var spec = CheckSpec(
                name: "web", kind: .http, target: "http://web/", intervalSeconds: 30, timeoutSeconds: 5,
                expectedStatus: 200)
            spec.isPaused = false
            story.ask(.createCheck(id, Story.agent, spec))
            Self.probe(&story, id, isHealthy: true, count: 5)
            #expect(steps(story, AlertKey(.checkDown, id)) == [], "\(name)")
            Self.probe(&story, id, isHealthy: false, count: 5)
            #expect(steps(story, AlertKey(.checkDown, id)) == [.opened], "\(name)")
            #expect(story.entries.last { $0.kind == "alert.opened" }?.stream == .check(id))
            end(&story, id)
            let found = steps(story, AlertKey(.checkDown, id))
            // What is asked of another target is not known yet, and the alert stays until it is.
            #expect(
                found == [.opened, .resolved] || name.description == "another target" && found == [.opened], "\(name)")
        }
    }

    private static func probe(_ story: inout Story, _ id: CheckID, isHealthy: Bool, count: Int) {
        for _ in 0..<count {
            story.pass(.seconds(30))
            story.hear(
                .health(
                    HealthResult(
                        check: id, probedAt: story.now, isHealthy: isHealthy, latencyMilliseconds: 3, errorText: "",
                        statusCode: 200)))
        }
    }

    @Test("One reminder a day, and none once somebody has taken note; who did is known")
    func reminders() throws {
        var story = Story.ready()
        run(&story, 1) { fail(&$0, $1) }
        story.pass(.hours(49))
        #expect(steps(story, Self.failed) == [.opened, .reminded, .reminded])
        #expect(story.state.alerts[Self.failed]?.count == 1)
        let id = try #require(story.state.alerts[Self.failed]?.id)
        story.ask(.acknowledgeAlert(id), ticket: Ticket(token: "tok_ops"))
        #expect(story.state.alerts[Self.failed]?.acknowledgedBy == "tok_ops")
        #expect(story.state.alerts[Self.failed]?.acknowledgedAt == story.now)
        story.pass(.hours(100))
        #expect(steps(story, Self.failed) == [.opened, .reminded, .reminded])
        story.connect(session: "ses_2", sequence: 90)
        run(&story, 2) { succeed(&$0, $1) }
        #expect(steps(story, Self.failed).last == .resolved)
        let said = story.ask(.acknowledgeAlert(id))
        #expect(said.contains { if case .refused(let refusal) = $0 { refusal.code == .conflict } else { false } })
    }

    @Test("What is deleted takes its alerts along, each resolved with the reason")
    func deletion() {
        for deletesAgent in [true, false] {
            var story = Story.ready()
            run(&story, 1) { fail(&$0, $1) }
            story.disconnect()
            story.pass(.seconds(300))
            #expect(story.state.alerts.count == 2)
            story.ask(deletesAgent ? .deleteAgent(Story.agent) : .deleteJob(Story.job))
            story.pass(.seconds(0))
            #expect(steps(story, Self.failed) == [.opened, .resolved])
            #expect(steps(story, Self.lost) == (deletesAgent ? [.opened, .resolved] : [.opened]))
        }
    }

    @Test("The ledger finds what must not be")
    func ledger() {
        let story = Story()
        func entry(_ step: AlertDecision.Step, id: AlertID = "alt_1") -> Entry<Fleet.Message> {
            let decision = AlertDecision(key: Self.lost, id: id, agent: nil, step: step, detail: "")
            let first = story.entries[0]
            return Entry(
                position: first.position, recordedAt: first.recordedAt, stream: .engine, revision: first.revision,
                cause: nil, kind: "alert", message: .alerted(decision))
        }
        for (entries, isRight) in [
            ([entry(.opened), entry(.repeated), entry(.reminded), entry(.resolved), entry(.opened)], true),
            ([entry(.opened), entry(.opened)], false), ([entry(.resolved)], false), ([entry(.repeated)], false),
            ([entry(.opened), entry(.resolved), entry(.reminded)], false),
            ([entry(.opened), entry(.resolved, id: "alt_2")], false),
        ] {
            var ledger = AlertLedger()
            #expect(entries.allSatisfy { ledger.check($0) == nil } == isRight)
        }
    }
}
