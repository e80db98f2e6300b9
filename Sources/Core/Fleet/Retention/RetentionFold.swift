// What becomes of objects: shelved with their run's success, let go by retention, orphaned, surveyed, deleted.
extension Fleet.State {
    /// The good backups of a job that are there and stay for now, in no particular order.
    public func keptObjects(of job: JobID) -> [KeptObject] {
        (shelves[job] ?? []).compactMap { run in
            guard let object = objects[run], !object.isBeingDeleted, !object.isVanished else { return nil }
            return KeptObject(
                run: run, attempt: object.attempt, createdAt: object.createdAt, storedAt: object.storedAt,
                byteCount: object.byteCount, lock: locks[run])
        }
    }

    /// The runs of a job whose objects a survey has not found in the store, and that are not being deleted.
    func vanishedObjects(of job: JobID) -> [RunID] {
        (shelves[job] ?? []).filter { objects[$0]?.isVanished == true && objects[$0]?.isBeingDeleted == false }
    }

    /// What a run leaves behind in the store once it has its verdict: the object of its success, and what its other
    /// attempts may have put there.
    mutating func settleObjects(of id: RunID, _ verdict: Verdict, _ entry: Entry<Fleet.Message>) {
        guard let run = runs[id], run.isOpen, !run.isCaptured else { return }
        var good = Attempt.none
        if case .success(let attempt, let evidence) = verdict {
            good = attempt
            if !objects.contains(id) { shelves[run.order.job, default: []].append(id) }
            objects[id] = StoredObject(
                agent: run.order.agent, job: run.order.job, attempt: attempt, byteCount: evidence.byteCount,
                createdAt: run.createdAt, storedAt: entry.recordedAt,
                keepUntil: entry.recordedAt + .hours(24 * Int64(run.order.retentionDays)))
            review(run.order.job, entry)
        }
        if !run.leftovers(good: good).isEmpty {
            timers.arm(.leftovers(id), due: entry.recordedAt + Fleet.Limits.leftovers, by: entry.position)
        }
    }

    /// A job's objects are judged anew at once: another backup, another rule, a lock less.
    mutating func review(_ job: JobID, _ entry: Entry<Fleet.Message>) {
        guard jobs[job]?.spec.retention.keepsAll == false else { return timers.disarm(.retention(job)) }
        timers.arm(.retention(job), due: entry.recordedAt, by: entry.position)
    }

    /// A job's objects are judged. What is let go of is decided from the change; here is only when to look again.
    mutating func reviewed(_ job: JobID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard let rule = jobs[job]?.spec.retention, !rule.keepsAll else { return [] }
        let now = entry.recordedAt
        // A clock that nobody has confirmed lets nothing grow too old.
        guard !holdsRetention else {
            timers.arm(.retention(job), due: now + Fleet.Limits.review, by: entry.position)
            return []
        }
        var expiredCount = 0
        var next: Timestamp?
        let calendar = calendar(of: job)
        for verdict in rule.judge(keptObjects(of: job), at: now, in: calendar) {
            var moment: Timestamp?
            if let lock = verdict.object.lock, lock.holds(at: lockMoment(at: now)) {
                moment = lock.until.map { $0 + lockLead }
            } else if verdict.isExpired {
                expiredCount += 1
            } else if verdict.counts.isEmpty {
                moment = verdict.keptUntil
            }
            if let moment { next = min(next ?? moment, moment) }
        }
        if expiredCount > Fleet.Limits.expirations {
            timers.arm(.retention(job), due: now + .minutes(1), by: entry.position)
        } else if let next {
            timers.arm(.retention(job), due: max(next, now + Fleet.Limits.review), by: entry.position)
        }
        // Read for a schedule, a zone may not reach back to the oldest backup: what only days keep stays until it does.
        var changes: [Fleet.Change] = []
        if rule.needsZone, calendar == nil, let zone = jobs[job]?.spec.timeZone, zones[zone]?.isAsked == false {
            changes = [.zone(zone)]
        }
        return expiredCount > 0 ? changes + [.retention(job)] : changes
    }

    mutating func fold(
        _ decision: ObjectDecision, of object: ObjectReference, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        let id = object.run
        let isGood = objects[id]?.attempt == object.attempt
        switch decision {
        case .expired:
            return isGood ? beginDeletion(of: object) : []
        case .orphaned:
            return isGood ? [] : beginDeletion(of: object)
        case .vanished:
            guard isGood, objects[id]?.isVanished == false else { return [] }
            objects[id]?.isVanished = true
            return [.vanished(id)]
        case .returned:
            guard isGood, objects[id]?.isVanished == true else { return [] }
            objects[id]?.isVanished = false
            review(object.job, entry)
            return [.vanished(id)]
        }
    }

    /// - Returns: Nothing when it is being deleted already.
    mutating func beginDeletion(of object: ObjectReference) -> [Fleet.Change] {
        guard object.attempt > .none, !deletions.contains(object.key) else { return [] }
        deletions[object.key] = Deletion(agent: object.agent, job: object.job)
        if objects[object.run]?.attempt == object.attempt { objects[object.run]?.isBeingDeleted = true }
        let alert = AlertKey(.objectVanished, object.job)
        let isOver = alerts.contains(alert) && vanishedObjects(of: object.job).isEmpty
        return [.deletion(object.key)] + (isOver ? [.alert(alert)] : [])
    }

    /// The outcome of `delete`. What was not deleted is tried again, ever less often, for as long as it takes.
    mutating func deletionEnded(
        _ key: ObjectKey, _ result: CommandOutcome.Result, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard result == .done else {
            guard let count = deletions[key]?.failureCount else { return [] }
            deletions[key]?.failureCount = count &+ 1
            if let wait = deletions[key]?.wait {
                timers.arm(.deletion(key), due: entry.recordedAt + wait, by: entry.position)
            }
            return []
        }
        deletions[key] = nil
        timers.disarm(.deletion(key))
        guard let object = objects[key.run], object.attempt == key.attempt else { return [] }
        objects[key.run] = nil
        locks[key.run] = nil
        shelves[object.job]?.removeAll { $0 == key.run }
        if shelves[object.job]?.isEmpty == true { shelves[object.job] = nil }
        return []
    }

    /// The outcome of `survey`.
    mutating func surveyed(_ result: CommandOutcome.Result, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard case .surveyed(let survey) = result else {
            timers.arm(.survey, due: entry.recordedAt + Fleet.Limits.surveyRetry, by: entry.position)
            return []
        }
        if survey.isCut {
            timers.arm(.survey, due: entry.recordedAt + Fleet.Limits.surveyDelay, by: entry.position)
        }
        return [.surveyed(survey)]
    }

    /// A survey is due a little after each start, and each day.
    mutating func planSurvey(after delay: Milliseconds, _ entry: Entry<Fleet.Message>) {
        guard agents.idsByCreation.contains(where: { agents[$0]?.isCaptured == false }) else { return }
        timers.arm(.survey, due: entry.recordedAt + delay, by: entry.position)
    }

    /// From the first start of rules that count days by a job's zone on, the zones of all such jobs are known or asked for.
    mutating func startCalendars(_ start: EngineStart, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard start.rules >= Fleet.Limits.firstRulesWithCalendars else { return [] }
        var wanted = Table<Text, Bool>()
        for job in jobs.idsByCreation {
            guard let spec = jobs[job]?.spec, spec.retention.needsZone else { continue }
            _ = want(spec.timeZone)
            // What the command of an earlier process is to find comes yet; earlier rules may never have asked.
            if let zone = zones[spec.timeZone], zone.rules == nil, !zone.isAsked { wanted[spec.timeZone] = true }
        }
        return wanted.idsByCreation.map { .zone($0) }
    }

    /// Sees to it that the zone is known whose days a job's retention counts.
    mutating func wantCalendar(of job: JobID) -> [Fleet.Change] {
        guard let spec = jobs[job]?.spec, spec.retention.needsZone else { return [] }
        return want(spec.timeZone)
    }

    /// The rules of a job's zone, on whose clock its schedule is read; nil while they are not known.
    public func zoneRules(of job: JobID) -> ZoneRules? { jobs[job].flatMap { rules(of: $0.spec.timeZone) } }

    mutating func lock(_ id: RunID, _ lock: ObjectLock) {
        guard objects.contains(id) else { return }
        locks[id] = lock
    }

    mutating func unlock(_ id: RunID, _ entry: Entry<Fleet.Message>) {
        locks[id] = nil
        if let job = objects[id]?.job { review(job, entry) }
    }
}

extension Run {
    /// The attempts that may have put something into the store, but for the one that made the object of a success.
    func leftovers(good: Attempt) -> [Attempt] {
        let last = min(attempt.number, Fleet.Limits.leftoverCount)
        return last == 0 ? [] : (1...last).map { Attempt($0) }.filter { $0 != good }
    }
}
