import Core
import Engine
import SwiftProtobuf
import Wire

@testable import Recordings

/// A short life of a control plane of our own: one agent, one job, one run that succeeds, one that fails.
struct Story {
    static let agent = AgentID(bits: 1)
    static let target = TargetID(bits: 2)
    static let job = JobID(bits: 3)
    static let session = SessionID(bits: 4)
    private(set) var kernel: Kernel<Fleet, MemoryLog, FleetCodec>
    private var now = Timestamp(milliseconds: 1_000_000)
    private var sequence: UInt64 = 0

    /// - Parameter rules: Those that the log claims to be written under.
    init(rules: UInt32 = Fleet.rules) throws {
        kernel = try Kernel(log: MemoryLog(), codec: FleetCodec())
        try say(.started(EngineStart(build: "test", rules: rules, seed: 7)))
        try ask(.createAgent(Self.agent, name: "a", keyDigest: []))
        try ask(.createTarget(Self.target, Self.agent, [.type(.sqlite), .displayName("d"), .database("/d")]))
        try ask(.createJob(Self.job, Self.agent, Self.target, []))
        try say(
            .sessionOpened(
                Self.agent, SessionOpening(session: Self.session, remoteAddress: "127.0.0.1:1", extensions: [])))
        try hear(.with { $0.register.hostname = "h" })
        try finish("command.welcome", .done)
        try hear(.with { $0.heartbeat.configVersion = 3 })
    }

    /// A run whose object is seen with the reported digest.
    mutating func succeed(_ run: RunID) throws {
        try ask(.runJob(run, Self.job))
        try finish("command.dispatch", .done)
        let digest = [UInt8](repeating: 0xAB, count: 32)
        try hear(
            .with {
                $0.backupCompleted.runID = "\(run)-1"
                $0.backupCompleted.sizeBytes = 5
                $0.backupCompleted.sha256 = String(repeating: "ab", count: 32)
            })
        try finish("command.observe", .found(byteCount: 5, digest: digest))
    }

    /// A run that its agent says has failed.
    mutating func fail(_ run: RunID) throws {
        try ask(.runJob(run, Self.job))
        try finish("command.dispatch", .done)
        try hear(
            .with {
                $0.jobUpdate.runID = "\(run)-1"
                $0.jobUpdate.status = .failed
                $0.jobUpdate.errorMessage = "dump: no"
            })
    }

    /// Time goes on; what is due is said.
    mutating func wait(_ span: Milliseconds) throws {
        now = now + span
        while let due = kernel.nextDue, due <= now { try kernel.passDeadlines(at: due) }
        _ = try kernel.commit()
    }

    var entries: [Entry<Fleet.Message>] {
        get throws { try kernel.log.read(after: .start, limit: .max).map { try FleetCodec().decode($0) } }
    }

    private mutating func say(_ message: Fleet.Message) throws {
        now = now + Milliseconds(10)
        _ = try kernel.turn(message, at: now)
        _ = try kernel.commit()
    }

    private mutating func ask(_ request: Request) throws { try say(.requested(request, Ticket(token: "t"))) }

    private mutating func hear(_ envelope: WireEnvelope) throws {
        sequence += 1
        var envelope = envelope
        envelope.seq = sequence
        envelope.tsMs = UInt64(now.milliseconds)
        let bytes: [UInt8] = try envelope.serializedBytes()
        guard case .received(let frame) = IncomingFrame.decode(bytes, session: Self.session, registeredSentAt: nil)
        else { return }
        try say(.received(Self.agent, frame))
    }

    private mutating func finish(_ kind: Text, _ result: CommandOutcome.Result) throws {
        for delivery in kernel.pending {
            guard case .command(let command) = delivery.message, Text("command.\(command.word)") == kind else {
                continue
            }
            try say(
                .outcome(CommandOutcome(position: delivery.position, command: command, result: result)))
        }
    }
}
