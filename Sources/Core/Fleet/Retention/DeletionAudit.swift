/// Whether each deletion on a log has its reason, and takes nothing that must be kept (invariant 10).
///
/// It shares periods, zones and the times of objects with what it checks, and judges by itself: each object alone, in
/// quadratic time. For tests, simulations and
/// whoever wants to check a log.
public struct DeletionAudit: Sendable {
    /// Objects with a recorded reason to go, until they are gone.
    private var reasons = Table<ObjectKey, Bool>()

    /// Nothing seen.
    public init() {}

    /// Looks at an entry in the state just before it.
    ///
    /// - Returns: What is wrong with it; nil when nothing is.
    public mutating func check(_ entry: Entry<Fleet.Message>, in state: borrowing Fleet.State) -> Text? {
        switch entry.message {
        case .object(let object, .expired(let reason)):
            if reason.isEmpty { return Text("\(object.name) is let go without a reason") }
            reasons[object.key] = true
            return Self.keeper(of: object, at: entry.recordedAt, in: state).map {
                Text("\(object.name) is let go, and \($0)")
            }
        case .object(let object, .orphaned):
            reasons[object.key] = true
            if state.objects[object.run]?.attempt == object.attempt {
                return Text("\(object.name) is called an orphan, and is the object of a success")
            }
            return state.runs[object.run]?.isOpen == true
                ? Text("\(object.name) is called an orphan, and its run is open") : nil
        case .accepted(.runDeletionRequested(let id), _):
            guard let object = state.objects[id] else {
                return Text("the deletion of \(id) is granted, and it has no object")
            }
            reasons[ObjectKey(run: id, attempt: object.attempt)] = true
            return Self.lock(on: id, at: entry.recordedAt, in: state)
        case .command(.delete(let id, let attempt)):
            guard reasons.contains(ObjectKey(run: id, attempt: attempt)) else {
                return Text("attempt \(attempt) of \(id) is deleted without a reason")
            }
            guard state.objects[id]?.attempt == attempt else { return nil }
            return Self.lock(on: id, at: entry.recordedAt, in: state)
        case .outcome(let outcome):
            guard case .delete(let id, let attempt) = outcome.command, outcome.result == .done else { return nil }
            reasons[ObjectKey(run: id, attempt: attempt)] = nil
            return nil
        case .started, .clockStepped, .disk, .faulted, .captureOpened, .sessionOpened, .sessionClosed, .received,
            .captured,
            .unreadable, .requested, .accepted, .refused, .deadline, .presence, .noted, .decided, .object, .judged,
            .alerted,
            .scheduled, .command:
            return nil
        }
    }

    private static func lock(on id: RunID, at moment: Timestamp, in state: borrowing Fleet.State) -> Text? {
        guard Self.isLocked(id, at: moment, in: state) else { return nil }
        return Text("the object of \(id) is deleted, and is locked")
    }

    private static func isLocked(_ id: RunID, at moment: Timestamp, in state: borrowing Fleet.State) -> Bool {
        guard let lock = state.locks[id] else { return false }
        return lock.until.map { moment < $0 + state.lockLead } ?? true
    }

    /// What keeps an object; nil when nothing does.
    private static func keeper(
        of reference: ObjectReference, at moment: Timestamp, in state: borrowing Fleet.State
    ) -> String? {
        let id = reference.run
        guard let object = state.objects[id], object.attempt == reference.attempt else {
            return "is not the object of a success"
        }
        if Self.isLocked(id, at: moment, in: state) { return "is locked" }
        if state.holdsRetention { return "the clock is in doubt" }
        guard let rule = state.jobs[object.job]?.spec.retention else { return "its job is gone" }
        var others: [StoredObject] = []
        state.objects.forEach { other, value in
            guard other != id, value.job == object.job, !value.isBeingDeleted, !value.isVanished else { return }
            if (value.createdAt, other) > (object.createdAt, id) { others.append(value) }
        }
        return rule.keeper(of: object, newer: others, at: moment, in: state.calendar(of: object.job))
    }
}

extension RetentionRule {
    /// The part that keeps an object, given all that are newer; nil when none does.
    fileprivate func keeper(
        of object: StoredObject, newer: [StoredObject], at moment: Timestamp, in zone: ZoneRules?
    ) -> String? {
        if newer.isEmpty { return "it is the last good backup" }
        if newer.count < Int(self[.minimum]) { return "minimum keeps it" }
        if days == 0, [.last, .hourly, .daily, .weekly, .monthly, .yearly].allSatisfy({ self[$0] == 0 }) {
            return "its job has no rule"
        }
        if newer.count < Int(self[.last]) { return "keep_last keeps it" }
        if days > 0, moment - object.storedAt < .hours(24 * Int64(days)) { return "retention_days keeps it" }
        for part in [Count.hourly, .daily, .weekly, .monthly, .yearly] where self[part] > 0 {
            guard let shown = part.period(of: object.createdAt, in: zone) else { return "the job's zone is not known" }
            let periods = newer.compactMap { part.period(of: $0.createdAt, in: zone) }.sorted()
            let own = min(shown, periods.first ?? shown)  // a day that a clock shows twice is one
            if periods.contains(own) { continue }
            var distinctCount = 0
            for (place, period) in periods.enumerated() where place == 0 || periods[place - 1] != period {
                distinctCount += 1
            }
            if distinctCount < Int(self[part]) { return "\(part.word) keeps it" }
        }
        return nil
    }
}
