public import Core
public import Engine
import HTTPTypes
import Hummingbird

extension Desk {
    /// The log itself.
    var logRoutes: [Route] {
        [
            Route(
                .get, "/v1/log",
                Operation(
                    "Entries of the log in order.",
                    query: [
                        .init("after", "a position; only entries behind it"),
                        .init("stream", "only this stream, such as run/…, agent/… or engine"),
                    ] + .page, result: .page("Entry")), handler: listLog),
            Route(.get, "/v1/log/{position}", Operation("One entry.", result: .one("Entry")), handler: showEntry),
            Route(
                .get, "/v1/log/{position}/why",
                Operation(
                    "Why the entry is there: a tree of causes and evidence, with a sentence for each.",
                    result: .one("Why")), handler: explainEntry),
        ]
    }

    private func listLog(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        try await entries(of: nil, request, allowed: ["after", "limit", "stream", "cursor"])
    }

    /// A page of a stream's entries, or of all.
    func entries(
        of stream: Core.Stream?, _ request: Hummingbird.Request, allowed: [String]
    ) async throws -> Response {
        let query = try Query(request, allowed: allowed)
        let page = try Page(query, kind: "log")
        if query.filter("after") != nil, page.after != nil {
            throw RESTError.field("cursor", "stands for after; give one of the two")
        }
        var after = try page.position ?? .start
        if let text = query.filter("after") {
            guard let position = Position(asked: text) else {
                throw RESTError.field("after", "must be a position of the log")
            }
            after = position
        }
        let (log, codec, start) = (services.log, services.codec, after)
        let wanted = stream ?? query.filter("stream").map { Core.Stream(Text($0)) }
        let (items, end) = try await blocking {
            func read(after position: Position, limit: Int) throws -> [EncodedEntry] {
                if let wanted { return try log.read(stream: wanted, after: position, limit: limit) }
                return try log.read(after: position, limit: limit)
            }
            let entries = try read(after: start, limit: page.limit)
            // Large entries make a page short, so that only another look tells whether more follow.
            let hasMore = try entries.last.map { try !read(after: $0.position, limit: 1).isEmpty } ?? false
            return (entries.map { EntryJSON.entry($0, codec: codec) }, hasMore ? entries.last?.position : nil)
        }
        return .json(Page.json(items, next: end.map { page.cursor(behind: String($0.number)) }))
    }

    private func showEntry(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        try await answer(context) { position, log, codec in
            try log.entry(at: position).map { EntryJSON.entry($0, codec: codec) }
        }
    }

    private func explainEntry(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        try await answer(context) { position, log, codec in
            try CauseTree(of: position, in: log, codec: codec, grounds: Fleet.grounds).map(WhyJSON.tree)
        }
    }

    /// What is said of the entry that the path names.
    private func answer(
        _ context: FleetContext,
        _ body: @escaping @Sendable (Position, any LogReader & Sendable, any Codec<Fleet.Message>) throws -> JSON?
    ) async throws -> Response {
        guard let text = context.parameters.get("position"), let position = Position(asked: text), position > .start
        else { throw RESTError.unknown("position") }
        let (log, codec) = (services.log, services.codec)
        guard let json = try await blocking({ try body(position, log, codec) }) else {
            throw RESTError(.notFound, "the log has not come to position \(position.number)")
        }
        return .json(json)
    }
}

/// Entries as the interface shows them.
public enum EntryJSON {
    /// An entry that this build cannot decode is shown without its message.
    public static func entry(_ entry: EncodedEntry, codec: any Codec<Fleet.Message>) -> JSON {
        let message: JSON
        do {
            message = MessageJSON.message(try codec.decode(entry.body, kind: entry.kind))
        } catch {
            message = ["problem": .string(error.problem)]
        }
        return [
            "position": .integer(entry.position.number),
            "recorded_at": Moment.json(entry.recordedAt),
            "stream": .string(entry.stream.name.string),
            "revision": .integer(entry.revision.number),
            "cause": .integer(entry.cause?.number),
            "kind": .string(entry.kind.string),
            "message": message,
        ]
    }
}
