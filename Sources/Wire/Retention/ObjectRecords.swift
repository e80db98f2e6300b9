import Core
import SwiftProtobuf

extension RecordFleetKeep {
    init(_ part: RetentionRule.Count, _ count: UInt32) {
        self.init()
        self.part = UInt32(part.rawValue)
        self.count = count
    }
}

extension RetentionRule.Count {
    init(_ record: RecordFleetKeep) throws(RecordProblem) {
        guard let number = UInt8(exactly: record.part), let part = Self(rawValue: number) else {
            throw .unknown("part of a retention")
        }
        self = part
    }
}

extension RecordFleetObject {
    init(_ object: ObjectReference) {
        self.init()
        agent = object.agent.text.string
        job = object.job.text.string
        run = object.run.text.string
        attempt = object.attempt.number
    }
}

extension ObjectReference {
    init(_ record: RecordFleetObject) {
        self.init(
            agent: AgentID(Text(record.agent)), job: JobID(Text(record.job)), run: RunID(Text(record.run)),
            attempt: Attempt(record.attempt))
    }
}

extension RecordFleetObjectDecision {
    init(_ object: ObjectReference, _ decision: ObjectDecision) {
        self.init()
        self.object = RecordFleetObject(object)
        self.decision =
            switch decision {
            case .expired(let reason): .expired(reason.string)
            case .orphaned(let reason): .orphaned(reason.rawValue)
            case .vanished: .vanished(RecordFleetNothing())
            case .returned: .returned(RecordFleetNothing())
            }
    }
}

extension ObjectDecision {
    init(_ record: RecordFleetObjectDecision) throws(RecordProblem) {
        switch record.decision {
        case .expired(let reason): self = .expired(reason: Text(reason))
        case .orphaned(let word):
            guard let reason = OrphanReason(rawValue: word) else { throw .unknown("reason of an orphan") }
            self = .orphaned(reason)
        case .vanished: self = .vanished
        case .returned: self = .returned
        case nil: throw .unknown("decision about an object")
        }
    }
}

extension RecordFleetSurvey {
    init(_ survey: Survey) {
        self.init()
        objectCount = survey.objectCount
        byteCount = survey.byteCount
        foreignCount = survey.foreignCount
        strangerCount = survey.strangerCount
        unowned = survey.unowned.map(RecordFleetObject.init(_:))
        missing = survey.missing.map { RecordFleetAttempt($0.run, $0.attempt) }
        returned = survey.returned.map { RecordFleetAttempt($0.run, $0.attempt) }
        isCut = survey.isCut
    }
}

extension Survey {
    init(_ record: RecordFleetSurvey) {
        self.init()
        objectCount = record.objectCount
        byteCount = record.byteCount
        foreignCount = record.foreignCount
        strangerCount = record.strangerCount
        unowned = record.unowned.map(ObjectReference.init(_:))
        missing = record.missing.map(\.key)
        returned = record.returned.map(\.key)
        isCut = record.isCut
    }
}

extension RecordFleetAttempt {
    var key: ObjectKey { ObjectKey(run: runID, attempt: number) }
}

extension RecordFleetLock {
    init(_ run: RunID, until: Timestamp?, reason: Text) {
        self.init()
        self.run = run.text.string
        if let until { untilMs = until.milliseconds }
        self.reason = reason.string
    }

    init(_ run: RunID, _ lock: ObjectLock) {
        self.init(run, until: lock.until, reason: lock.reason)
        token = lock.token.string
        setAtMs = lock.setAt.milliseconds
    }

    var runID: RunID { RunID(Text(run)) }
    var until: Timestamp? { hasUntilMs ? Timestamp(milliseconds: untilMs) : nil }
}

extension ObjectLock {
    init(_ record: RecordFleetLock) {
        self.init(
            until: record.until, reason: Text(record.reason), token: Text(record.token),
            setAt: Timestamp(milliseconds: record.setAtMs))
    }
}
