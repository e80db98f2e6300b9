@testable import Core

/// An agent with a journal and its host, as far as the server can tell: connections come and go, commands and looks at the
/// store fail, processes die. What happens is drawn from a seed.
struct JournalingAgent {
    /// What the agent was told.
    private struct Work {
        enum Ending { case completed, failed(FailureClass), cancelled }

        let run: RunID
        let attempt: Attempt
        let job: JobID
        let target: TargetID
        var endsAt: Timestamp
        var ending: Ending?
        var isReported = false
    }

    static let tick = Milliseconds.seconds(10)
    private static let limit = 2
    private static let extensions = [ProtocolExtension.journal]

    private(set) var story = Story.ready(extensions: Self.extensions)
    /// What must not be, in the order it was found.
    private(set) var problems: [String] = []
    /// How often it was told to stop what was given up.
    private(set) var stopCount = 0
    /// Whether anything goes wrong from here on.
    var hasFaults = true
    private let seed: UInt64
    private let jobs: [(id: JobID, target: TargetID)]
    private var drawCount: UInt64 = 0
    private var sessionCount = 1
    private var isConnected = true
    private var connectsAt: Timestamp
    private var beatsAt: Timestamp
    private var works: [Work] = []
    private var objects: [ObjectKey] = []
    private var frozen: [ObjectKey] = []
    private var runCount = 0

    init(seed: UInt64) {
        self.seed = seed
        connectsAt = story.now
        beatsAt = story.now
        let (second, third) = (JobID("job_K"), story.addJob(3))
        story.ask(.createJob(second, Story.agent, Story.target, [.maxAttempts(2), .backoffSeconds([5])]))
        story.ask(.changeJob(Story.job, [.maxAttempts(3), .backoffSeconds([1]), .timeoutSeconds(60)]))
        story.ask(.configureAgent(Story.agent, [.maxParallelJobs(UInt32(Self.limit))]))
        jobs = [(Story.job, Story.target), (second, Story.target), (third, TargetID("tgt_3"))]
        story.deliversConfigurations = false
    }

    private var session: SessionID { SessionID(Text("ses_\(sessionCount)")) }

    private mutating func draw(_ bound: UInt64) -> UInt64 {
        drawCount += 1
        return Mix.bits(seed: seed, counter: drawCount) % bound
    }

    /// Once in so many times, while there are faults.
    private mutating func strikes(_ bound: UInt64) -> Bool { draw(bound) == 0 && hasFaults }

    /// Runs without a verdict.
    var openRuns: [RunID] { story.state.agents[Story.agent]?.openRuns ?? [] }

    /// Ten seconds go by.
    mutating func step() {
        story.pass(Self.tick)
        carryOut()
        work()
        if hasFaults { want() }
        if isConnected, strikes(60) { disconnect(for: draw(4) == 0 ? 200 + Int64(draw(600)) : Int64(draw(60))) }
        if strikes(300) { story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 1))) }
        if strikes(300) { die() }
        if story.state.agents[Story.agent]?.session?.id != session, isConnected { disconnect(for: 5) }
        if !isConnected, story.now >= connectsAt { connect() }
        if isConnected, story.now >= beatsAt { beat() }
        report()
        carryOut()
    }

    // MARK: - The host

    private mutating func tell(_ run: RunID, _ attempt: Attempt) {
        if let place = works.firstIndex(where: { $0.run == run && $0.attempt == attempt }) {
            works[place].isReported = false
            return
        }
        guard let job = story.state.runs[run]?.order.job, let target = jobs.first(where: { $0.id == job })?.target
        else {
            return
        }
        let others = works.filter { $0.ending == nil }
        if let other = others.first(where: { $0.target == target }) {
            problems.append("\(run)-\(attempt) begins beside \(other.run)-\(other.attempt), of the same target")
        }
        if others.count >= Self.limit { problems.append("\(run)-\(attempt) begins beside \(others.count) others") }
        let span = hasFaults ? (draw(8) == 0 ? 4_000 : 20 + Int64(draw(600))) : 20
        works.append(
            Work(run: run, attempt: attempt, job: job, target: target, endsAt: story.now + .seconds(span)))
    }

    private mutating func work() {
        for place in works.indices where works[place].ending == nil && works[place].endsAt <= story.now {
            let key = ObjectKey(run: works[place].run, attempt: works[place].attempt)
            if frozen.contains(key) {
                works[place].ending = .failed(.upload)
            } else if strikes(5) {
                works[place].ending = .failed(.source)
            } else {
                objects.append(key)
                works[place].ending = .completed
            }
        }
    }

    private mutating func die() {
        for place in works.indices where works[place].ending == nil { works[place].ending = .failed(.disconnect) }
        if isConnected { disconnect(for: 5) }
    }

    // MARK: - The connection

    private mutating func disconnect(for seconds: Int64) {
        isConnected = false
        connectsAt = story.now + .seconds(seconds)
        story.disconnect(session: session)
    }

    private mutating func connect() {
        sessionCount += 1
        isConnected = true
        story.connect(session: session, extensions: Self.extensions, sequence: UInt64(sessionCount) * 10)
        // Ours lists what it does at once; but that frame may be one that cannot be read.
        beatsAt = strikes(10) ? story.now + .seconds(30) : story.now
    }

    private mutating func beat() {
        beatsAt = story.now + .seconds(30)
        let said = story.beat(
            works.filter { $0.ending == nil }.map { ($0.run, $0.attempt.number) }, session: session)
        for case .command(.cancel(_, let run, let attempt)) in said
        where story.state.runs[run]?.attemptInFlight != attempt { stopCount += 1 }
    }

    private mutating func report() {
        guard isConnected else { return }
        for place in works.indices where !works[place].isReported {
            guard let ending = works[place].ending, !strikes(10) else { continue }
            works[place].isReported = true
            let (wire, job) = (WireRunID(works[place].run, works[place].attempt), works[place].job)
            func update(_ status: JobUpdate.Status) -> Report {
                .jobUpdate(
                    JobUpdate(job: job, run: wire, status: status, progressPercent: 0, step: "", errorText: ""))
            }
            switch ending {
            case .completed:
                let digest = [UInt8](repeating: 9, count: 32)
                story.hear(
                    .completed(
                        Completion(
                            job: job, run: wire, objectName: "o", byteCount: 10, digest: digest,
                            durationMilliseconds: 1, compression: "zstd", databaseVersion: "")), session: session)
            case .failed(let reason): story.hear(update(.failed), session: session, failure: reason)
            case .cancelled: story.hear(update(.cancelled), session: session)
            }
        }
    }

    // MARK: - The server's workers, and people

    private mutating func carryOut() {
        while let (position, command) = story.pending.first {
            let result = effect(of: command)
            story.tell(
                .outcome(CommandOutcome(position: position, command: command, result: result)), cause: position)
        }
    }

    private mutating func effect(of command: Command) -> CommandOutcome.Result {
        switch command {
        case .dispatch(_, let run, let attempt, _):
            guard isConnected, !strikes(20) else { return .undone("not connected") }
            let isUnknown = strikes(20)
            if !isUnknown || draw(2) == 0 { tell(run, attempt) }
            return isUnknown ? .unknown : .done
        case .cancel(_, let run, _):
            guard isConnected, !strikes(5) else { return .undone("not connected") }
            let job = story.state.runs[run]?.order.job
            for place in works.indices where works[place].job == job && works[place].ending == nil {
                works[place].ending = .cancelled
            }
            return .done
        case .configure:
            return isConnected && !strikes(5) ? .done : .undone("not connected")
        case .observe(let run, let attempt):
            guard !strikes(5) else { return .undone("the store gives no answer") }
            let key = ObjectKey(run: run, attempt: attempt)
            frozen.append(key)
            return objects.contains(key) ? Story.found() : .missing
        case .delete(let run, let attempt):
            let key = ObjectKey(run: run, attempt: attempt)
            if story.state.runs[run]?.isOpen == true { problems.append("\(key) is deleted, and its run is open") }
            frozen.append(key)
            objects.removeAll { $0 == key }
            return .done
        case .survey:
            return .undone("not modelled")
        case .welcome, .disconnect, .probe, .refuse, .runCheck, .readZone, .probeTarget:
            return .done
        }
    }

    private mutating func want() {
        if draw(20) == 0 {
            runCount += 1
            story.ask(.runJob(RunID(Text("run_\(runCount)")), jobs[Int(draw(3))].id))
        }
        if draw(80) == 0, !openRuns.isEmpty { story.ask(.cancelRun(openRuns[Int(draw(UInt64(openRuns.count)))])) }
        if draw(120) == 0 { story.ask(.changeJob(Story.job, [.retentionDays(UInt32(draw(9)))])) }
    }
}
