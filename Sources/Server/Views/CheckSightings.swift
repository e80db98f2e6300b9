import Core
import Engine

/// Keeps the results of health checks for reading: of each check the last that counted, in the order they were recorded.
enum CheckSightings {
    /// The name of the collection.
    static let results = "check_results"
    /// How many results of each check are kept. A document of the same place is replaced.
    static let limit: UInt64 = 1_000
    private static let histories = "check_histories"

    static let collections = [
        CollectionSchema(name: results, indexed: ["check_id"], version: 2),
        CollectionSchema(name: histories, indexed: []),
    ]

    /// The documents that an entry of a check's stream changes. What goes with its agent stays, and is not shown.
    static func project(
        _ entry: Entry<Fleet.Message>, lookup: (String, String) -> Document?
    ) -> [Document] {
        let prefix = "check/"
        guard entry.stream.name.string.hasPrefix(prefix) else { return [] }
        let check = String(entry.stream.name.string.dropFirst(prefix.count))
        let former = lookup(histories, check).flatMap { FleetProjection.read(CheckHistory.self, $0) } ?? CheckHistory()
        if case .accepted(.checkDeleted, _) = entry.message { return forget(check, former, entry) }
        var history = former
        let found = history.fold(entry)
        guard history != former else { return [] }
        let head = FleetProjection.document(history, in: histories, id: check, position: entry.position)
        return (head.map { [$0] } ?? []) + (found.map { [document($0, former.count, of: check, entry)] } ?? [])
    }

    private static func document(
        _ found: HealthResult, _ number: UInt64, of check: String, _ entry: Entry<Fleet.Message>
    ) -> Document {
        let body: JSON = [
            "check_id": .string(check), "created_at": .integer(entry.recordedAt.milliseconds),
            "result": CheckJSON.result(found, recordedAt: entry.recordedAt, at: entry.position),
        ]
        return Document(
            collection: results, id: "\(check)/\(number % limit)", position: entry.position, json: body.bytes)
    }

    private static func forget(_ check: String, _ history: CheckHistory, _ entry: Entry<Fleet.Message>) -> [Document] {
        let rows = (0..<min(history.count, limit)).map { number in
            Document(collection: results, id: "\(check)/\(number)", position: entry.position, json: [])
        }
        return rows + [Document(collection: histories, id: check, position: entry.position, json: [])]
    }

    /// The result that a document holds, as the interface shows it.
    static func json(of document: Document) -> JSON? { JSON(parsing: document.json)?["result"] }
}
