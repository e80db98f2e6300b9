import Core
import Engine
import SwiftProtobuf
import Testing
import Wire

@testable import Server

/// Goal: what people read of a run agrees with what the machine says of it, at every entry of every story.
/// Method: turns over a log in memory, the projection beside them, compared after each turn.
struct Story {
    static let agent = AgentID("agt_00000000001")
    static let job = JobID("job_00000000001")
    static let target = TargetID("tgt_00000000001")
    static let run = RunID("run_00000000001")
    static let content = [UInt8]("an object".utf8)

    var kernel: Kernel<Fleet, MemoryLog, FleetCodec>
    var documents: [String: Document] = [:]
    var frames = Frames(agent: agent)
    var now = Timestamp(milliseconds: 1_767_225_600_000)
    private let projection = FleetProjection()

    init(isCaptured: Bool = false) throws {
        kernel = try Kernel(log: try MemoryLog(), codec: FleetCodec())
        try say(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 1)))
        guard !isCaptured else {
            try say(.captureOpened(Self.agent))
            return
        }
        let ticket = Ticket(token: "admin")
        try say(.requested(.createAgent(Self.agent, name: "a", keyDigest: [UInt8](repeating: 1, count: 32)), ticket))
        let target: [TargetField] = [.type(.sqlite), .displayName("t"), .database("/db")]
        try say(.requested(.createTarget(Self.target, Self.agent, target), ticket))
        try say(.requested(.createJob(Self.job, Self.agent, Self.target, []), ticket))
        for message in try frames.register() { try say(message) }
        try answer(.done)
    }

    mutating func say(_ message: Fleet.Message, after span: Milliseconds = Milliseconds(10)) throws {
        now = now + span
        try kernel.passDeadlines(at: now)
        _ = try kernel.turn(message, at: now)
        try project()
    }

    mutating func wait(_ span: Milliseconds) throws {
        now = now + span
        try kernel.passDeadlines(at: now)
        try project()
    }

    private mutating func project() throws {
        for recorded in kernel.staged {
            // As the follower does it: through bytes.
            let entry = try FleetCodec().decode(FleetCodec().encode(recorded.entry))
            for document in projection.project(entry, lookup: { documents[$1] }) { documents[document.id] = document }
        }
        _ = try kernel.commit()
    }

    /// Gives the pending command its outcome; there must be one.
    mutating func answer(_ result: CommandOutcome.Result) throws {
        let delivery = try #require(kernel.pending.first)
        guard case .command(let command) = delivery.message else { return }
        try say(.outcome(CommandOutcome(position: delivery.position, command: command, result: result)))
    }

    mutating func run() throws {
        try say(.requested(.runJob(Self.run, Self.job), Ticket(token: "admin")))
    }

    func detail(_ run: RunID = Story.run) throws -> RunDetail {
        let document = try #require(documents[run.text.string])
        return try #require(FleetProjection.detail(of: document))
    }

    func machine(_ run: RunID = Story.run) throws -> Run { try #require(kernel.state.runs[run]) }

    /// Whether both say the same.
    func agree(_ run: RunID = Story.run) throws -> Bool {
        let (detail, run) = (try detail(run), try machine(run))
        let status: RunDetail.Status =
            switch run.phase {
            case .queued: .queued
            case .closed(.success): .success
            case .closed(.failed): .failed
            case .closed(.cancelled): .cancelled
            case .closed(.lost): .lost
            case .closed(.reported): .reported
            default: .running
            }
        return detail.status == status && detail.attempt == run.attempt.number && detail.createdAt == run.createdAt
            && (status == .success || detail.progressPercent == run.progressPercent) && detail.isOpen == run.isOpen
            && detail.job == run.order.job && detail.agent == run.order.agent && detail.target == run.order.target
            && detail.isManual == run.order.isManual
    }
}

@Suite struct RunDetailTests {
    private let wire = "run_00000000001-1"

    @Test("A run that succeeds")
    func success() throws {
        var story = try Story()
        try story.run()
        #expect(try story.agree() && story.detail().currentStep == "dispatching")
        try story.answer(.done)
        let progress = try story.frames.progress(Story.job, wire, 40)
        try story.say(progress)
        #expect(try story.agree() && story.detail().progressPercent == 40 && story.detail().currentStep == "dump")
        let completion = try story.frames.completed(Story.job, wire, content: Story.content)
        try story.say(completion)
        #expect(try story.agree() && story.detail().status == .running && story.detail().currentStep == "verifying")
        #expect(try story.detail().byteCount == 9)
        let digest = try #require(try story.machine().reported.last?.digest)
        try story.answer(.found(byteCount: 9, digest: digest))
        let detail = try story.detail()
        #expect(try story.agree() && detail.status == .success && detail.progressPercent == 100)
        #expect(detail.proof == RunDetail.Proof(object: "seen", digest: "store") && detail.currentStep == nil)
        #expect(detail.claim?.durationMilliseconds == 1_234 && detail.claim?.databaseVersion == "PostgreSQL 16")
        #expect(detail.finishedAt == story.now && detail.startedAt != nil && detail.errorText == nil)
    }

    @Test("A run that the agent reports as failed; progress that comes after changes nothing")
    func failure() throws {
        var story = try Story()
        try story.run()
        try story.answer(.done)
        let failed = try story.frames.progress(
            Story.job, wire, 0, status: .failed, error: "dump: pg_dump: exit status 1: no such table")
        try story.say(failed)
        let detail = try story.detail()
        #expect(try story.agree() && detail.status == .failed)
        #expect(detail.errorText == "dump: pg_dump: exit status 1: no such table")
        #expect(detail.errorClass == "source")
        #expect(detail.proof == RunDetail.Proof(object: "none", digest: "none"))
        let late = try story.frames.progress(Story.job, wire, 90)
        try story.say(late)
        #expect(try story.detail() == detail)
    }

    @Test("A completion whose object is not there, or another one, is a failure of the storage")
    func missingObject() throws {
        for result in [CommandOutcome.Result.missing, .found(byteCount: 8, digest: nil)] {
            var story = try Story()
            try story.run()
            try story.answer(.done)
            let completion = try story.frames.completed(Story.job, wire, content: Story.content)
            try story.say(completion)
            try story.answer(result)
            let detail = try story.detail()
            #expect(try story.agree() && detail.status == .failed && detail.errorClass == "storage")
            #expect(detail.errorText != nil && detail.provenByteCount == nil)
        }
    }

    @Test("A run whose agent falls silent is reconciled with the store, then lost")
    func lost() throws {
        var story = try Story()
        try story.run()
        try story.answer(.done)
        try story.wait(.seconds(91))
        #expect(try story.agree())
        try story.wait(.seconds(200))
        let commands = story.kernel.pending.compactMap { delivery -> Command? in
            if case .command(let command) = delivery.message { command } else { nil }
        }
        #expect(commands.contains(.observe(Story.run, .first)))
        #expect(try story.agree() && story.detail().currentStep == "reconciling")
        while try story.detail().isOpen {
            let delivery = try #require(story.kernel.pending.first)
            guard case .command(let command) = delivery.message else { break }
            var result = CommandOutcome.Result.done
            if case .observe = command { result = .missing }
            try story.say(.outcome(CommandOutcome(position: delivery.position, command: command, result: result)))
        }
        let detail = try story.detail()
        #expect(try story.agree() && detail.status == .lost && detail.errorClass == "lost" && detail.errorText != nil)
    }

    @Test("A run that is cancelled while it waits, and one that the agent stops")
    func cancelled() throws {
        var story = try Story()
        try story.say(.sessionClosed(Story.agent, SessionID("ses_00000000001"), .closed))
        try story.run()
        #expect(try story.agree() && story.detail().status == .queued && story.detail().startedAt == nil)
        try story.say(.requested(.cancelRun(Story.run), Ticket(token: "admin")))
        #expect(try story.agree() && story.detail().status == .cancelled)

        story = try Story()
        try story.run()
        try story.answer(.done)
        try story.say(.requested(.cancelRun(Story.run), Ticket(token: "admin")))
        #expect(try story.agree() && story.detail().status == .running)
        let stopped = try story.frames.progress(Story.job, wire, 0, status: .cancelled)
        try story.say(stopped)
        #expect(try story.agree() && story.detail().status == .cancelled && story.detail().errorText == nil)
    }

    @Test("A run that could not be sent waits again, as if nothing had been tried")
    func undone() throws {
        var story = try Story()
        try story.run()
        try story.answer(.undone("no connection"))
        #expect(try story.agree() && story.detail().status == .queued && story.detail().attempt == 0)
        #expect(try story.detail().startedAt == nil)
    }

    @Test(
        "A run of which it is unknown whether it was sent gets another attempt; reports of the first one do not count")
    func unknownSending() throws {
        var story = try Story()
        try story.run()
        try story.answer(.unknown)
        #expect(try story.agree() && story.detail().currentStep == "unconfirmed")
        let heartbeat = try story.frames.heartbeat()
        try story.say(heartbeat, after: .seconds(80))
        try story.wait(.seconds(71))
        while story.kernel.pending.contains(where: {
            if case .command(.observe) = $0.message { true } else { false }
        }) {
            try story.answer(.missing)
        }
        #expect(try story.agree() && story.detail().attempt == 2)
        let stale = try story.frames.progress(Story.job, wire, 70)
        try story.say(stale)
        #expect(try story.agree() && story.detail().progressPercent == 0)
    }

    @Test("While its agent is away it is queued again, and can be cancelled")
    func unknownSendingToAbsentAgent() throws {
        var story = try Story()
        try story.run()
        try story.answer(.unknown)
        try story.say(
            .sessionClosed(Story.agent, #require(story.kernel.state.agents[Story.agent]?.session?.id), .closed))
        try story.wait(.seconds(151))
        #expect(try story.agree() && story.detail().currentStep == "reconciling")
        try story.answer(.missing)
        #expect(try story.agree() && story.detail().status == .queued && story.detail().currentStep == nil)
        #expect(try story.detail().tries.last?.endedAt != nil)
        try story.say(.requested(.cancelRun(Story.run), Ticket(token: "admin")))
        #expect(try story.agree() && story.detail().status == .cancelled && story.detail().cancellation == .confirmed)
    }

    @Test("An update without a run id counts for the job's only run in flight")
    func updateWithoutRun() throws {
        var story = try Story()
        try story.run()
        try story.answer(.done)
        let update = try story.frames.progress(Story.job, "", 33)
        try story.say(update)
        #expect(try story.agree() && story.detail().progressPercent == 33)
    }

    @Test("Another agent's report about the run changes nothing")
    func foreignReport() throws {
        var story = try Story()
        try story.run()
        try story.answer(.done)
        let before = try story.detail()
        let other = AgentID("agt_00000000002")
        try story.say(
            .requested(.createAgent(other, name: "b", keyDigest: [UInt8](repeating: 2, count: 32)), Ticket(token: "x")))
        var frames = Frames(agent: other)
        frames.session = SessionID("ses_00000000002")
        for message in try frames.register() { try story.say(message) }
        let update = try frames.progress(Story.job, wire, 99)
        try story.say(update)
        let completion = try frames.completed(Story.job, wire, content: Story.content)
        try story.say(completion)
        #expect(try story.agree() && story.detail() == before)
    }

    @Test("A captured run ends as reported, a day after the last frame; a delivery after a failure is the next attempt")
    func captured() throws {
        var story = try Story(isCaptured: true)
        story.frames.session = nil
        let run = RunID("any id, 17")
        func delivery() throws -> Fleet.Message {
            let envelope = WireEnvelope.with {
                $0.payload = .runBackup(
                    .with {
                        $0.jobID = "j"
                        $0.runID = run.text.string
                    })
            }
            let bytes: [UInt8] = try envelope.serializedBytes()
            let order = CapturedOrder.runBackup(JobID("j"), WireRunID(run.text), manual: false)
            return .captured(Story.agent, CapturedFrame(bytes: bytes, order: order))
        }
        try story.say(delivery())
        #expect(try story.agree(run) && story.detail(run).attempt == 1)
        try story.say(delivery())
        #expect(try story.agree(run) && story.detail(run).attempt == 1)
        let failed = try story.frames.progress(JobID("j"), run.text.string, 0, status: .failed, error: "no")
        try story.say(failed)
        #expect(try story.agree(run))
        try story.say(delivery())
        #expect(try story.agree(run) && story.detail(run).attempt == 2)
        let completion = try story.frames.completed(JobID("j"), run.text.string, content: Story.content)
        try story.say(completion)
        try story.wait(.hours(25))
        let detail = try story.detail(run)
        #expect(try story.agree(run) && detail.status == .reported && detail.isCaptured)
        #expect(detail.claim?.objectName == "what/the/agent/says" && detail.errorClass == nil)
    }
}
