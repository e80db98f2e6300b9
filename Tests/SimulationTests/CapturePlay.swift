import Core
import Foundation
import Recordings
import Wire

@testable import Simulation

enum CaptureFolder {
    /// Of the checkout that this file is compiled from.
    static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Replays/captures").path
}

/// Plays a capture's server to the model of the reference agent, and compares what it sends with what was recorded.
struct CapturePlay {
    /// What counts of a message: not its time, nor what a scan found on the recorded host.
    private struct Line: Hashable {
        var sequence: UInt64
        var report: Report

        init(_ frame: ReceivedFrame) {
            sequence = frame.sequence
            report = frame.report
            if case .discovery = report { report = .discovery([]) }
        }
    }

    private let records: [CaptureRecord]
    private var agent = ReferenceAgent(hostname: "")
    /// What the model has sent and the capture must show.
    private var sent: [Line] = []
    private var isStarted = false
    private var highestSequence: UInt64 = 0
    /// What this process was made to save already.
    private var saidSequences: Set<UInt64> = []
    private(set) var comparedCount = 0
    /// Numbers of messages that were lost on their way to the recorder.
    private(set) var lostCount = 0
    private(set) var differences: [String] = []

    init(_ capture: Capture) { records = capture.records }

    mutating func run() {
        for (place, record) in records.enumerated() {
            if let frame = Self.decode(record) {
                expect(frame, place)
            } else if !record.isFromAgent, let frame = try? ServerFrame(bytes: record.frame) {
                take(agent.receive(frame, at: record.recordedAt).sent)
            }
        }
        differences += sent.map { "sent and not recorded: \($0)" }
    }

    private static func decode(_ record: CaptureRecord) -> ReceivedFrame? {
        guard record.isFromAgent else { return nil }
        return decode(record.frame)
    }

    private static func decode(_ bytes: [UInt8]) -> ReceivedFrame? {
        guard case .received(let frame) = IncomingFrame.decode(bytes, session: nil, registeredSentAt: nil) else {
            return nil
        }
        return frame
    }

    private mutating func take(_ messages: [[UInt8]]) {
        sent += messages.compactMap { Self.decode($0) }.map { Line($0) }
    }

    /// What was recorded next. The model is told what brought it about, unless it has said it already.
    private mutating func expect(_ frame: ReceivedFrame, _ place: Int) {
        comparedCount += 1
        let recorded = Line(frame)
        if !sent.contains(recorded) { bringAbout(frame, place) }
        guard let found = sent.firstIndex(of: recorded) else {
            differences.append("record \(place): recorded \(recorded), sent \(sent)")
            return sent.removeAll()
        }
        sent.remove(at: found)
        highestSequence = max(highestSequence, frame.sequence)
    }

    private mutating func bringAbout(_ frame: ReceivedFrame, _ place: Int) {
        if case .register(let registration) = frame.report {
            begin(registration, frame, place)
        } else if let message = say(frame, place) {
            take([message])
        }
    }

    /// A new connection: of the same process, or of a new one, whose numbers begin anew.
    private mutating func begin(_ registration: Registration, _ frame: ReceivedFrame, _ place: Int) {
        if !isStarted || frame.sequence <= highestSequence {
            if !isStarted { agent = ReferenceAgent(hostname: registration.hostname) }
            isStarted = true
            agent.start()
            highestSequence = 0
            saidSequences = []
        } else {
            _ = agent.disconnect()
        }
        // What this process replays, on this connection or a later one, and had saved by now.
        let saved = later(than: place).filter {
            $0.sentAt < frame.sentAt && $0.sequence < frame.sequence && saidSequences.insert($0.sequence).inserted
        }
        for report in saved.sorted(by: { $0.sequence < $1.sequence }) { _ = say(report, place) }
        lose(before: frame.sequence, at: frame.sentAt, place)
        take([agent.register(at: frame.sentAt)])
    }

    /// Has the model say what was recorded, out of its own knowledge.
    ///
    /// - Returns: What it sends at once.
    private mutating func say(_ frame: ReceivedFrame, _ place: Int) -> [UInt8]? {
        lose(before: frame.sequence, at: frame.sentAt, place)
        switch frame.report {
        case .heartbeat: return agent.heartbeat(at: frame.sentAt)
        case .discovery: return agent.discover([], at: frame.sentAt)
        case .jobUpdate(let update):
            let text = Array(update.errorText.string.utf8)
            return number(of: update.run).flatMap { agent.finish($0, .failed(text), at: frame.sentAt) }
        case .completed(let completion):
            let ending = ReferenceAgent.Ending.completed(
                byteCount: completion.byteCount, digest: World.hexadecimal(completion.digest ?? []),
                durationMilliseconds: completion.durationMilliseconds, databaseVersion: completion.databaseVersion)
            return number(of: completion.run).flatMap { agent.finish($0, ending, at: frame.sentAt) }
        case .register, .health, .log, .restore, .acknowledgement, .other: return nil
        }
    }

    private func number(of run: WireRunID?) -> Int? {
        agent.work.filter { $0.value.order.runID == run?.text }.keys.min()
    }

    /// Draws numbers: of reports that were saved too late for this connection, and of messages that never came to the
    /// recorder.
    private mutating func lose(before sequence: UInt64, at moment: Timestamp, _ place: Int) {
        while true {
            var ahead = agent
            guard let next = Self.decode(ahead.register(at: moment))?.sequence, next < sequence else { return }
            if let late = later(than: place).first(where: { $0.sequence == next }), case .discovery = late.report,
                saidSequences.insert(next).inserted
            {
                _ = agent.discover([], at: late.sentAt, isLate: true)
            } else {
                agent = ahead
                lostCount += 1
            }
        }
    }

    /// What the present process says after a record.
    private func later(than place: Int) -> [ReceivedFrame] {
        var last = highestSequence
        return records[(place + 1)...].compactMap { Self.decode($0) }.prefix { frame in
            guard case .register = frame.report else { return true }
            defer { last = max(last, frame.sequence) }
            return frame.sequence > last
        }
    }
}
