import Core
import Engine
import HTTPTypes
import Hummingbird

extension Desk {
    /// The folded state, now or at an earlier place.
    var stateRoutes: [Route] {
        [
            Route(
                .get, "/v1/state",
                Operation(
                    "The folded state with its digest.",
                    query: [
                        .init("at", "a position, or a time in RFC 3339: the state of then, folded from the log anew")
                    ],
                    result: .one("State")), handler: showState)
        ]
    }

    private func showState(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let query = try Query(request, allowed: ["at"])
        guard let at = query["at"] else {
            let state = services.state
            return try await oneAtATime { .state(state.snapshot()) }
        }
        let limit: Limit
        if let position = Position(asked: at) {
            limit = .position(position)
        } else if let moment = Moment.parse(at) {
            limit = .moment(moment)
        } else {
            throw RESTError.field("at", "must be a position of the log, or a time such as 2026-01-31T08:05:09Z")
        }
        let (log, codec) = (services.log, services.codec)
        return try await oneAtATime { Response.state(try Self.fold(log, codec, upTo: limit)) }
    }

    /// A state may be large, and showing it makes the follower copy its tables: two at a time help nobody, and many would
    /// hold up all other answers.
    private func oneAtATime(_ body: @escaping @Sendable () throws -> Response) async throws -> Response {
        guard let answer = try await turnstile.pass({ try await blocking(on: .folding, body) }) else {
            throw RESTError.unavailable("another state is being shown; ask again when that is done")
        }
        return answer
    }

    private enum Limit: Sendable {
        case position(Position)
        case moment(Timestamp)

        func includes(_ entry: EncodedEntry) -> Bool {
            switch self {
            case .position(let position): entry.position <= position
            case .moment(let moment): entry.recordedAt <= moment
            }
        }
    }

    private static func fold(
        _ log: any LogReader, _ codec: any Codec<Fleet.Message>, upTo limit: Limit
    ) throws -> (position: Position, state: Fleet.State) {
        var state = Fleet.initial
        var position = Position.start
        while true {
            let entries = try log.read(after: position, limit: 1_024)
            for entry in entries {
                guard limit.includes(entry) else { return (position, state) }
                _ = Fleet.fold(try codec.decode(entry), into: &state)
                position = entry.position
            }
            if entries.isEmpty { return (position, state) }
        }
    }
}

extension Response {
    fileprivate static func state(_ folded: (position: Position, state: Fleet.State)) -> Response {
        let text =
            #"{"position":\#(folded.position),"digest":"\#(StateDigest(of: folded.state))","state":"#
            + CanonicalJSON.render(folded.state) + "}"
        return Response(
            status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
