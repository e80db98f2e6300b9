import Core
import Engine

@testable import Simulation

/// A control plane under test without a world around it: messages go in, turns are committed, workers are the test.
struct FleetRig {
    private var kernel: Kernel<Fleet, MemoryLog, TableCodec<Fleet.Message>>
    private(set) var last: [Fleet.Message] = []
    var now = Timestamp(milliseconds: 1_900_000_000_000)
    /// What the simulation's checks know of open runs, from what is on the log.
    private(set) var openRuns = OpenRuns()
    private var audited = Fleet.initial

    static let agent = AgentID("agt_1")
    static let job = JobID("job_1")
    /// Of another target, so that a run of it may go on beside one of the first.
    static let otherJob = JobID("job_2")
    static let ticket = Ticket(token: "test")

    /// With one agent that may do so many runs at a time, connected and welcomed.
    init(parallelRunLimit: UInt32) throws {
        kernel = try Kernel(log: MemoryLog(), codec: TableCodec())
        let target = TargetID("tgt_1")
        try record(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 1)))
        try ask(.createAgent(Self.agent, name: "a", keyDigest: [1]))
        try ask(.configureAgent(Self.agent, [.maxParallelJobs(parallelRunLimit)]))
        try ask(.createTarget(target, Self.agent, [.type(.sqlite), .displayName("d"), .database("/d")]))
        try ask(.createJob(Self.job, Self.agent, target, [.timeoutSeconds(600)]))
        let other = TargetID("tgt_2")
        try ask(.createTarget(other, Self.agent, [.type(.sqlite), .displayName("e"), .database("/e")]))
        try ask(.createJob(Self.otherJob, Self.agent, other, [.timeoutSeconds(600)]))
    }

    var state: Fleet.State { kernel.state }

    /// Records a message and gives what followed.
    @discardableResult
    mutating func record(_ message: Fleet.Message) throws -> [Fleet.Message] {
        _ = try kernel.turn(message, at: now)
        return try commit().dropFirst().map(\.message)
    }

    private mutating func commit() throws -> [Entry<Fleet.Message>] {
        let entries = try kernel.commit().map(\.entry)
        for entry in entries {
            openRuns.take(entry, in: audited)
            _ = Fleet.fold(entry, into: &audited)
        }
        return entries
    }

    /// What keeps a queued run from starting, as the simulation has it.
    func obstacle(to run: RunID) -> String? { openRuns.obstacle(to: run, at: now, in: state) }

    @discardableResult
    mutating func ask(_ request: Request) throws -> [Fleet.Message] {
        try record(.requested(request, Self.ticket))
    }

    /// Lets time pass with all deadlines in it.
    mutating func wait(_ span: Milliseconds) throws {
        let end = now + span
        while let due = kernel.nextDue, due <= end {
            now = max(now, due)
            try kernel.passDeadlines(at: now)
            _ = try commit()
        }
        now = end
    }

    /// The agent registers, and gets its RegisterAck.
    mutating func connect(_ session: SessionID, extensions: [Text] = []) throws {
        try record(
            .sessionOpened(Self.agent, SessionOpening(session: session, remoteAddress: "", extensions: extensions)))
        let registration = Registration(
            agentVersion: "1", hostname: "h", os: "linux", arch: "amd64", dockerVersion: "", capabilities: [],
            lastKnownConfigVersion: 0)
        try receive(.register(registration), on: session)
        try answer(.done) { if case .welcome(_, session) = $0 { true } else { false } }
    }

    @discardableResult
    mutating func receive(_ report: Report, on session: SessionID) throws -> [Fleet.Message] {
        let frame = ReceivedFrame(
            session: session, bytes: [], fingerprint: UInt64(kernel.log.head.position.number), sequence: 0, sentAt: now,
            isReplayed: false, failure: nil, report: report)
        return try record(.received(Self.agent, frame))
    }

    /// The outcome of the oldest pending command of a kind; nothing when there is none.
    @discardableResult
    mutating func answer(
        _ result: CommandOutcome.Result, to isWanted: (Command) -> Bool
    ) throws -> [Fleet.Message] {
        for delivery in kernel.pending {
            guard case .command(let command) = delivery.message, isWanted(command) else { continue }
            return try record(
                .outcome(CommandOutcome(position: delivery.position, command: command, result: result)))
        }
        return []
    }

    /// The dispatch of this run's attempt.
    static func dispatch(_ run: RunID, _ attempt: Attempt) -> (Command) -> Bool {
        { if case .dispatch(_, run, attempt, _) = $0 { true } else { false } }
    }

    /// The observation of this run's attempt.
    static func observe(_ run: RunID, _ attempt: Attempt) -> (Command) -> Bool { { $0 == .observe(run, attempt) } }
}
