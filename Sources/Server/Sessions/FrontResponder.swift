public import Engine
import HTTPTypes
public import Hummingbird
import Synchronization

/// Answers requests before the router does: those that an agent's connection should have been, and all while the server
/// is starting, which takes minutes where a long log is folded. Whoever looks after the process asks `/healthz` then, too.
public final class FrontResponder: HTTPResponder {
    /// What routes answer with.
    public typealias Route = @Sendable (Request, FleetContext) async throws -> Response

    private let door: AgentDoor
    private let wrongKeys: WrongKeys
    private let clock: any Clock
    private enum Phase: Sendable {
        case starting(@Sendable () -> String)
        case serving(Route)
    }

    private let phase = Mutex(Phase.starting { "the server is starting" })

    /// A responder that is not ready before ``serve(_:)``.
    ///
    /// - Parameter wrongKeys: counts those of agents; shared with the interface's tokens.
    public init(door: AgentDoor, wrongKeys: WrongKeys, clock: any Clock) {
        self.door = door
        self.wrongKeys = wrongKeys
        self.clock = clock
    }

    /// From now on these routes answer.
    public func serve(_ router: Router<FleetContext>) {
        let responder = router.buildResponder()
        phase.withLock { $0 = .serving { try await responder.respond(to: $0, context: $1) } }
    }

    /// What `/readyz` says until ``serve(_:)``: how far the start has come.
    public func starting(_ reason: @escaping @Sendable () -> String) {
        phase.withLock { $0 = .starting(reason) }
    }

    /// The answer to one request.
    public func respond(to request: Request, context: FleetContext) async throws -> Response {
        if AgentDoor.isAgentPath(request.uri.path) {
            return refusal(of: request, from: context.address).response(trace: context.trace)
        }
        switch phase.withLock({ $0 }) {
        case .serving(let route): return try await route(request, context)
        case .starting(let reason):
            switch request.uri.path {
            case "/healthz": return .json(["status": "ok"])
            case "/readyz": return RESTError.unavailable("not ready: \(reason())").response(trace: context.trace)
            default: return RESTError.unavailable("the server is starting").response(trace: context.trace)
            }
        }
    }

    /// Why a request for an agent's connection did not become one.
    private func refusal(of request: Request, from address: NetworkAddress?) -> RESTError {
        guard door.isOpen else { return .unavailable("the server is not ready for agents") }
        let authorization = request.headers[.authorization]
        guard door.agent(authorization: authorization) != nil else {
            if authorization != nil,
                let seconds = wrongKeys.count(address, nanoseconds: clock.monotonicNanoseconds())
            {
                return .tooManyWrongKeys(seconds)
            }
            return RESTError(
                .authenticationFailed, "this agent key is not known here; check BACKUP_AGENT_KEY",
                headers: [.wwwAuthenticate: "Bearer"])
        }
        return RESTError(
            .validation, "agents connect here by WebSocket, version 13", status: .upgradeRequired,
            headers: [.upgrade: "websocket", .secWebSocketVersion: "13"])
    }
}
