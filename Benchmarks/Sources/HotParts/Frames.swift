import Core
import Engine
import Wire

/// What happens to a frame between socket and log: redact, decode, describe, fold, decide.
public struct Frames: Part {
    private let recorded: [[UInt8]]
    private let redactor = Redactor()
    private let agent = AgentID(bits: 1)
    private let moment = Timestamp(milliseconds: 1_700_000_000_000)
    private var kernel: Kernel<Fleet, MemoryLog, FleetCodec>
    private var done = 0

    /// What agents said in the captures of a folder, over and over.
    ///
    /// - Throws: ``Complaint`` when there is nothing.
    public init(captures: String) throws {
        recorded = try Captures.agentBytes(of: captures)
        guard !recorded.isEmpty else { throw Complaint("\(captures): no frame of an agent") }
        kernel = try Kernel(log: MemoryLog(), codec: FleetCodec())
        _ = try kernel.turn(.captureOpened(agent), at: moment)
    }

    /// Hears that many frames.
    public mutating func work(_ count: Int) throws {
        for _ in 0..<count {
            var bytes = recorded[done % recorded.count]
            done += 1
            redactor.redact(&bytes)
            switch IncomingFrame.decode(bytes, session: nil, registeredSentAt: nil) {
            case .received(let frame): _ = try kernel.turn(.received(agent, frame), at: moment)
            case .unreadable(let frame): _ = try kernel.turn(.unreadable(agent, frame), at: moment)
            }
        }
    }
}

/// The same of heartbeats of 1 000 connected agents with a scheduled job each: what a fleet at rest costs. Nothing of it
/// may grow with the fleet.
public struct Heartbeats: Part {
    private let beats: [[UInt8]]
    private let redactor = Redactor()
    private var kernel: Kernel<Fleet, MemoryLog, FleetCodec>
    private var moment = Timestamp(milliseconds: 1_700_000_000_000)
    private var sequence: UInt64 = 1_000
    private var done = 0

    /// Makes and connects the agents, with what agents said in the captures of a folder.
    ///
    /// - Throws: ``Complaint`` when nobody registered or was alive there.
    public init(captures: String) throws {
        var (register, beats): ([UInt8], [[UInt8]]) = ([], [])
        for bytes in try Captures.agentBytes(of: captures) {
            guard case .received(let frame) = IncomingFrame.decode(bytes, session: nil, registeredSentAt: nil) else {
                continue
            }
            if case .heartbeat = frame.report { beats.append(bytes) }
            if case .register = frame.report { register = bytes }
        }
        guard !beats.isEmpty, !register.isEmpty else { throw Complaint("\(captures): no Register or no Heartbeat") }
        self.beats = beats
        kernel = try Kernel(log: MemoryLog(), codec: FleetCodec())
        let (ticket, key) = (Ticket(token: "t"), [UInt8](repeating: 1, count: 32))
        _ = try kernel.turn(.started(EngineStart(build: "bench", rules: Fleet.rules, seed: 1)), at: moment)
        for id in 0..<1_000 as Range<UInt64> {
            let (agent, target) = (AgentID(bits: id), TargetID(bits: id))
            let opening = SessionOpening(
                session: SessionID(bits: id), remoteAddress: "192.0.2.1", extensions: ProtocolExtension.all)
            let story: [Fleet.Message] = [
                .requested(.createAgent(agent, name: "a", keyDigest: key), ticket),
                .requested(.createTarget(target, agent, [.type(.sqlite), .database("/d")]), ticket),
                .requested(.createJob(JobID(bits: id), agent, target, [.cron("0 3 * * *")]), ticket),
                .sessionOpened(agent, opening),
            ]
            for message in story { _ = try kernel.turn(message, at: moment) }
            try hear(register, from: id)
        }
        for delivery in kernel.pending {
            guard case .command(let command) = delivery.message else { continue }
            _ = try kernel.turn(
                .outcome(CommandOutcome(position: delivery.position, command: command, result: .done)), at: moment)
        }
        _ = try kernel.commit()
    }

    /// Hears that many heartbeats, one agent after the other.
    public mutating func work(_ count: Int) throws {
        for _ in 0..<count {
            try hear(beats[done % beats.count], from: UInt64(done % 1_000))
            done += 1
            if kernel.staged.count >= 1_024 { _ = try kernel.commit() }
        }
    }

    private mutating func hear(_ recorded: [UInt8], from id: UInt64) throws {
        let (agent, session) = (AgentID(bits: id), SessionID(bits: id))
        moment = moment + Milliseconds(1)
        sequence += 1
        // What comes last counts: `seq` and `ts_ms` of the present, so that no frame is one that was there before.
        var bytes = recorded + [0x08] + varint(sequence) + [0x10] + varint(UInt64(moment.milliseconds))
        redactor.redact(&bytes)
        switch IncomingFrame.decode(bytes, session: session, registeredSentAt: nil) {
        case .received(let frame): _ = try kernel.turn(.received(agent, frame), at: moment)
        case .unreadable(let frame): _ = try kernel.turn(.unreadable(agent, frame), at: moment)
        }
    }

    /// Source: Protocol Buffers documentation, “Encoding”.
    private func varint(_ number: UInt64) -> [UInt8] {
        var (bytes, rest): ([UInt8], UInt64) = ([], number)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}
