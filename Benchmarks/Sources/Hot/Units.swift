import Core
import Engine
import Objects
import SQLiteLog
import Wire

/// Small fixed amounts of hot work, whose instructions `instructions.sh` counts.
enum Units {
    static func run(_ name: String, count: Int, directory: String) throws {
        switch name {
        case "turn": _ = try Turns.run(directory: directory, batch: 1_000, count: count)
        case "frame": try frames(count, captures: directory)
        case "heartbeat": try heartbeats(count, captures: directory)
        case "entry":
            // Written in one process by `unit turn`, read here as often as asked.
            let reader = try SQLiteLogReader(directory: directory)
            var left = count
            while left > 0 {
                let entries = try reader.read(after: .start, limit: min(left, 1_000))
                guard !entries.isEmpty else { throw Complaint(description: "\(directory): an empty log") }
                left -= entries.count
            }
        case "chunk": try chunks(count)
        default: throw Complaint(description: "no unit is called \(name)")
        }
    }

    /// What happens to a frame between socket and log: redact, decode, describe, fold, decide.
    private static func frames(_ count: Int, captures: String) throws {
        let recorded = try Reading.agentBytes(of: captures)
        guard !recorded.isEmpty else { throw Complaint(description: "\(captures): no frame of an agent") }
        let redactor = Redactor()
        let agent = AgentID(bits: 1)
        var kernel = try Kernel<Fleet, MemoryLog, FleetCodec>(log: MemoryLog(), codec: FleetCodec())
        let moment = Timestamp(milliseconds: 1_700_000_000_000)
        _ = try kernel.turn(.captureOpened(agent), at: moment)
        for number in 0..<count {
            var bytes = recorded[number % recorded.count]
            redactor.redact(&bytes)
            switch IncomingFrame.decode(bytes, session: nil, registeredSentAt: nil) {
            case .received(let frame): _ = try kernel.turn(.received(agent, frame), at: moment)
            case .unreadable(let frame): _ = try kernel.turn(.unreadable(agent, frame), at: moment)
            }
        }
    }

    /// The same of heartbeats of 1 000 connected agents with a scheduled job each: what a fleet at rest costs. Nothing of it
    /// may grow with the fleet.
    private static func heartbeats(_ count: Int, captures: String) throws {
        var (register, beats): ([UInt8], [[UInt8]]) = ([], [])
        for bytes in try Reading.agentBytes(of: captures) {
            guard case .received(let frame) = IncomingFrame.decode(bytes, session: nil, registeredSentAt: nil) else {
                continue
            }
            if case .heartbeat = frame.report { beats.append(bytes) }
            if case .register = frame.report { register = bytes }
        }
        guard !beats.isEmpty, !register.isEmpty else {
            throw Complaint(description: "\(captures): no Register or no Heartbeat")
        }
        var kernel = try Kernel<Fleet, MemoryLog, FleetCodec>(log: MemoryLog(), codec: FleetCodec())
        var moment = Timestamp(milliseconds: 1_700_000_000_000)
        let (ticket, key) = (Ticket(token: "t"), [UInt8](repeating: 1, count: 32))
        let redactor = Redactor()
        var sequence: UInt64 = 1_000
        func hear(_ recorded: [UInt8], from id: UInt64) throws {
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
        for number in 0..<count {
            try hear(beats[number % beats.count], from: UInt64(number % 1_000))
            if kernel.staged.count >= 1_024 { _ = try kernel.commit() }
        }
    }

    /// Source: Protocol Buffers documentation, “Encoding”.
    private static func varint(_ number: UInt64) -> [UInt8] {
        var (bytes, rest): ([UInt8], UInt64) = ([], number)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// Pieces of 64 KiB that zstd finds little in, so that sealing and hashing are what is counted.
    private static func chunks(_ count: Int) throws {
        var state: UInt64 = 42
        let piece = (0..<65_536).map { _ in
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return UInt8(truncatingIfNeeded: state)
        }
        let writer = try BlobWriter(dataKey: Backup.key) { _ in }
        for _ in 0..<count { try writer.write(piece) }
        _ = try writer.finish()
    }
}
