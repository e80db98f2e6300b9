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
            collection: FleetProjection.anomalies, matching: ["agent_id": id.text.string], limit: page.limit + 1)
        if let kind = query.filter("kind") {
            guard Anomaly.Kind(rawValue: kind) != nil else {
                let words = Anomaly.Kind.allCases.map(\.rawValue).sorted().joined(separator: ", ")
                throw RESTError.field("kind", "must be one of \(words)")
            }
            wanted.matching["kind"] = kind
        }
        wanted.before = try page.position
        let (views, bounds) = (services.views, wanted)
        let documents = try await blocking { try views.documents(bounds) }
        let items = documents.prefix(page.limit).compactMap { FleetProjection.read(AnomalyDetail.self, $0)?.json }
        let last = documents.count > page.limit ? documents[page.limit - 1].position : nil
        return .json(Page.json(items, next: last.map { Page.cursor("anomalies", String($0.number)) }))
    }
}

extension Page {
    /// The position behind which a list of documents goes on; nil from the start.
    var position: Position? {
        get throws(RESTError) {
            guard let after else { return nil }
            guard let number = UInt64(after), number <= UInt64(Int64.max) else {
                throw RESTError.field("cursor", "is not a cursor of this list")
            }
            return Position(number)
        }
    }
}
