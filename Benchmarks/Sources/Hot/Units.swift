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
