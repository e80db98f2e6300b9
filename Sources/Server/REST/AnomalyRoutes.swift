import Core
import Engine
import Hummingbird

extension Desk {
    /// The anomalies of the agent at the path.
    func listAnomalies(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let id: AgentID = try identifier(context)
        try agent(id) { _ in }
        let query = try Query(request, allowed: ["kind", "limit", "cursor"])
        let page = try Page(query, kind: "anomalies")
        var wanted = DocumentQuery(
            collection: FleetProjection.anomalies, matching: ["agent_id": id.text.string], limit: page.limit)
        if let kind = query.filter("kind") {
            guard Anomaly.Kind(rawValue: kind) != nil else {
                let words = Anomaly.Kind.allCases.map(\.rawValue).sorted().joined(separator: ", ")
                throw RESTError.field("kind", "must be one of \(words)")
            }
            wanted.matching["kind"] = kind
        }
        let (documents, next) = try await self.documents(wanted, on: page)
        return .json(Page.json(documents.compactMap { FleetProjection.read(AnomalyDetail.self, $0)?.json }, next: next))
    }
}
