import Core
import Testing

/// Drives the machine as the engine does, without a log: given entries, then what was decided.
struct Story {
    var state = Fleet.initial
    var now = Timestamp(milliseconds: 1_800_000_000_000)
    private(set) var entries: [Entry<Fleet.Message>] = []
    /// Commands without an outcome, in the order of the log.
    private(set) var pending: [(Position, Command)] = []
    /// How long after its time a deadline comes, as with a real clock.
    var latency = Milliseconds(0)
    /// A turn is cut off after so many messages, as the engine would.
    var turnLimit = Int.max
    /// Whether a changed configuration reaches its agent at once.
    var deliversConfigurations = true
    private var revisions: [Stream: Revision] = [:]

    static let agent = AgentID("agt_A")
    static let other = AgentID("agt_B")
    static let target = TargetID("tgt_T")
    static let job = JobID("job_J")
    static let run = RunID("run_R")
    static let session = SessionID("ses_1")

    init(rules: UInt32 = Fleet.rules) { tell(.started(EngineStart(build: "test", rules: rules, seed: 7))) }

    /// An agent with a target and a job, connected and welcomed; one that journals runs has listed that it has none.
    static func ready(extensions: [Text] = []) -> Story {
        var story = Story()
        for id in [agent, other] {
            story.ask(.createAgent(id, name: "db", keyDigest: [UInt8](repeating: 1, count: 32)))
        }
        story.ask(.createTarget(target, agent, [.type(.sqlite), .displayName("app"), .database("/var/app.db")]))
        story.ask(.createJob(job, agent, target, [.retentionDays(7)]))
        story.connect(extensions: extensions)
        if extensions.contains(ProtocolExtension.journal) { story.beat() }
        return story
    }

    /// The same, with one run sent to the agent.
    static func running(extensions: [Text] = [], _ fields: [JobField] = []) -> Story {
        var story = ready(extensions: extensions)
        if !fields.isEmpty { story.ask(.changeJob(job, fields)) }
        story.ask(.runJob(run, job))
        story.carryOut { if case .dispatch = $0 { .done } else { nil } }
        return story
    }

    /// Another job of the agent, with a target of its own: one target has one run at a time.
    mutating func addJob(_ number: Int, _ fields: [JobField] = []) -> JobID {
        let (target, job) = (TargetID(Text("tgt_\(number)")), JobID(Text("job_\(number)")))
        ask(
            .createTarget(
                target, Self.agent, [.type(.sqlite), .displayName("app"), .database(Text("/var/\(number).db"))]))
        ask(.createJob(job, Self.agent, target, fields))
        return job
    }

    /// What follows from one message, itself first.
    ///
    /// - Parameter isRecorded: Whether it is read from a log, on which what followed stands by itself.
    @discardableResult
    mutating func tell(
        _ message: Fleet.Message, cause: Position? = nil, isRecorded: Bool = false
    ) -> [Fleet.Message] {
        let first = entries.count
        var waiting: [(Fleet.Message, Position?)] = [(message, cause)]
        var next = 0
        while next < waiting.count {
            var (message, cause) = waiting[next]
            next += 1
            if entries.count - first == turnLimit {
                message = .faulted("a turn was cut off")
                waiting.removeSubrange(next...)
            }
            let description = Fleet.describe(message, in: state)
            let revision = (revisions[description.stream] ?? .none).next
            revisions[description.stream] = revision
            let entry = Entry(
                position: Position(UInt64(entries.count + 1)), recordedAt: now, stream: description.stream,
                revision: revision, cause: cause, kind: description.kind, message: message)
            entries.append(entry)
            if case .command(let command) = message { pending.append((entry.position, command)) }
            if case .outcome(let outcome) = message { pending.removeAll { $0.0 == outcome.position } }
            for change in Fleet.fold(entry, into: &state) where !isRecorded {
                waiting += Fleet.decide(change, entry, in: state).map { ($0, entry.position) }
            }
        }
        return entries[first...].map(\.message)
    }

    @discardableResult
    mutating func ask(_ request: Request, ticket: Ticket = Ticket(token: "admin")) -> [Fleet.Message] {
        defer { if deliversConfigurations { carryOut { if case .configure = $0 { .done } else { nil } } } }
        return tell(.requested(request, ticket))
    }

    mutating func connect(
        _ agent: AgentID = Story.agent, session: SessionID = Story.session, extensions: [Text] = [],
        sequence: UInt64 = 1, hostname: Text = "host"
    ) {
        tell(
            .sessionOpened(agent, SessionOpening(session: session, remoteAddress: "127.0.0.1", extensions: extensions)))
        let registration = Registration(
            agentVersion: "v0.1.0", hostname: hostname, os: "linux", arch: "amd64", dockerVersion: "", capabilities: [],
            lastKnownConfigVersion: 0)
        hear(.register(registration), from: agent, session: session, sequence: sequence)
        carryOut { if case .welcome = $0 { .done } else { nil } }
    }

    @discardableResult
    mutating func hear(
        _ report: Report, from agent: AgentID = Story.agent, session: SessionID? = Story.session, sequence: UInt64 = 0,
        sentAt: Timestamp? = nil, isReplayed: Bool = false, failure: FailureClass? = nil
    ) -> [Fleet.Message] {
        tell(
            .received(
                agent,
                ReceivedFrame(
                    session: session, bytes: [], fingerprint: UInt64(entries.count) &+ 1, sequence: sequence,
                    sentAt: sentAt ?? now, isReplayed: isReplayed, failure: failure, report: report)))
    }

    @discardableResult
    mutating func update(
        _ status: JobUpdate.Status, attempt: UInt32 = 1, percent: UInt32 = 0, failure: FailureClass? = nil,
        from agent: AgentID = Story.agent, session: SessionID = Story.session, sentAt: Timestamp? = nil
    ) -> [Fleet.Message] {
        hear(
            .jobUpdate(
                JobUpdate(
                    job: Self.job, run: WireRunID(Self.run, Attempt(attempt)), status: status, progressPercent: percent,
                    step: "dump", errorText: "")), from: agent, session: session, sentAt: sentAt, failure: failure)
    }

    /// A heartbeat that lists attempts of runs.
    @discardableResult
    mutating func beat(
        _ listed: [(RunID, UInt32)] = [], session: SessionID = Story.session
    ) -> [Fleet.Message] {
        hear(
            .heartbeat(
                Heartbeat(
                    configVersion: state.agents[Self.agent]?.configVersion ?? 0, metrics: nil,
                    activeJobIDs: listed.map { WireRunID($0.0, Attempt($0.1)).text })), session: session)
    }

    @discardableResult
    mutating func complete(
        attempt: UInt32 = 1, byteCount: UInt64 = 10, digest: UInt8 = 9, from agent: AgentID = Story.agent
    ) -> [Fleet.Message] {
        hear(
            .completed(
                Completion(
                    job: Self.job, run: WireRunID(Self.run, Attempt(attempt)), objectName: "o", byteCount: byteCount,
                    digest: [UInt8](repeating: digest, count: 32), durationMilliseconds: 5, compression: "zstd",
                    databaseVersion: "SQLite 3")), from: agent)
    }

    /// Gives every dispatch the outcome that it was sent.
    @discardableResult
    mutating func send() -> [Fleet.Message] { carryOut { if case .dispatch = $0 { .done } else { nil } } }

    /// Gives every command without an outcome the one that the body names.
    @discardableResult
    mutating func carryOut(_ body: (Command) -> CommandOutcome.Result?) -> [Fleet.Message] {
        var said: [Fleet.Message] = []
        for (position, command) in pending {
            guard let result = body(command) else { continue }
            said += tell(
                .outcome(CommandOutcome(position: position, command: command, result: result)), cause: position)
        }
        return said
    }

    @discardableResult
    mutating func observe(_ result: CommandOutcome.Result) -> [Fleet.Message] {
        carryOut { if case .observe = $0 { result } else { nil } }
    }

    static func found(byteCount: UInt64 = 10, digest: UInt8 = 9) -> CommandOutcome.Result {
        .found(byteCount: byteCount, digest: [UInt8](repeating: digest, count: 32))
    }

    mutating func disconnect(_ agent: AgentID = Story.agent, session: SessionID = Story.session) {
        tell(.sessionClosed(agent, session, .closed))
    }

    /// Lets time pass; deadlines come at their own moments. None may be due again, no later than before, behind its own
    /// turn: the engine takes the soonest one, and would take that one for ever.
    mutating func pass(_ span: Milliseconds) {
        let end = now + span
        while let deadline = Fleet.nextDeadline(in: state), deadline.due <= end {
            now = max(now, deadline.due + latency)
            tell(deadline.message, cause: deadline.armedBy)
            if let next = Fleet.nextDeadline(in: state), next.message == deadline.message, next.due <= deadline.due {
                Issue.record("\(deadline.message) of \(deadline.due) is still due after it has passed")
                break
            }
        }
        now = max(now, end)
    }

    var phase: Run.Phase? { state.runs[Self.run]?.phase }

    func anomalies(_ agent: AgentID = Story.agent) -> [Anomaly.Kind: UInt64] {
        Dictionary(uniqueKeysWithValues: (state.agents[agent]?.anomalies ?? []).map { ($0.kind, $0.count) })
    }
}
