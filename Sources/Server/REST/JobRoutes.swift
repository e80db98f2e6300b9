import Core
import HTTPTypes
import Hummingbird

extension Desk {
    /// What to back up and when.
    var jobRoutes: [Route] {
        [
            Route(
                .get, "/v1/agents/{id}/jobs", Operation("An agent's jobs.", query: .page, result: .page("Job")),
                handler: listJobs),
            Route(
                .post, "/v1/agents/{id}/jobs",
                Operation("Add a job.", body: "NewJob", success: 201, result: .one("Job")), handler: createJob),
            Route(
                .get, "/v1/jobs/{id}",
                Operation("One job, with its next time and its last.", result: .one("JobWithTimes")), handler: showJob),
            Route(
                .patch, "/v1/jobs/{id}",
                Operation("Change a job.", body: "JobChange", result: .one("Job"), hasRevision: true),
                handler: changeJob),
            Route(
                .delete, "/v1/jobs/{id}",
                Operation("Forget a job; its runs stay.", success: 204, hasRevision: true),
                handler: deleteJob),
            Route(
                .post, "/v1/jobs/{id}/run",
                Operation("Run a job now.", body: "Nothing", success: 202, result: .one("RunReference")),
                handler: runJob),
        ]
    }

    private func listJobs(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        let agent: AgentID = try identifier(context)
        try self.agent(agent) { _ in }
        let page = try Page(Query(request, allowed: ["limit", "cursor"]), kind: "jobs")
        let own = services.state.read { state in
            state.jobs.idsByCreation.filter { state.jobs[$0]?.agent == agent }
        }
        let (ids, next) = page.select(own)
        let items = services.state.read { state in
            ids.compactMap { id in state.jobs[id].map { ConfigurationJSON.job(id, $0) } }
        }
        return .json(Page.json(items, next: next))
    }

    private func createJob(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let agent: AgentID = try identifier(context)
        let bytes = try await Body.bytes(of: request)
        var body = try Body.parse(bytes)
        let target = try body.text("target_id", byteLimit: 200) ?? ""
        let fields = try JobBody.fields(&body)
        guard !target.isEmpty else { throw RESTError.field("target_id", "is needed: the target to back up") }
        guard Body.isIdentifier(target.string, of: TargetID.self) else {
            throw RESTError.field("target_id", "must be a target of the same agent")
        }
        try await refusePasswords(of: agent, in: JobBody.texts(of: fields))
        let grant = try await ask(
            .createJob(JobID(bits: Self.bits), agent, TargetID(target), fields), ticket(request, context, body: bytes))
        guard case .jobCreated(let id, let agent, let target, let spec) = grant.acceptance else {
            throw Self.otherAnswer
        }
        let revision = grant.position
        return .json(
            ConfigurationJSON.job(id, agent, target, spec, revision: revision), revision: revision, status: .created)
    }

    private func showJob(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let id: JobID = try identifier(context)
        guard let job = services.state.read({ $0.jobs[id] }) else { throw RESTError.unknown("job") }
        guard case .object(let members) = ConfigurationJSON.job(id, job) else { throw Self.otherAnswer }
        return .json(.object(members + (try await times(of: id))), revision: job.position)
    }

    private func changeJob(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let id: JobID = try identifier(context)
        let bytes = try await Body.bytes(of: request)
        var body = try Body.parse(bytes)
        let fields = try JobBody.fields(&body)
        try await refusePasswords(of: services.state.read { $0.jobs[id]?.agent }, in: JobBody.texts(of: fields))
        let ticket = try ticket(request, context, body: bytes)
        if fields.isEmpty {
            try ticket.check(services.state.read { $0.jobs[id]?.position })
        } else {
            _ = try await ask(.changeJob(id, fields), ticket)
        }
        return try job(id)
    }

    private func deleteJob(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await emptyBody(request)
        _ = try await ask(.deleteJob(identifier(context)), ticket(request, context, body: bytes))
        return Response(status: .noContent)
    }

    private func runJob(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await emptyBody(request)
        let grant = try await ask(
            .runJob(RunID(bits: Self.bits), identifier(context)), ticket(request, context, body: bytes))
        guard case .runQueued(let run, _) = grant.acceptance else { throw Self.otherAnswer }
        return .json(["run_id": .string(run.text.string)], status: .accepted)
    }

    private func job(_ id: JobID) throws(RESTError) -> Response {
        guard let job = services.state.read({ $0.jobs[id] }) else { throw .unknown("job") }
        return .json(ConfigurationJSON.job(id, job), revision: job.position)
    }
}
