import Testing

@testable import Core

@Suite("Requests and their answers")
struct RequestTests {
    private func refusal(_ said: [Fleet.Message]) -> Refusal? {
        guard said.count == 2, case .refused(let refusal) = said[1] else { return nil }
        return refusal
    }

    @Test("a request alone alters nothing; exactly one answer follows")
    func oneAnswer() {
        var story = Story()
        let said = story.ask(.createAgent(Story.agent, name: "db", keyDigest: []))
        #expect(said.count == 2)
        #expect(said[1] == .accepted(.agentCreated(Story.agent, name: "db", keyDigest: []), Ticket(token: "admin")))
    }

    @Test(
        "what cannot be granted is refused with a code and the field",
        arguments: [
            (.createAgent("agt_X", name: "", keyDigest: []), .validation, "name"),
            (.createAgent("agt_A", name: "again", keyDigest: []), .conflict, ""),
            (.renameAgent("agt_X", name: "x"), .notFound, ""),
            (.configureAgent("agt_A", [.maxParallelJobs(0)]), .validation, "advanced.max_parallel_jobs"),
            (
                .configureAgent("agt_A", [.maintenance(start: "25:00", end: "02:00")]), .validation,
                "maintenance.start_utc"
            ),
            (.createTarget("tgt_X", "agt_A", []), .validation, "type"),
            (.createTarget("tgt_X", "agt_A", [.type(.sqlite), .displayName("x")]), .validation, "connection.database"),
            (.deleteTarget("tgt_T"), .conflict, ""),
            (.createJob("job_X", "agt_B", "tgt_T", []), .validation, "target_id"),
            (.changeJob("job_J", [.compression("gzip")]), .validation, "compression"),
            (.changeJob("job_J", [.preHooks([Text](repeating: "x", count: 17))]), .validation, "pre_hooks"),
            (.runJob("run_X", "job_X"), .notFound, ""),
            (.cancelRun("run_X"), .conflict, ""),
            (.deleteRun("run_X"), .conflict, ""),
            (.issueDecryptionToken("run_X"), .conflict, ""),
        ] as [(Request, Refusal.Code, Text)])
    func refused(request: Request, code: Refusal.Code, field: Text) {
        var story = Story.ready()
        let refusal = refusal(story.ask(request))
        #expect(refusal?.code == code)
        #expect(refusal?.field == field)
        #expect(refusal?.text.isEmpty == false)
    }

    @Test("a job's timeout is at most a week; a job that has more from before goes on")
    func timeout() {
        var story = Story.ready()
        let refusal = refusal(story.ask(.changeJob(Story.job, [.timeoutSeconds(604_801)])))
        #expect(refusal?.code == .validation && refusal?.field == "timeout_sec")
        story.ask(.changeJob(Story.job, [.timeoutSeconds(604_800)]))
        #expect(story.state.jobs[Story.job]?.spec.timeoutSeconds == 604_800)
        var spec = JobSpec()
        spec.timeoutSeconds = .max
        story.tell(.accepted(.jobChanged(Story.job, spec), Ticket(token: "admin")))
        story.carryOut { if case .configure = $0 { .done } else { nil } }
        story.ask(.runJob(Story.run, Story.job))
        #expect(story.phase == .sending(.first))
        #expect(story.state.runs[Story.run]?.order.timeoutSeconds == .max)
    }

    @Test("a job has at most 200 open runs, and others have theirs")
    func openRuns() {
        var story = Story.ready()
        let other = story.addJob(2)
        story.disconnect()
        for number in 0..<200 { story.ask(.runJob(RunID(Text("run_\(number)")), Story.job)) }
        let refusal = refusal(story.ask(.runJob("run_x", Story.job)))
        #expect(refusal?.code == .conflict)
        #expect(story.state.runs["run_x"] == nil)
        story.ask(.runJob("run_y", other))
        #expect(story.state.runs["run_y"]?.phase == .queued)
        story.ask(.cancelRun("run_0"))
        story.ask(.runJob("run_x", Story.job))
        #expect(story.state.runs["run_x"]?.phase == .queued)
    }

    @Test("an agent with open runs is not deleted, and retention holds an object")
    func held() {
        var story = Story.running()
        #expect(refusal(story.ask(.deleteAgent(Story.agent)))?.code == .conflict)
        story.complete()
        story.observe(Story.found())
        #expect(refusal(story.ask(.deleteRun(Story.run)))?.code == .precondition)
        story.pass(.hours(7 * 24))
        #expect(story.ask(.deleteRun(Story.run)).last == .command(.delete(Story.run, .first)))
        #expect(refusal(story.ask(.deleteRun(Story.run)))?.code == .conflict)
        story.carryOut { if case .delete = $0 { .done } else { nil } }
        #expect(story.state.objects.isEmpty)
    }

    @Test("the same key gives the same answer, for 24 h and for the same question only")
    func idempotency() {
        var story = Story.ready()
        func ticket(_ body: UInt8) -> Ticket {
            Ticket(token: "admin", idempotency: .init(key: "k", bodyDigest: [body]))
        }
        story.ask(.runJob(Story.run, Story.job), ticket: ticket(1))
        let answer = story.entries.last { $0.kind == "accepted.run_queued" }?.position
        let again = story.ask(.runJob("run_2", Story.job), ticket: ticket(1))
        #expect(again[1] == .accepted(.repeated(answer ?? .start), ticket(1)))
        #expect(story.state.runs["run_2"] == nil)
        #expect(refusal(story.ask(.runJob("run_3", Story.job), ticket: ticket(2)))?.code == .conflict)
        story.pass(.hours(24))
        story.ask(.runJob("run_4", Story.job), ticket: ticket(2))
        #expect(story.state.runs["run_4"] != nil)
    }
}

@Suite("Cron expressions")
struct CronProblemTests {
    @Test(
        "are checked field by field",
        arguments: [
            ("", true), ("* * * * *", true), ("@daily", true), ("0 3 * * 1-5", true),
            ("*/15 0,12 1-15/2 jan,FEB mon-fri", true),
            ("59 23 31 12 7", true), ("a b c d e", false), ("60 * * * *", false), ("0 24 * * *", false),
            ("0 0 0 * *", false), ("0 0 * 13 *", false), ("*/0 * * * *", false), ("30-10 * * * *", false),
            ("1, * * * *", false), ("-1 * * * *", false), ("0 0 * * 8", false), ("0 0 * *", false), ("@often", false),
            ("5/2 * * * *", false), ("* * * * * *", false), ("+1 * * * *", false),
        ])
    func checked(text: String, isRight: Bool) {
        #expect((Cron.problem(of: Text(text)) == nil) == isRight)
    }
}

extension Identifier: ExpressibleByStringLiteral {
    /// The identifier of a literal.
    public init(stringLiteral value: String) { self.init(Text(value)) }
}
