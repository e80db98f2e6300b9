public import Core
public import Engine
import Synchronization

/// The live connections of agents that have registered. The newest of an agent is the one that workers reach; older
/// ones are ended as soon as it registers.
///
/// The first frame that goes out on a connection must be addressed to its session, since it is the RegisterAck; before
/// that, unaddressed frames are ``Engine/SendResult/notConnected``.
public final class SessionRegistry: Sessions {
    private struct State {
        /// The newest connection of an agent is last.
        var connections: [AgentID: [SessionConnection]] = [:]
        var onEmpty: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// Without connections.
    public init() {}

    /// How many agents are connected.
    public var agentCount: Int { state.withLock { $0.connections.count } }

    /// Sends one frame; see ``Engine/Sessions``.
    public func send(
        to agent: AgentID, session: SessionID?, frame: @escaping @Sendable (UInt64) -> [UInt8]
    ) async -> SendResult {
        guard let connection = connection(of: agent, session: session) else { return .notConnected }
        return await connection.send(isAddressed: session != nil, frame)
    }

    /// Ends a connection with a going-away code; nothing happens when it is not there.
    public func close(_ agent: AgentID, session: SessionID, reason: String) async {
        connection(of: agent, session: session)?.close(.goingAway, reason: reason, as: .ended)
    }

    /// Ends all connections with a going-away code, and returns once they are gone.
    public func closeAll(reason: String) async {
        let open = state.withLock { $0.connections.values.flatMap { $0 } }
        for connection in open { connection.close(.goingAway, reason: reason, as: .ended) }
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if !state.connections.isEmpty { state.onEmpty.append(continuation) }
                return state.connections.isEmpty
            }
            if isEmpty { continuation.resume() }
        }
    }

    func add(_ connection: SessionConnection) {
        let older = state.withLock { state in
            let older = state.connections[connection.agent] ?? []
            state.connections[connection.agent] = older + [connection]
            return older
        }
        for former in older {
            former.close(.policy, reason: "replaced by a newer connection with the same key", as: .replaced)
        }
    }

    func remove(_ connection: SessionConnection) {
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard var rest = state.connections[connection.agent] else { return [] }
            rest.removeAll { $0 === connection }
            state.connections[connection.agent] = rest.isEmpty ? nil : rest
            guard state.connections.isEmpty else { return [] }
            defer { state.onEmpty = [] }
            return state.onEmpty
        }
        for waiter in waiters { waiter.resume() }
    }

    private func connection(of agent: AgentID, session: SessionID?) -> SessionConnection? {
        state.withLock { state in
            guard let all = state.connections[agent] else { return nil }
            guard let session else { return all.last }
            return all.last { $0.session == session }
        }
    }
}
