extension Fleet {
    /// Lets go of what no part of a job's retention keeps, the oldest first.
    static func expire(_ id: JobID, at moment: Timestamp, in state: borrowing State) -> [Message] {
        guard let rule = state.jobs[id]?.spec.retention else { return [] }
        let verdicts = rule.judge(state.keptObjects(of: id), at: moment, in: state.calendar(of: id))
        let newest = verdicts.first?.object
        var messages: [Message] = []
        for verdict in verdicts.reversed() where verdict.isExpired {
            let object = verdict.object
            guard object.lock?.holds(at: state.lockMoment(at: moment)) != true, let owner = state.objects[object.run]
            else { continue }
            if messages.count == Limits.expirations { break }
            messages.append(
                .object(owner.reference(of: object.run), .expired(reason: rule.reason(against: object, newest: newest)))
            )
        }
        return messages
    }

    /// The attempts of a closed run that did not make the object of its success.
    static func orphanLeftovers(of id: RunID, in state: borrowing State) -> [Message] {
        guard let run = state.runs[id], case .closed(let verdict) = run.phase else { return [] }
        var good = Attempt.none
        if case .success(let attempt, _) = verdict { good = attempt }
        return run.leftovers(good: good).map { attempt in
            let reference = ObjectReference(agent: run.order.agent, job: run.order.job, run: id, attempt: attempt)
            return .object(reference, .orphaned(good == .none ? .failed : .replaced))
        }
    }

    /// What a survey has found, as far as it is still so.
    static func follow(_ survey: Survey, in state: borrowing State) -> [Message] {
        var messages: [Message] = []
        for object in survey.unowned.prefix(Survey.limit) where state.isUnowned(object) {
            messages.append(.object(object, .orphaned(.unowned)))
        }
        for (keys, decision) in [(survey.missing, ObjectDecision.vanished), (survey.returned, .returned)] {
            for key in keys.prefix(Survey.limit) {
                guard let object = state.objects[key.run], object.attempt == key.attempt, !object.isBeingDeleted,
                    object.isVanished == (decision == .returned)
                else { continue }
                messages.append(.object(object.reference(of: key.run), decision))
            }
        }
        return messages
    }

    /// Why a person may not delete a run's object now; nil when they may.
    static func obstacle(
        toDeleting id: RunID, _ object: StoredObject, at moment: Timestamp, in state: borrowing State
    ) -> Refusal? {
        if let lock = state.locks[id], lock.holds(at: state.lockMoment(at: moment)) {
            var end = lock.until.map { "until \($0.text)" } ?? "until an admin unlocks it"
            if state.lockLead.count > 0 {
                end += ", by a clock that the log is \(state.lockLead.count / 1_000) s ahead of"
            }
            return Refusal(
                code: .precondition, text: Text("the object is locked \(end): \(lock.reason)"))
        }
        guard let rule = state.jobs[object.job]?.spec.retention else {
            return moment < object.keepUntil
                ? Refusal(
                    code: .precondition,
                    text: Text("retention_days of the deleted job holds the object until \(object.keepUntil.text)"))
                : nil
        }
        guard
            let verdict = rule.judge(
                state.keptObjects(of: object.job), at: moment, in: state.calendar(of: object.job)
            ).first(where: { $0.object.run == id })
        else { return nil }
        return verdict.hold(of: rule).map {
            Refusal(code: .precondition, text: Text("retention holds the object: \($0)"))
        }
    }
}

extension RetentionVerdict {
    /// What forbids a person to delete it, with dates where there are any; nil when nothing does. A minimum that nobody
    /// has set holds against retention only.
    func hold(of rule: RetentionRule) -> String? {
        var parts = counts.filter { $0 != .minimum || rule[.minimum] > 0 }.map {
            "\($0.word) \(rule[$0]) until newer backups take its place"
        }
        if let keptUntil { parts.append("retention_days \(rule.days) until \(keptUntil.text)") }
        if parts.isEmpty, isZoneUnread { return "its job's time_zone has not been read yet" }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}

extension Fleet.State {
    /// Whether no run, open or with this object, owns what a survey has found.
    public func isUnowned(_ object: ObjectReference) -> Bool {
        if deletions.contains(object.key) { return false }
        if let owner = objects[object.run],
            owner.agent != object.agent || owner.job != object.job || owner.attempt == object.attempt
        {
            return false
        }
        guard let run = runs[object.run] else { return true }
        // Of a run that is known, the leftovers are looked after once its grace is over.
        return !run.isOpen && timers.due(.leftovers(object.run)) == nil && run.order.agent == object.agent
            && run.order.job == object.job
    }
}
