import Core
import Digests
import HTTPTypes
import Hummingbird

extension Desk {
    /// Agents, their settings, and what they say about their hosts.
    var agentRoutes: [Route] {
        [
            Route(
                .post, "/v1/agents", access: .role(.admin),
                Operation(
                    "Register an agent. Its key is shown this once.", body: "NewAgent", success: 201,
                    result: .one("AgentKey")), handler: createAgent),
            Route(
                .get, "/v1/agents", Operation("All agents.", query: .page, result: .page("Agent")),
                handler: listAgents),
            Route(.get, "/v1/agents/{id}", Operation("One agent.", result: .one("Agent")), handler: showAgent),
            Route(
                .patch, "/v1/agents/{id}", Operation("Rename an agent.", body: "AgentChange", result: .one("Agent")),
                handler: renameAgent),
            Route(
                .delete, "/v1/agents/{id}", access: .role(.admin),
                Operation("Forget an agent with its targets and jobs; closes its session.", success: 204),
                handler: deleteAgent),
            Route(
                .post, "/v1/agents/{id}/rotate-key", access: .role(.admin),
                Operation(
                    "Give an agent another key, shown this once; closes its session.", body: "Nothing",
                    result: .one("AgentKey")), handler: rotateKey),
            Route(
                .get, "/v1/agents/{id}/config", Operation("An agent's settings.", result: .one("AgentConfig")),
                handler: showConfig),
            Route(
                .patch, "/v1/agents/{id}/config",
                Operation(
                    "Change an agent's settings; makes a new version and pushes it.", body: "AgentConfigChange",
                    result: .one("AgentConfig"), hasRevision: true), handler: changeConfig),
            Route(
                .get, "/v1/agents/{id}/discovered",
                Operation("The database containers that an agent has seen.", result: .page("Container")),
                handler: discovered),
            Route(
                .get, "/v1/agents/{id}/anomalies",
                Operation(
                    "What was not as it should be with an agent, the newest first, and what to do about it.",
                    query: [.init("kind", "only those of this kind")] + .page, result: .page("Anomaly")),
                handler: listAnomalies),
            Route(
                .get, "/v1/agents/{id}/metrics",
                Operation("The last figures of an agent's host.", result: .one("AgentMetrics")), handler: metrics),
        ]
    }

    /// What an agent proves itself with.
    static func agentKey() -> String { "bkpy_live_" + SecureRandom.alphanumerics(32) }

    private func createAgent(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await Body.bytes(of: request)
        var body = try Body.parse(bytes)
        let name = try body.text("name") ?? ""
        try body.end()
        let key = Self.agentKey()
        let digest = SHA256.digest(of: Array(key.utf8)).bytes
        let grant = try await ask(
            .createAgent(AgentID(bits: Self.bits), name: name, keyDigest: digest),
            ticket(request, context, body: bytes))
        guard case .agentCreated(let id, let name, _) = grant.acceptance else { throw Self.otherAnswer }
        return .json(AgentJSON.key(id, name, key: grant.isRepeated ? nil : key), status: .created)
    }

    private func listAgents(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        let page = try Page(Query(request, allowed: ["limit", "cursor"]), kind: "agents")
        let (ids, next) = page.select(services.state.read { $0.agents.idsByCreation })
        let items = services.state.read { state in
            ids.compactMap { AgentJSON.agent($0, in: state) }
        }
        return .json(Page.json(items, next: next))
    }

    private func showAgent(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        let id: AgentID = try identifier(context)
        return .json(try shown(id))
    }

    private func shown(_ id: AgentID) throws(RESTError) -> JSON {
        guard let json = services.state.read({ AgentJSON.agent(id, in: $0) }) else { throw .unknown("agent") }
        return json
    }

    private func renameAgent(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let id: AgentID = try identifier(context)
        let bytes = try await Body.bytes(of: request)
        var body = try Body.parse(bytes)
        let name = try body.text("name")
        try body.end()
        if let name {
            try await refusePasswords(of: id, in: [("name", name)])
            _ = try await ask(.renameAgent(id, name: name), ticket(request, context, body: bytes))
        }
        return .json(try shown(id))
    }

    private func deleteAgent(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await emptyBody(request)
        _ = try await ask(.deleteAgent(identifier(context)), ticket(request, context, body: bytes))
        await secrets.sweep()
        return Response(status: .noContent)
    }

    private func rotateKey(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let id: AgentID = try identifier(context)
        let bytes = try await emptyBody(request)
        let key = Self.agentKey()
        let digest = SHA256.digest(of: Array(key.utf8)).bytes
        let grant = try await ask(.rotateKey(id, keyDigest: digest), ticket(request, context, body: bytes))
        let name = services.state.read { $0.agents[id]?.name }
        return .json(AgentJSON.key(id, name ?? "", key: grant.isRepeated ? nil : key))
    }

    private func showConfig(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        try config(identifier(context))
    }

    private func config(_ id: AgentID) throws -> Response {
        let (json, revision) = try agent(id) { (AgentJSON.config($0), $0.settingsPosition) }
        return .json(json, revision: revision)
    }

    private func changeConfig(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let id: AgentID = try identifier(context)
        let bytes = try await Body.bytes(of: request)
        var body = try Body.parse(bytes)
        let (former, revision) = try agent(id) { ($0.settings, $0.settingsPosition) }
        let fields = try SettingsBody.fields(&body, former)
        let ticket = try ticket(request, context, body: bytes)
        if fields.isEmpty {
            try ticket.check(revision)
        } else {
            _ = try await ask(.configureAgent(id, fields), ticket)
        }
        return try config(id)
    }

    private func discovered(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        let items = try agent(identifier(context)) { $0.discovered.map(AgentJSON.container) }
        return .json(Page.json(items, next: nil))
    }

    private func metrics(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        let id: AgentID = try identifier(context)
        return .json(
            try agent(id) { agent in
                [
                    "agent_id": .string(id.text.string), "last_seen_at": Moment.json(agent.lastSeenAt),
                    "metrics": AgentJSON.metrics(agent.metrics),
                ]
            })
    }
}

extension Desk {
    /// The thing that the path names. Whether there is one is the state's business.
    func identifier<Thing>(_ context: FleetContext) throws(RESTError) -> Identifier<Thing> {
        guard let text = context.parameters.get("id"), Body.isIdentifier(text, of: Identifier<Thing>.self) else {
            throw .unknown("thing at this path")
        }
        return Identifier(Text(text))
    }

    /// Something of an agent's.
    func agent<Value: Sendable>(_ id: AgentID, _ body: (Agent) -> Value) throws(RESTError) -> Value {
        guard let value = services.state.read({ $0.agents[id].map(body) }) else { throw .unknown("agent") }
        return value
    }

    /// The body of a request that takes none: absent, or `{}`.
    func emptyBody(_ request: Hummingbird.Request) async throws -> [UInt8] {
        let bytes = try await Body.bytes(of: request)
        try Body.parse(bytes).end()
        return bytes
    }

    static var otherAnswer: RESTError { RESTError(.internal, "the log answers something else than was asked") }
}

extension [Operation.QueryParameter] {
    static var page: [Operation.QueryParameter] { Operation.QueryParameter.page }
}
