import Core
import HTTPTypes
import Hummingbird

extension Desk {
    /// Databases to back up.
    var targetRoutes: [Route] {
        [
            Route(
                .get, "/v1/agents/{id}/targets",
                Operation("An agent's targets.", query: .page, result: .page("Target")), handler: listTargets),
            Route(
                .post, "/v1/agents/{id}/targets",
                Operation("Add a target.", body: "NewTarget", success: 201, result: .one("Target")),
                handler: createTarget),
            Route(.get, "/v1/targets/{id}", Operation("One target.", result: .one("Target")), handler: showTarget),
            Route(
                .patch, "/v1/targets/{id}",
                Operation("Change a target.", body: "NewTarget", result: .one("Target"), hasRevision: true),
                handler: changeTarget),
            Route(
                .delete, "/v1/targets/{id}",
                Operation("Forget a target that no job uses.", success: 204, hasRevision: true),
                handler: deleteTarget),
        ]
    }

    private func listTargets(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        let agent: AgentID = try identifier(context)
        try self.agent(agent) { _ in }
        let page = try Page(Query(request, allowed: ["limit", "cursor"]), kind: "targets")
        let own = services.state.read { state in
            state.targets.idsByCreation.filter { state.targets[$0]?.agent == agent }
        }
        let (ids, next) = page.select(own)
        let items = services.state.read { state in
            ids.compactMap { id in state.targets[id].map { ConfigurationJSON.target(id, $0) } }
        }
        return .json(Page.json(items, next: next))
    }

    private func createTarget(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let agent: AgentID = try identifier(context)
        let bytes = try await Body.bytes(of: request)
        var body = try Body.parse(bytes)
        let target = try TargetBody(&body)
        try await refusePasswords(of: agent, in: target.texts)
        let ticket = try ticket(request, context, body: bytes)
        let id = TargetID(bits: Self.bits)
        let grant = try await ask(ticket, password: target.password, of: agent) {
            .createTarget(id, agent, target.fields(secret: $0))
        }
        guard case .targetCreated(let id, let agent, let spec) = grant.acceptance else { throw Self.otherAnswer }
        let revision = grant.position
        return .json(
            ConfigurationJSON.target(id, agent, spec, revision: revision), revision: revision, status: .created)
    }

    private func showTarget(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        try target(identifier(context))
    }

    private func changeTarget(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let id: TargetID = try identifier(context)
        let bytes = try await Body.bytes(of: request)
        var body = try Body.parse(bytes)
        let change = try TargetBody(&body)
        let agent = services.state.read { $0.targets[id]?.agent }
        try await refusePasswords(of: agent, in: change.texts)
        let ticket = try ticket(request, context, body: bytes)
        if change.password == nil, change.fields.isEmpty {
            try ticket.check(services.state.read { $0.targets[id]?.position })
        } else {
            _ = try await ask(ticket, password: change.password, of: agent) {
                .changeTarget(id, change.fields(secret: $0))
            }
            // A reference, or nothing, may have taken the place of a password.
            if change.fields.contains(where: { if case .password = $0 { true } else { false } }) {
                await secrets.sweep()
            }
        }
        return try target(id)
    }

    private func deleteTarget(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await emptyBody(request)
        _ = try await ask(.deleteTarget(identifier(context)), ticket(request, context, body: bytes))
        await secrets.sweep()
        return Response(status: .noContent)
    }

    private func target(_ id: TargetID) throws(RESTError) -> Response {
        guard let target = services.state.read({ $0.targets[id] }) else { throw .unknown("target") }
        return .json(ConfigurationJSON.target(id, target), revision: target.position)
    }
}
