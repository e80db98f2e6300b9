import Core
import HTTPTypes
import Hummingbird

extension Desk {
    /// What is kept and why, what a rule would delete, and locks.
    var retentionRoutes: [Route] {
        [
            Route(
                .get, "/v1/jobs/{id}/retention",
                Operation(
                    "The objects of a job, the newest first, with what keeps each.", query: .page,
                    result: .one("Retention")), handler: showRetention),
            Route(
                .post, "/v1/jobs/{id}/retention/preview", access: .role(.viewer),
                Operation(
                    "The same under a changed rule: what it would delete today. Changes nothing.", query: .page,
                    body: "RetentionPreview", result: .one("Retention")), handler: previewRetention),
            Route(
                .post, "/v1/runs/{id}/lock",
                Operation(
                    "Forbid everybody to delete a run's object, until a moment or until it is unlocked.",
                    body: "NewLock", result: .one("Lock")), handler: lockRun),
            Route(
                .delete, "/v1/runs/{id}/lock", access: .role(.admin),
                Operation("Unlock a run's object before its time.", success: 204), handler: unlockRun),
        ]
    }

    /// What a job's retention is judged by.
    private struct Shelf: Sendable {
        var moment: Timestamp
        var spec: JobSpec
        var objects: [KeptObject]
        var calendar: ZoneRules?
        var isHeld: Bool
        var lockMoment: Timestamp
    }

    private func showRetention(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        try retention(of: identifier(context), changing: [], Query(request, allowed: ["limit", "cursor"]))
    }

    private func previewRetention(
        _ request: Hummingbird.Request, _ context: FleetContext
    ) async throws -> Response {
        var body = try Body.parse(try await Body.bytes(of: request))
        let fields = try RetentionBody.fields(&body)
        try body.end()
        return try retention(of: identifier(context), changing: fields, Query(request, allowed: ["limit", "cursor"]))
    }

    private func retention(of id: JobID, changing fields: [JobField], _ query: Query) throws -> Response {
        let page = try Page(query, kind: "retention")
        let wall = now
        let known = services.state.read { state in
            state.jobs[id].map {
                let moment = state.moment(at: wall)
                return Shelf(
                    moment: moment, spec: $0.spec, objects: state.keptObjects(of: id), calendar: state.calendar(of: id),
                    isHeld: state.holdsRetention, lockMoment: state.lockMoment(at: moment))
            }
        }
        guard let known else { throw RESTError.unknown("job") }
        let moment = known.moment
        var spec = known.spec
        for field in fields { spec.set(field) }
        let (rule, objects) = (spec.retention, known.objects)
        // A rule that nobody has asked for yet may count days of a zone that the engine had no need to read.
        let oldest = objects.map(\.createdAt).min() ?? moment
        let zone =
            known.calendar
            ?? (rule.needsZone && !fields.isEmpty
                ? services.zones(spec.timeZone, oldest, (moment - oldest) + .hours(24)) : nil)
        // Judged outside, since the follower waits for its readers.
        let verdicts = rule.judge(objects, at: moment, in: zone)
        let expiring = verdicts.filter { $0.isExpired && $0.object.lock?.holds(at: known.lockMoment) != true }
        var start = 0
        if let after = page.after {
            guard let place = verdicts.firstIndex(where: { $0.object.run.text.string == after }) else {
                throw RESTError.field("cursor", "names an object that is gone; begin again without it")
            }
            start = place + 1
        }
        let shown = verdicts[start...].prefix(page.limit)
        let next =
            shown.endIndex < verdicts.endIndex
            ? shown.last.map { page.cursor(behind: $0.object.run.text.string) } : nil
        return .json([
            "job_id": .string(id.text.string), "retention_days": .integer(rule.days),
            "retention": RetentionJSON.rule(rule), "held": .bool(known.isHeld),
            "kept_count": .integer(verdicts.count - expiring.count),
            "expiring_count": .integer(expiring.count),
            "expiring_size_bytes": .integer(expiring.reduce(0 as UInt64) { $0 &+ $1.object.byteCount }),
            "items": .array(
                shown.map { RetentionJSON.verdict($0, rule, newest: verdicts.first?.object, at: known.lockMoment) }),
            "next_cursor": .optional(next), "has_more": .bool(next != nil),
        ])
    }

    private func lockRun(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await Body.bytes(of: request)
        var body = try Body.parse(bytes)
        let lock = try LockBody(&body)
        let run = try await run(context)
        try await refusePasswords(of: run.agent, in: [("reason", lock.reason)])
        let grant = try await ask(
            .lockRun(run.id, until: lock.until, reason: lock.reason), ticket(request, context, body: bytes))
        guard case .runLocked(let id, let lock) = grant.acceptance else { throw Self.otherAnswer }
        return .json([
            "run_id": .string(id.text.string), "until": Moment.json(lock.until),
            "reason": .string(lock.reason.string), "token": .string(lock.token.string),
            "set_at": Moment.json(lock.setAt),
        ])
    }

    private func unlockRun(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await emptyBody(request)
        let run = try await run(context)
        _ = try await ask(.unlockRun(run.id), ticket(request, context, body: bytes))
        return Response(status: .noContent)
    }

    /// What keeps the objects of runs; of those that have one.
    func keepings(of runs: [RunDetail]) -> [RunID: Keeping] {
        let wall = now
        struct Job: Sendable {
            var rule: RetentionRule?
            var objects: [KeptObject]
            var zone: ZoneRules?
        }
        let ids = runs.map { ($0.id, $0.job) }
        let (jobs, objects, moment, lockMoment) = services.state.read { state in
            var jobs: [JobID: Job] = [:]
            var objects: [RunID: (object: StoredObject, lock: ObjectLock?)] = [:]
            for (run, job) in ids {
                guard let object = state.objects[run] else { continue }
                objects[run] = (object, state.locks[run])
                guard jobs[job] == nil else { continue }
                let rule = state.jobs[job]?.spec.retention
                jobs[job] = Job(
                    rule: rule, objects: rule == nil ? [] : state.keptObjects(of: job), zone: state.calendar(of: job))
            }
            let moment = state.moment(at: wall)
            return (jobs, objects, moment, state.lockMoment(at: moment))
        }
        var verdicts: [RunID: RetentionVerdict] = [:]
        for job in jobs.values {
            for verdict in job.rule?.judge(job.objects, at: moment, in: job.zone) ?? [] {
                verdicts[verdict.object.run] = verdict
            }
        }
        return Dictionary(
            uniqueKeysWithValues: objects.map { run, known in
                let lock = known.lock.flatMap { $0.holds(at: lockMoment) ? $0 : nil }
                if jobs[known.object.job]?.rule == nil {
                    let end = known.object.keepUntil > moment ? known.object.keepUntil : nil
                    return (run, Keeping(words: end == nil ? ["no_rule"] : ["retention_days"], until: end, lock: lock))
                }
                return (
                    run, Keeping(words: verdicts[run]?.words ?? [], until: verdicts[run]?.keptUntil, lock: lock)
                )
            })
    }
}
