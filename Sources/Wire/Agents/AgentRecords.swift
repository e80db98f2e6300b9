import Core
import Foundation
import SwiftProtobuf

extension RecordFleetSessionOpening {
    init(_ agent: AgentID, _ opening: SessionOpening) {
        self.init()
        self.agent = agent.text.string
        if let session = opening.session { self.session = session.text.string }
        remoteAddress = opening.remoteAddress.string
        extensions = opening.extensions.map(\.string)
        if let host = opening.hostname { hostname = host.string }
    }
}

extension SessionOpening {
    init(_ record: RecordFleetSessionOpening) {
        self.init(
            session: record.hasSession ? SessionID(Text(record.session)) : nil,
            remoteAddress: Text(record.remoteAddress), extensions: record.extensions.map(Text.init(_:)),
            hostname: record.hasHostname ? Text(record.hostname) : nil)
    }
}

extension RecordFleetReceivedFrame {
    init(_ agent: AgentID, _ frame: ReceivedFrame) {
        self.init()
        self.agent = agent.text.string
        if let session = frame.session { self.session = session.text.string }
        envelope = Data(frame.bytes)
        isReplayed = frame.isReplayed
        failure = UInt32(frame.failure?.rawValue ?? 0)
    }
}

extension ReceivedFrame {
    init(_ record: RecordFleetReceivedFrame) throws(RecordProblem) {
        let failure = record.failure == 0 ? nil : try FailureClass(record: record.failure)
        let session = record.hasSession ? SessionID(Text(record.session)) : nil
        guard
            let frame = ReceivedFrame(
                recorded: [UInt8](record.envelope), session: session, isReplayed: record.isReplayed, failure: failure)
        else { throw RecordProblem(text: "its frame is no envelope") }
        self = frame
    }
}

extension RecordFleetUnreadableFrame {
    init(_ agent: AgentID, _ frame: UnreadableFrame) {
        self.init()
        self.agent = agent.text.string
        isFromAgent = frame.isFromAgent
        byteCount = frame.byteCount
        start = Data(frame.start)
        problem = frame.problem.string
    }
}

extension UnreadableFrame {
    init(_ record: RecordFleetUnreadableFrame) {
        self.init(
            isFromAgent: record.isFromAgent, byteCount: record.byteCount, start: [UInt8](record.start),
            problem: Text(record.problem))
    }
}

extension RecordFleetAnomaly {
    init(_ anomaly: Anomaly) {
        self.init()
        agent = anomaly.agent.text.string
        kind = anomaly.kind.rawValue
        if let run = anomaly.run { self.run = run.text.string }
        detail = anomaly.detail.string
    }
}

extension Anomaly {
    init(_ record: RecordFleetAnomaly) throws(RecordProblem) {
        guard let kind = Kind(rawValue: record.kind) else { throw .unknown("kind of anomaly") }
        self.init(
            agent: AgentID(Text(record.agent)), kind: kind, run: record.hasRun ? RunID(Text(record.run)) : nil,
            detail: Text(record.detail))
    }
}

extension RecordFleetTimerKey {
    init(_ key: TimerKey) {
        self.init()
        self.key =
            switch key {
            case .silence(let agent): .silence(agent.text.string)
            case .claim(let agent): .claim(agent.text.string)
            case .run(let run): .run(run.text.string)
            case .retention(let job): .retention(job.text.string)
            case .leftovers(let run): .leftovers(run.text.string)
            case .deletion(let key): .deletion(RecordFleetAttempt(key.run, key.attempt))
            case .survey: .survey(RecordFleetNothing())
            case .window(let agent): .window(agent.text.string)
            case .starts: .starts(RecordFleetNothing())
            case .cancellation(let run): .cancellation(run.text.string)
            case .alert(let key): .alert(RecordFleetAlertReference(key))
            case .schedule(let job): .schedule(job.text.string)
            case .zone(let zone): .zone(zone.string)
            case .check(let check): .check(check.text.string)
            case .idempotency(let key):
                .idempotency(
                    .with {
                        $0.token = key.token.string
                        $0.key = key.key.string
                    })
            }
    }
}

extension TimerKey {
    init(_ record: RecordFleetTimerKey) throws(RecordProblem) {
        switch record.key {
        case .silence(let agent): self = .silence(AgentID(Text(agent)))
        case .run(let run): self = .run(RunID(Text(run)))
        case .retention(let job): self = .retention(JobID(Text(job)))
        case .leftovers(let run): self = .leftovers(RunID(Text(run)))
        case .deletion(let attempt): self = .deletion(attempt.key)
        case .survey: self = .survey
        case .window(let agent): self = .window(AgentID(Text(agent)))
        case .starts: self = .starts
        case .cancellation(let run): self = .cancellation(RunID(Text(run)))
        case .alert(let record): self = .alert(try AlertKey(record))
        case .schedule(let job): self = .schedule(JobID(Text(job)))
        case .zone(let zone): self = .zone(Text(zone))
        case .check(let check): self = .check(CheckID(Text(check)))
        case .claim(let agent): self = .claim(AgentID(Text(agent)))
        case .idempotency(let key): self = .idempotency(IdempotencyKey(token: Text(key.token), key: Text(key.key)))
        case nil: throw .unknown("deadline")
        }
    }
}
