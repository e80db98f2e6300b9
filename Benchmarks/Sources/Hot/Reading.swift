import Core
import Engine
import Glibc
import Recordings
import SQLiteLog
import Wire

/// A log read again: as it is, and as a replay that decodes, folds, decides and compares.
enum Reading {
    static func read(directory: String) throws -> Double {
        let reader = try SQLiteLogReader(directory: directory)
        let start = seconds()
        var last = Position.start
        while let end = try reader.read(after: last, limit: 1_024).last { last = end.position }
        return Double(last.number) / (seconds() - start)
    }

    static func replay(directory: String) throws -> Double {
        let reader = try SQLiteLogReader(directory: directory)
        var check = ReplayCheck<Fleet>()
        let start = seconds()
        try check.run(reader, codec: FleetCodec())
        let taken = seconds() - start
        guard check.isGood else { throw Complaint(description: "the replay diverged: \(check.divergences[0])") }
        return Double(check.entryCount) / taken
    }

    /// Makes a log of a fleet of 1 000 agents that say what the agents of the captures said, over and over.
    static func record(directory: String, captures: String, count: Int) throws {
        let frames = try agentFrames(of: captures)
        var kernel = try Kernel<Fleet, SQLiteEventLog, FleetCodec>(
            log: SQLiteEventLog(directory: directory), codec: FleetCodec())
        var now = Timestamp(milliseconds: 1_700_000_000_000)
        func turn(_ message: Fleet.Message) throws {
            now = now + Milliseconds(1)
            _ = try kernel.turn(message, at: now)
            if kernel.staged.count >= 1_024 { _ = try kernel.commit() }
        }
        try turn(.started(EngineStart(build: "bench", rules: Fleet.rules, seed: 1)))
        let agents = (0..<1_000).map { AgentID(bits: UInt64($0) &* 0x9E37_79B9_7F4A_7C15) }
        for agent in agents { try turn(.captureOpened(agent)) }
        var number = 0
        while kernel.log.head.position.number < UInt64(count) {
            guard case .received(let frame) = frames[number % frames.count] else { continue }
            try turn(.received(agents[number / frames.count % agents.count], frame))
            number += 1
        }
        _ = try kernel.commit()
    }

    /// What agents said in the captures of a folder, decoded.
    static func agentFrames(of captures: String) throws -> [IncomingFrame] {
        let decoded = try agentBytes(of: captures).map {
            IncomingFrame.decode($0, session: nil, registeredSentAt: nil)
        }
        let readable = decoded.filter { if case .received = $0 { true } else { false } }
        guard !readable.isEmpty else { throw Complaint(description: "\(captures): no frame of an agent") }
        return readable
    }

    /// The bytes of what agents said in the captures of a folder, redacted as at the door.
    static func agentBytes(of captures: String) throws -> [[UInt8]] {
        guard let folder = opendir(captures) else { throw Complaint(description: "\(captures) cannot be read") }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.hasSuffix(".frames") { names.append(name) }
        }
        let redactor = Redactor()
        return try names.sorted().flatMap { name in
            try Capture(contentsOf: captures + "/" + name).records.filter(\.isFromAgent).map { record in
                var frame = record.frame
                redactor.redact(&frame)
                return frame
            }
        }
    }
}
