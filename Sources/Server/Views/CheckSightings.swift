import Core
import Engine

/// Keeps the results of health checks for reading: the last of each check, in the order they were recorded.
enum CheckSightings {
    /// The name of the collection.
    static let results = "check_results"
    /// How many results of each check are kept. A document of the same place is replaced.
    static let limit: UInt64 = 1_000
    private static let heads = "check_result_heads"

    static let collections = [
        CollectionSchema(name: results, indexed: ["check_id"]), CollectionSchema(name: heads, indexed: []),
    ]

    /// The documents of an entry that tells a result. Whose result counts, its stream says.
    static func project(
        _ entry: Entry<Fleet.Message>, lookup: (String, String) -> Document?
    ) -> [Document] {
        let prefix = "check/"
        guard entry.stream.name.string.hasPrefix(prefix), let found = result(in: entry.message) else { return [] }
        let check = String(entry.stream.name.string.dropFirst(prefix.count))
        let former = lookup(heads, check).flatMap { JSON(parsing: $0.json)?["count"] }
        var count: UInt64 = 0
        if case .number(let digits)? = former { count = UInt64(digits) ?? 0 }
        let head: JSON = ["count": .integer(count &+ 1)]
        let document: JSON = [
            "check_id": .string(check), "created_at": .integer(entry.recordedAt.milliseconds),
            "result": CheckJSON.result(found, recordedAt: entry.recordedAt, at: entry.position),
        ]
        return [
            Document(collection: heads, id: check, position: entry.position, json: head.bytes),
            Document(
                collection: results, id: "\(check)/\(count % limit)", position: entry.position, json: document.bytes),
        ]
    }

    /// The result that a document holds, as the interface shows it.
    static func json(of document: Document) -> JSON? { JSON(parsing: document.json)?["result"] }

    private static func result(in message: Fleet.Message) -> HealthResult? {
        if case .received(_, let frame) = message, case .health(let found) = frame.report { return found }
        if case .outcome(let outcome) = message, case .probed(let found) = outcome.result { return found }
        return nil
    }
}
