import Core
import Engine
import Hummingbird

extension Desk {
    /// What a person should see to.
    var alertRoutes: [Route] {
        let filters: [Operation.QueryParameter] = [
            .init("state", "open or resolved; both when absent"),
            .init("kind", "only those of this kind"), .init("agent_id", "only those about this agent"),
        ]
        return [
            Route(
                .get, "/v1/alerts",
                Operation(
                    "Alerts, the newest first; of those that were resolved the last 10 000.", query: filters + .page,
                    result: .page("Alert")), handler: listAlerts),
            Route(.get, "/v1/alerts/{id}", Operation("One alert.", result: .one("Alert")), handler: showAlert),
            Route(
                .post, "/v1/alerts/{id}/acknowledge",
                Operation(
                    "Take note of an open alert: no more reminders of it.", body: "Nothing", result: .one("Alert")),
                handler: acknowledgeAlert),
        ]
    }

    private func listAlerts(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let query = try Query(request, allowed: ["state", "kind", "agent_id", "limit", "cursor"])
        let page = try Page(query, kind: "alerts")
        var wanted = DocumentQuery(collection: FleetProjection.alerts, limit: page.limit)
        for member in ["state", "kind", "agent_id"] {
            if let value = query.filter(member) { wanted.matching[member] = value }
        }
        try Self.check("state", wanted, AlertDetail.State.allCases.map(\.rawValue))
        try Self.check("kind", wanted, Alert.Kind.allCases.map(\.rawValue).sorted())
        let (documents, next) = try await self.documents(wanted, on: page)
        return .json(Page.json(documents.compactMap { FleetProjection.read(AlertDetail.self, $0)?.json }, next: next))
    }

    private static func check(_ member: String, _ query: DocumentQuery, _ words: [String]) throws(RESTError) {
        guard let value = query.matching[member], !words.contains(value) else { return }
        throw .field(member, "must be one of \(words.joined(separator: ", "))")
    }

    private func showAlert(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        .json(try await alert(identifier(context)))
    }

    private func acknowledgeAlert(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await emptyBody(request)
        let id: AlertID = try identifier(context)
        _ = try await alert(id)
        _ = try await ask(.acknowledgeAlert(id), ticket(request, context, body: bytes))
        return .json(try await alert(id))
    }

    private func alert(_ id: AlertID) async throws -> JSON {
        let views = services.views
        let document = try await blocking { try views.document(id.text.string, in: FleetProjection.alerts) }
        guard let detail = document.flatMap({ FleetProjection.read(AlertDetail.self, $0) }) else {
            throw RESTError.unknown("alert")
        }
        return detail.json
    }
}
