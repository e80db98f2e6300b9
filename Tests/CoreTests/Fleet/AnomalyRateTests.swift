import Foundation
import Testing

@testable import Core

@Suite("How often an agent's weakness is called by its name, and a plain agent by none")
struct AnomalyRateTests {
    /// By default a part of them, which takes seconds; all with BACKUPY_NIGHTLY=1.
    private static let share: UInt64 = ProcessInfo.processInfo.environment["BACKUPY_NIGHTLY"] == "1" ? 1 : 20

    /// What else may be noted of a session that shows a weakness, since it is the same thing seen twice.
    private static let companions: [Anomaly.Kind: Set<Anomaly.Kind>] = [
        .completionAfterFailure: [.lateReport]
    ]

    /// Goal: a weakness is told by its own name, and no other with it. Method: a plain session from a seed, in the middle of
    /// which the agent shows it once.
    @Test(
        "Of 1 000 sessions with a weakness at least 990 have it named, and nothing else",
        arguments: Anomaly.Kind.allCases)
    func rightClass(kind: Anomaly.Kind) {
        var wrong: [UInt64: [Anomaly.Kind: UInt64]] = [:]
        for seed in 0..<1_000 / Self.share {
            let isCaptured = kind == .backlogHang && seed % 2 == 0
            let found = isCaptured ? Self.backlog(seed: seed) : Self.session(with: kind, seed: seed)
            let others = Set(found.keys).subtracting([kind]).subtracting(Self.companions[kind] ?? [])
            if found[kind] == nil || !others.isEmpty { wrong[seed] = found }
        }
        #expect(wrong.count <= 10 / Self.share, "\(wrong.sorted { $0.key < $1.key }.prefix(3))")
    }

    private static func session(with kind: Anomaly.Kind, seed: UInt64) -> [Anomaly.Kind: UInt64] {
        var agent = PlainAgent(seed: seed)
        for _ in 0..<agent.draw(7) { agent.step() }
        agent.show(kind)
        for _ in 0..<agent.draw(4) { agent.step() }
        return agent.story.anomalies()
    }

    /// A captured agent that registers with more unanswered runs than it can report, and hangs.
    private static func backlog(seed: UInt64) -> [Anomaly.Kind: UInt64] {
        var story = Story()
        func connect(_ session: SessionID, sequence: UInt64) {
            story.tell(
                .sessionOpened(Story.agent, SessionOpening(session: nil, remoteAddress: "", extensions: [])))
            let registration = Registration(
                agentVersion: "v0.1.0", hostname: "host", os: "linux", arch: "amd64", dockerVersion: "",
                capabilities: [], lastKnownConfigVersion: 0)
            story.hear(.register(registration), session: nil, sequence: sequence)
            story.tell(
                .captured(Story.agent, CapturedFrame(bytes: [], order: .registerAck(session, configVersion: nil))))
        }
        story.tell(.captureOpened(Story.agent))
        connect("ses_1", sequence: 1)
        let count = 65 + Mix.bits(seed: seed, counter: 1) % 40
        for number in 1...count {
            story.pass(Milliseconds(Int64(Mix.bits(seed: seed, counter: number) % 900)))
            story.tell(
                .captured(
                    Story.agent,
                    CapturedFrame(
                        bytes: [],
                        order: .runBackup(Story.job, WireRunID(Text("r\(number)")), manual: false))))
        }
        story.hear(
            .heartbeat(Heartbeat(configVersion: 0, metrics: nil, activeJobIDs: [])), session: nil, sequence: 2)
        story.tell(.sessionClosed(Story.agent, "ses_1", .closed))
        connect("ses_2", sequence: 3)
        story.pass(.seconds(91))
        return story.anomalies()
    }

    /// Goal: a plain agent is never called odd. Method: sessions of one process on TCP, whose content is drawn from a
    /// seed: beats, runs that end in all ways, reports kept while away and brought in any order on the next connection,
    /// messages that are saved late, restarts of the server.
    @Test("Of 10 000 plain sessions at most one has a false alarm")
    func falseAlarms() async {
        let (lanes, count) = (8, 10_000 / Int(Self.share))
        let odd = await withTaskGroup(of: [UInt64].self) { group in
            for lane in 0..<lanes {
                group.addTask {
                    stride(from: lane, to: count, by: lanes).map { UInt64($0) }.filter { seed in
                        var agent = PlainAgent(seed: seed)
                        for _ in 0..<12 { agent.step() }
                        return !agent.story.anomalies().isEmpty
                    }
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
        #expect(odd.count <= 1 / Self.share, "seeds \(odd.sorted().prefix(10))")
    }

    @Test("A long plain session has none either", arguments: UInt64(0)..<200)
    func longSessions(seed: UInt64) {
        var agent = PlainAgent(seed: seed)
        for _ in 0..<60 { agent.step() }
        #expect(agent.story.anomalies() == [:], "seed \(seed)")
    }
}

extension PlainAgent {
    /// Shows a weakness once.
    fileprivate mutating func show(_ kind: Anomaly.Kind) {
        finish()
        switch kind {
        case .unknownRun:
            live(
                .jobUpdate(
                    JobUpdate(
                        job: Story.job, run: WireRunID("run_nobody-1"), status: .running, progressPercent: 1, step: "",
                        errorText: "")))
        case .foreignRun: live(update(.running, of: foreignRun()))
        case .lateReport:
            let run = begin()
            live(completion(of: run))
            live(update(.failed, of: run), failure: .source)
        case .progressBackwards:
            let run = begin()
            live(update(.running, of: run, percent: 50))
            story.pass(.seconds(1))
            live(update(.running, of: run, percent: 20))
        case .sequenceReuse:
            live(line("one"))
            story.hear(line("another"), session: session, sequence: sequence)
        case .processRestart:
            // One that was never heard of cannot be told from one that tried to register.
            for _ in 0..<3 { beat() }
            disconnect()
            sequence = 0
            reconnect()
        case .clockSkew:
            story.hear(
                .heartbeat(Heartbeat(configVersion: 9, metrics: nil, activeJobIDs: [])), session: session,
                sequence: number(), sentAt: story.now + .seconds(Int64(draw(600)) + 31))
        case .silentAfterRegister: fallSilent()
        case .backlogHang:
            disconnect()
            story.pass(.hours(65 + Int64(draw(200))))
            fallSilent()
        case .unreadableFrame:
            story.tell(
                .unreadable(
                    Story.agent, UnreadableFrame(isFromAgent: true, byteCount: 1, start: [9], problem: "no envelope")))
        case .completionAfterFailure:
            let run = begin()
            live(update(.failed, of: run), failure: .source)
            live(completion(of: run))
        case .repeatedCompletion:
            let run = begin()
            live(completion(of: run))
            live(completion(of: run))
        case .identityConflict:
            story.tell(
                .sessionOpened(
                    Story.agent,
                    SessionOpening(session: "ses_x", remoteAddress: "192.0.2.9:1", extensions: [], hostname: "twin")))
            carryOut()
            beat()
        case .messageReordered:
            let (first, second) = (number(), number())
            story.hear(line("second"), session: session, sequence: second)
            story.hear(line("first"), session: session, sequence: first)
        case .messageLost:
            beat()
            _ = number()
            beat()
            disconnect()
            reconnect()
            for _ in 0..<3 { beat() }
        case .runCutOff:
            let run = begin()
            disconnect()
            reconnect()
            live(update(.failed, of: run), failure: .disconnect)
        case .configNotApplied:
            let former = story.state.agents[Story.agent]?.configVersion ?? 0
            story.ask(.changeJob(Story.job, [.retentionDays(UInt32(draw(99)) + 8)]))
            carryOut()
            for _ in 0..<4 {
                story.pass(.seconds(30))
                beat(version: former)
            }
        case .unconfirmedCommand:
            let run = begin()
            story.ask(.cancelRun(run))
            carryOut()
            for _ in 0..<3 {
                story.pass(.seconds(30))
                beat()
            }
        }
    }

    /// A run that another agent was given.
    private mutating func foreignRun() -> RunID {
        let (target, job, run) = (TargetID("tgt_F"), JobID("job_F"), RunID("run_foreign"))
        story.ask(.createTarget(target, Story.other, [.type(.sqlite), .displayName("app"), .database("/var/f.db")]))
        story.ask(.createJob(job, Story.other, target, []))
        story.connect(Story.other, session: "ses_other", sequence: 1)
        story.ask(.runJob(run, job))
        carryOut()
        return run
    }
}
