import Core
import Engine
import Wire

/// A log of what no capture holds: requests, a schedule with its zone, attempts, checks, retention, alerts. Ten hours of a
/// fleet whose workers do now one thing, now another.
struct Story {
    private var kernel: Kernel<Fleet, MemoryLog, FleetCodec>
    private var now = Timestamp(milliseconds: 1_800_000_000_000)
    private let agent = AgentID(bits: 1)
    private let session = SessionID(bits: 2)

    /// The entries, in order.
    static func log() throws -> [EncodedEntry] {
        var story = Story(kernel: try Kernel(log: MemoryLog(), codec: FleetCodec()))
        try story.configure()
        try story.connect()
        for minute in 0..<600 {
            story.now = story.now + .minutes(1)
            _ = try story.kernel.passDeadlines(at: story.now)
            try story.work(minute)
            if minute == 300 { try story.tell(.sessionClosed(story.agent, story.session, .closed)) }
            if minute == 320 { try story.connect() }
            _ = try story.kernel.commit()
        }
        return story.kernel.log.read(after: .start, limit: 100_000)
    }

    private init(kernel: Kernel<Fleet, MemoryLog, FleetCodec>) { self.kernel = kernel }

    private mutating func tell(_ message: Fleet.Message) throws {
        now = now + Milliseconds(1)
        _ = try kernel.turn(message, at: now)
    }

    private mutating func configure() throws {
        let (target, job, run) = (TargetID(bits: 3), JobID(bits: 4), RunID(bits: 6))
        try tell(.started(EngineStart(build: "b", rules: Fleet.rules, seed: 1)))
        let requests: [Request] = [
            .createAgent(agent, name: "a", keyDigest: [UInt8](repeating: 1, count: 32)),
            .configureAgent(agent, [.maintenance(start: "23:00", end: "01:00"), .maxParallelJobs(2)]),
            .createTarget(target, agent, [.type(.sqlite), .displayName("d"), .database("/d")]),
            .createJob(
                job, agent, target,
                [
                    .cron("*/20 * * * *"), .timeZone("Europe/Berlin"), .jitterSeconds(60), .catchUpSeconds(600),
                    .keep(.last, 2), .keep(.daily, 1), .maxAttempts(2), .backoffSeconds([60]), .timeoutSeconds(300),
                ]),
            .createCheck(
                CheckID(bits: 5), nil,
                CheckSpec(
                    name: "web", kind: .https, target: "https://web.example", intervalSeconds: 300, timeoutSeconds: 5,
                    expectedStatus: 200)),
            .createToken(
                TokenID(bits: 7),
                APITokenSpec(name: "t", role: .viewer, digest: [UInt8](repeating: 2, count: 32), expiresAt: now)),
            .changePolicy([.startsPerSecond(3)]), .runJob(run, job), .runJob(RunID(bits: 8), job), .cancelRun(run),
            .lockRun(run, until: nil, reason: "audit"), .confirmClock, .deleteAgent(AgentID(bits: 9)),
        ]
        for request in requests { try tell(.requested(request, Ticket(token: "t"))) }
    }

    private mutating func connect() throws {
        let opening = SessionOpening(
            session: session, remoteAddress: "192.0.2.1", extensions: ProtocolExtension.all, hostname: "h")
        try tell(.sessionOpened(agent, opening))
        try hear(
            .register(
                Registration(
                    agentVersion: "1", hostname: "h", os: "linux", arch: "amd64", dockerVersion: "", capabilities: [],
                    lastKnownConfigVersion: 0)))
    }

    private mutating func hear(_ report: Report) throws {
        try tell(
            .received(
                agent,
                ReceivedFrame(
                    session: session, bytes: [], fingerprint: UInt64(now.milliseconds), sequence: 0, sentAt: now,
                    isReplayed: false, failure: nil, report: report)))
    }

    /// Every command has an outcome, and what was sent its report, good ones and bad ones in turn.
    private mutating func work(_ minute: Int) throws {
        try hear(.heartbeat(Heartbeat(configVersion: UInt64(minute), metrics: nil, activeJobIDs: [])))
        for delivery in kernel.pending {
            guard case .command(let command) = delivery.message else { continue }
            let result = result(of: command, minute)
            try tell(.outcome(CommandOutcome(position: delivery.position, command: command, result: result)))
            guard case .dispatch(_, let run, let attempt, _) = command, let order = kernel.state.runs[run]?.order else {
                continue
            }
            let wire = WireRunID(run, attempt)
            if minute % 5 == 0 {
                try hear(
                    .jobUpdate(
                        JobUpdate(
                            job: order.job, run: wire, status: .failed, progressPercent: 10, step: "dump",
                            errorText: "no")))
            } else {
                try hear(
                    .completed(
                        Completion(
                            job: order.job, run: wire, objectName: "o", byteCount: 9,
                            digest: [UInt8](repeating: 3, count: 32), durationMilliseconds: 5, compression: "zstd",
                            databaseVersion: "SQLite 3")))
            }
        }
    }

    private func result(of command: Command, _ minute: Int) -> CommandOutcome.Result {
        switch command {
        case .observe:
            return minute % 7 == 0 ? .missing : .found(byteCount: 9, digest: [UInt8](repeating: 3, count: 32))
        case .survey:
            var survey = Survey()
            survey.unowned = [
                ObjectReference(agent: agent, job: JobID(bits: 4), run: RunID(bits: 99), attempt: .first)
            ]
            survey.missing = kernel.state.objects.idsByCreation.prefix(1).map { ObjectKey(run: $0, attempt: .first) }
            return .surveyed(survey)
        case .readZone:
            let transition = ZoneRules.Transition(at: now + .hours(3), offsetSeconds: 7_200)
            return .zone(
                ZoneRules(offsetSeconds: 3_600, transitions: [transition], until: now + .hours(24 * 365)))
        case .probeTarget(let check):
            let isHealthy = minute / 30 % 2 == 0
            return .probed(
                HealthResult(
                    check: check, probedAt: now, isHealthy: isHealthy, latencyMilliseconds: 12,
                    errorText: isHealthy ? "" : "refused", statusCode: isHealthy ? 200 : 0, detail: ProbeDetail()))
        case .delete, .cancel: return minute % 3 == 0 ? .undone("no") : .done
        case .welcome, .configure, .dispatch, .disconnect, .probe, .refuse, .runCheck: return .done
        }
    }
}
