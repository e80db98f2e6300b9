import Core
import Digests
import Engine
import Foundation
import HTTPTypes
import Hummingbird
import Objects

extension Desk {
    /// How long download addresses and decryption tokens are good.
    static let validity = Milliseconds.minutes(15)

    /// Executions of jobs.
    var runRoutes: [Route] {
        let filters: [Operation.QueryParameter] = [
            .init("agent_id", "only runs of this agent"), .init("job_id", "only runs of this job"),
            .init("target_id", "only runs of this target"),
            .init("status", RunDetail.Status.allCases.map(\.rawValue).joined(separator: ", ")),
            .init("from", "created at or after this moment (RFC 3339)"),
            .init("to", "created before this moment (RFC 3339)"),
        ]
        return [
            Route(
                .get, "/v1/runs",
                Operation("Runs, the newest first.", query: filters + .page, result: .page("Run")), handler: listRuns),
            Route(.get, "/v1/runs/{id}", Operation("One run.", result: .one("Run")), handler: showRun),
            Route(
                .delete, "/v1/runs/{id}", access: .role(.admin),
                Operation(
                    "Delete a run's object and key; refused while retention or a lock holds it.", success: 202,
                    result: .one("RunReference")), handler: deleteRun),
            Route(
                .get, "/v1/runs/{id}/timeline",
                Operation("The run's entries in order, with causes.", query: .page, result: .page("Entry")),
                handler: timeline),
            Route(
                .post, "/v1/runs/{id}/cancel",
                Operation("Cancel a run.", body: "Nothing", success: 202, result: .one("RunReference")),
                handler: cancelRun),
            Route(
                .get, "/v1/runs/{id}/download-url", access: .role(.operator),
                Operation("An address of the encrypted object, good for 15 minutes.", result: .one("Download")),
                handler: downloadURL),
            Route(
                .post, "/v1/runs/{id}/decryption-token",
                Operation(
                    "A token that opens the object, good for 15 minutes; shown this once.", body: "Nothing",
                    result: .one("DecryptionToken")), handler: decryptionToken),
        ]
    }

    private func listRuns(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let members = ["agent_id", "job_id", "target_id", "status"]
        let query = try Query(request, allowed: members + ["from", "to", "limit", "cursor"])
        let page = try Page(query, kind: "runs")
        var wanted = DocumentQuery(collection: FleetProjection.runs, limit: page.limit)
        for member in members { if let value = query.filter(member) { wanted.matching[member] = value } }
        if let status = wanted.matching["status"], RunDetail.Status(rawValue: status) == nil {
            let words = RunDetail.Status.allCases.map(\.rawValue).joined(separator: ", ")
            throw RESTError.field("status", "must be one of \(words)")
        }
        wanted.createdFrom = try moment("from", query)
        wanted.createdTo = try moment("to", query)
        let (documents, next) = try await self.documents(wanted, on: page)
        return .json(Page.json(json(documents.compactMap(FleetProjection.detail)), next: next))
    }

    func moment(_ name: String, _ query: Query) throws(RESTError) -> Timestamp? {
        guard let text = query.filter(name) else { return nil }
        guard let moment = Moment.parse(text) else {
            throw .field(name, "must be a moment as RFC 3339 writes it, such as 2026-01-31T08:00:00Z")
        }
        return moment
    }

    private func showRun(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        .json(json([try await run(context)])[0])
    }

    private func timeline(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let run = try await run(context)
        return try await entries(of: .run(run.id), request, allowed: ["limit", "cursor"])
    }

    private func cancelRun(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await emptyBody(request)
        let run = try await run(context)
        _ = try await ask(.cancelRun(run.id), ticket(request, context, body: bytes))
        return .json(["run_id": .string(run.id.text.string)], status: .accepted)
    }

    private func deleteRun(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await emptyBody(request)
        let run = try await run(context)
        _ = try await ask(.deleteRun(run.id), ticket(request, context, body: bytes))
        return .json(["run_id": .string(run.id.text.string)], status: .accepted)
    }

    private func downloadURL(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let run = try await run(context)
        let attempt = services.state.read { state in
            state.objects[run.id].flatMap { $0.isBeingDeleted ? nil : $0.attempt }
        }
        guard let attempt, let name = ObjectName(Self.objectName(of: run, attempt)) else {
            throw RESTError(.conflict, "the run has no stored object")
        }
        let expiry = now + Self.validity
        let url = services.signer.downloadURL(
            for: name, expiresAtMilliseconds: UInt64(clamping: expiry.milliseconds))
        return .json(["url": .string(url), "expires_at": Moment.json(expiry)])
    }

    private func decryptionToken(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await emptyBody(request)
        let run = try await run(context)
        let grant = try await ask(.issueDecryptionToken(run.id), ticket(request, context, body: bytes))
        guard case .tokenIssued(_, let attempt) = grant.acceptance else { throw Self.otherAnswer }
        guard !grant.isRepeated else {
            return .json(["token": .null, "expires_at": Moment.json(grant.recordedAt + Self.validity)])
        }
        let (vault, wire) = (services.vault, WireRunID(run.id, attempt).text.string)
        guard let key = try await blocking({ try vault.reveal("key:\(wire)") }) else {
            throw RESTError(.conflict, "the object's key has been deleted; nothing can open it any more")
        }
        let issued = now.milliseconds / 1_000
        let expiry = issued + Self.validity.count / 1_000
        let token = DecryptionToken(
            subject: context.token.string, issuedAtSeconds: issued, expiresAtSeconds: expiry,
            runID: run.id.text.string, dataKey: key, sha256: run.digest.flatMap { Digest(hex: $0.string) })
        return .json([
            "token": .string(token.signed(with: services.tokenKey)),
            "expires_at": Moment.json(Timestamp(milliseconds: expiry * 1_000)),
        ])
    }

    /// The run that the path names. A captured run's id may have any form.
    func run(_ context: FleetContext) async throws -> RunDetail {
        guard let id = context.parameters.get("id")?.removingPercentEncoding, id.utf8.count <= 200 else {
            throw RESTError.unknown("run")
        }
        let views = services.views
        let document = try await blocking { try views.document(id, in: FleetProjection.runs) }
        guard let run = document.flatMap(FleetProjection.detail) else { throw RESTError.unknown("run") }
        return run
    }

    /// The runs as they are shown. What an open one does or waits for, and what keeps an object, is asked of the state, once
    /// for all of them.
    private func json(_ runs: [RunDetail]) -> [JSON] {
        let keepings = keepings(of: runs)
        guard runs.contains(where: \.isOpen) else { return runs.map { json($0, keepings[$0.id], waitingFor: nil) } }
        let moment = now
        let (waits, current) = services.state.read { state in
            var waits: [RunID: Fleet.Wait] = [:]
            for run in runs where run.status == .queued {
                waits[run.id] = Fleet.wait(of: run.id, at: moment, in: state)
            }
            return (waits, runs.map { $0.brought(upTo: state) })
        }
        return current.map { json($0, keepings[$0.id], waitingFor: waits[$0.id]) }
    }

    private func json(_ run: RunDetail, _ keeping: Keeping?, waitingFor wait: Fleet.Wait?) -> JSON {
        // Names of our own objects are made by us, whatever an agent echoes.
        var name = run.claim?.objectName.string
        if !run.isCaptured, run.byteCount != nil {
            name = Self.objectName(of: run, Attempt(run.provenAttempt ?? run.attempt))
        }
        return RunJSON.run(run, objectName: name, keeping, waitingFor: wait)
    }

    private static func objectName(of run: RunDetail, _ attempt: Attempt) -> String {
        ObjectNames.name(agent: run.agent, job: run.job, run: run.id, attempt: attempt).string
    }
}

/// Runs as the interface shows them.
enum RunJSON {
    static func run(_ run: RunDetail, objectName: String?, _ keeping: Keeping?, waitingFor wait: Fleet.Wait?) -> JSON {
        let claim = run.claim
        return [
            "id": .string(run.id.text.string),
            "job_id": .string(run.job.text.string),
            "agent_id": .string(run.agent.text.string),
            "target_id": AgentJSON.text(run.target.text),
            "status": .string(run.status.rawValue),
            "waiting_for": .optional(wait?.rawValue),
            "attempt": .integer(run.attempt),
            "next_attempt_at": Moment.json(run.nextAttemptAt),
            "attempts": .array(run.tries.map(attempt)),
            "cancellation": .optional(run.cancellation?.rawValue),
            "manual_trigger": .bool(run.isManual),
            "progress_percent": .integer(run.progressPercent),
            "current_step": AgentJSON.text(run.currentStep),
            "error_message": AgentJSON.text(run.errorText),
            "error_class": AgentJSON.text(run.errorClass),
            "evidence": run.proof.map {
                ["object": .string($0.object.string), "digest": .string($0.digest.string)]
            } ?? .null,
            "s3_key": .optional(objectName),
            "size_bytes": .integer(run.byteCount),
            "sha256": AgentJSON.text(run.digest),
            "duration_ms": .integer(claim?.durationMilliseconds),
            "compression": AgentJSON.text(claim?.compression),
            "db_engine_version": AgentJSON.text(claim?.databaseVersion),
            "kept_by": keeping.map { .array($0.words.map(JSON.string)) } ?? .null,
            "kept_until": Moment.json(keeping?.until),
            "locked": keeping?.lock.map(RetentionJSON.lock) ?? .null,
            "object_deleted_at": Moment.json(run.deletedAt),
            "object_deleted_reason": AgentJSON.text(run.deletionReason),
            "created_at": Moment.json(run.createdAt),
            "started_at": Moment.json(run.startedAt),
            "finished_at": Moment.json(run.finishedAt),
            "position": .integer(run.createdPosition),
            "slot": AgentJSON.text(run.slot),
        ]
    }

    private static func attempt(_ attempt: RunDetail.Try) -> JSON {
        [
            "number": .integer(attempt.number), "started_at": Moment.json(attempt.startedAt),
            "ended_at": Moment.json(attempt.endedAt), "error_class": AgentJSON.text(attempt.errorClass),
            "error_message": AgentJSON.text(attempt.errorText),
        ]
    }
}
