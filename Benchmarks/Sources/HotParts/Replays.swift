import Core
import Engine
import Recordings
import SQLiteLog
import Wire

/// Replays of a whole log of the fleet, each of which decodes, folds, decides and compares.
public struct Replays: Part {
    private let reader: SQLiteLogReader
    /// Entries of the log; 0 before the first replay.
    private var entryCount = 0

    /// Replays of a log that ``record(directory:captures:count:)`` has made.
    ///
    /// - Throws: `LogError` when there is no log.
    public init(directory: String) throws { reader = try SQLiteLogReader(directory: directory) }

    /// Replays the log that many times; a replay that diverges is thrown.
    public mutating func work(_ count: Int) throws {
        for _ in 0..<count {
            var check = ReplayCheck<Fleet>()
            try check.run(reader, codec: FleetCodec())
            guard check.isGood else { throw Complaint("the replay diverged: \(check.divergences[0])") }
            entryCount = check.entryCount
        }
    }

    /// Entries per second of one replay.
    ///
    /// - Throws: What ``work(_:)`` throws.
    public mutating func entryRate() throws -> Double {
        let rate = try rate(of: 1)
        return rate * Double(entryCount)
    }

    /// Makes a log of a fleet of 1 000 agents that say what the agents of the captures said, over and over.
    ///
    /// - Parameter count: How many entries, or a few more.
    /// - Throws: `LogError`, or ``Complaint`` when there is nothing in the captures.
    public static func record(directory: String, captures: String, count: Int) throws {
        let frames = try Captures.agentFrames(of: captures)
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
}
