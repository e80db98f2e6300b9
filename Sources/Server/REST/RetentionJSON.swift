import Core

/// What keeps a run's object.
struct Keeping: Sendable {
    /// The words of the parts of a rule that keep it; `no_rule` where its job deletes nothing by itself.
    var words: [String]
    /// Until when its age keeps it.
    var until: Timestamp?
    /// What forbids its deletion.
    var lock: ObjectLock?
}

/// Retention, locks, and decisions about objects, in a form that people read.
enum RetentionJSON {
    /// The counting parts of a rule.
    static func rule(_ rule: RetentionRule) -> JSON {
        .object(
            RetentionRule.Count.allCases.map { part in
                .init(part.word, .integer(part == .minimum ? rule.minimumCount : rule[part]))
            })
    }

    static func lock(_ lock: ObjectLock) -> JSON {
        [
            "until": Moment.json(lock.until), "reason": MessageJSON.text(lock.reason),
            "token": MessageJSON.text(lock.token), "set_at": Moment.json(lock.setAt),
        ]
    }

    static func key(_ key: ObjectKey) -> JSON {
        ["run_id": MessageJSON.id(key.run), "attempt": .integer(key.attempt.number)]
    }

    static func decision(_ decision: ObjectDecision, about object: ObjectReference) -> JSON {
        let reason: JSON =
            switch decision {
            case .expired(let reason): MessageJSON.text(reason)
            case .orphaned(let reason): .string(reason.rawValue)
            case .vanished, .returned: .null
            }
        return [
            "run_id": MessageJSON.id(object.run), "attempt": .integer(object.attempt.number),
            "object": MessageJSON.text(object.name), "decision": .string(decision.word), "reason": reason,
        ]
    }

    static func survey(_ survey: Survey) -> JSON {
        [
            "type": "surveyed", "object_count": .integer(survey.objectCount), "size_bytes": .integer(survey.byteCount),
            "foreign_count": .integer(survey.foreignCount), "stranger_count": .integer(survey.strangerCount),
            "unowned": MessageJSON.texts(survey.unowned.map(\.name)), "missing": .array(survey.missing.map(key)),
            "returned": .array(survey.returned.map(key)), "cut": .bool(survey.isCut),
        ]
    }

    /// One object under a rule.
    ///
    /// - Parameter moment: By which locks are judged.
    static func verdict(_ verdict: RetentionVerdict, _ rule: RetentionRule, newest: KeptObject?, at moment: Timestamp)
        -> JSON
    {
        let object = verdict.object
        let lock = object.lock.flatMap { $0.holds(at: moment) ? $0 : nil }
        let reason = verdict.isExpired ? rule.reason(against: object, newest: newest) : nil
        return [
            "run_id": MessageJSON.id(object.run), "attempt": .integer(object.attempt.number),
            "created_at": Moment.json(object.createdAt), "stored_at": Moment.json(object.storedAt),
            "size_bytes": .integer(object.byteCount), "kept_by": .array(verdict.words.map(JSON.string)),
            "kept_until": Moment.json(verdict.keptUntil), "locked": lock.map(Self.lock) ?? .null,
            "expires": .bool(verdict.isExpired && lock == nil), "reason": AgentJSON.text(reason),
        ]
    }
}
