import Core
import Engine
import HTTPTypes
import Hummingbird

extension Desk {
    /// What is probed, and how it goes.
    var checkRoutes: [Route] {
        let span: [Operation.QueryParameter] = [
            .init("from", "recorded at or after this moment (RFC 3339)"),
            .init("to", "recorded before this moment (RFC 3339)"),
        ]
        let periods = Uptime.Period.allCases.map(\.rawValue).joined(separator: ", ")
        return [
            Route(
                .get, "/v1/health-checks",
                Operation(
                    "Health checks.", query: [.init("agent_id", "only those that this agent probes")] + .page,
                    result: .page("Check")), handler: listChecks),
            Route(
                .post, "/v1/health-checks",
                Operation("Add a health check.", body: "NewCheck", success: 201, result: .one("Check")),
                handler: createCheck),
            Route(
                .get, "/v1/health-checks/{id}", Operation("One health check.", result: .one("Check")),
                handler: showCheck),
            Route(
                .patch, "/v1/health-checks/{id}",
                Operation("Change a health check; who probes stays.", body: "CheckChange", result: .one("Check")),
                handler: changeCheck),
            Route(
                .delete, "/v1/health-checks/{id}", Operation("Forget a health check.", success: 204),
                handler: deleteCheck),
            Route(
                .get, "/v1/health-checks/{id}/results",
                Operation(
                    "The last 1 000 results of a health check that counted, the newest first.", query: span + .page,
                    result: .page("CheckResult")), handler: listResults),
            Route(
                .get, "/v1/health-checks/{id}/uptime",
                Operation(
                    "How long it was up, down and unknown.",
                    query: [.init("period", "\(periods); 24h when absent")], result: .one("CheckUptime")),
                handler: showUptime),
            Route(
                .post, "/v1/health-checks/{id}/run",
                Operation("Probe now.", body: "Nothing", success: 202, result: .one("CheckReference")),
                handler: runCheck),
        ]
    }

    private func listChecks(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        let query = try Query(request, allowed: ["agent_id", "limit", "cursor"])
        let page = try Page(query, kind: "checks")
        let wanted = query.filter("agent_id").map { AgentID(Text($0)) }
        let known = services.state.read { state in
            wanted.map { state.agents[$0]?.checks ?? [] } ?? state.checks.idsByCreation
        }
        let (ids, next) = page.select(known)
        let items = services.state.read { state in
            ids.compactMap { id in state.checks[id].map { CheckJSON.check(id, $0) } }
        }
        return .json(Page.json(items, next: next))
    }

    private func createCheck(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await Body.bytes(of: request)
        var body = try Body.parse(bytes)
        let agent = try body.identifier("agent_id", of: AgentID.self)
        let said = try CheckBody(&body)
        try await refusePasswords(of: agent, in: said.texts)
        let grant = try await ask(
            .createCheck(CheckID(bits: Self.bits), agent, said.spec), ticket(request, context, body: bytes))
        guard case .checkCreated(let id, let agent, let spec) = grant.acceptance else { throw Self.otherAnswer }
        // As it was made: a repetition is answered so for a day, also once the check has changed or is gone.
        let made = Check(agent: agent, spec: spec, at: grant.recordedAt)
        return .json(CheckJSON.check(id, made), status: .created)
    }

    private func showCheck(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        .json(try check(identifier(context)))
    }

    private func changeCheck(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let id: CheckID = try identifier(context)
        let bytes = try await Body.bytes(of: request)
        var body = try Body.parse(bytes)
        if body.has("agent_id") {
            throw RESTError.field(
                "agent_id", "cannot be changed: results of two probers are no one row; make a new check")
        }
        let said = try CheckBody(&body)
        try await refusePasswords(of: services.state.read { $0.checks[id]?.agent }, in: said.texts)
        if !said.fields.isEmpty {
            _ = try await ask(.changeCheck(id, said.fields), ticket(request, context, body: bytes))
        }
        return .json(try check(id))
    }

    private func deleteCheck(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await emptyBody(request)
        _ = try await ask(.deleteCheck(identifier(context)), ticket(request, context, body: bytes))
        return Response(status: .noContent)
    }

    private func listResults(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let id: CheckID = try identifier(context)
        _ = try check(id)
        let query = try Query(request, allowed: ["from", "to", "limit", "cursor"])
        let page = try Page(query, kind: "results")
        var wanted = DocumentQuery(
            collection: CheckSightings.results, matching: ["check_id": id.text.string], limit: page.limit)
        wanted.createdFrom = try moment("from", query)
        wanted.createdTo = try moment("to", query)
        let (documents, next) = try await self.documents(wanted, on: page)
        return .json(Page.json(documents.compactMap(CheckSightings.json), next: next))
    }

    private func showUptime(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        let id: CheckID = try identifier(context)
        let query = try Query(request, allowed: ["period"])
        let word = query.filter("period") ?? Uptime.Period.day.rawValue
        guard let period = Uptime.Period(rawValue: word) else {
            let words = Uptime.Period.allCases.map(\.rawValue).joined(separator: ", ")
            throw RESTError.field("period", "must be one of \(words)")
        }
        let moment = now
        guard let sums = services.state.read({ $0.checks[id]?.uptime.sums(period, at: moment) }) else {
            throw RESTError.unknown("health check")
        }
        return .json(CheckJSON.uptime(id, period, sums))
    }

    private func runCheck(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await emptyBody(request)
        let grant = try await ask(.runCheck(identifier(context)), ticket(request, context, body: bytes))
        guard case .checkRunRequested(let id) = grant.acceptance else { throw Self.otherAnswer }
        return .json(["check_id": .string(id.text.string)], status: .accepted)
    }

    private func check(_ id: CheckID) throws(RESTError) -> JSON {
        guard let json = services.state.read({ state in state.checks[id].map { CheckJSON.check(id, $0) } }) else {
            throw .unknown("health check")
        }
        return json
    }
}
