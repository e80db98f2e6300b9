public import Core
public import Engine
import Synchronization

/// The live connections of agents that have registered. Which one of several is the agent's is decided by the log, and
/// the others are ended by its commands; until then workers reach the newest that has its RegisterAck.
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
        for connection in connections(of: agent, session: session) {
            let result = await connection.send(isAddressed: session != nil, frame)
            if result != .notConnected { return result }
        }
        return .notConnected
    }

    /// Sends a ping on one connection; see ``Engine/Sessions``.
    public func probe(_ agent: AgentID, session: SessionID) async -> SendResult {
        await connections(of: agent, session: session).first?.probe() ?? .notConnected
    }

    /// Ends a connection; nothing happens when it is not there.
    public func close(_ agent: AgentID, session: SessionID, because ending: SessionEnding) async {
        let all = connections(of: agent, session: nil)
        guard let place = all.firstIndex(where: { $0.session == session }) else { return }
        switch ending {
        case .rival:
            all[place].close(.policy, reason: "another host is connected with this key", as: .ended)
        case .over where place > 0:
            all[place].close(.policy, reason: "replaced by a newer connection with the same key", as: .replaced)
        case .over:
            all[place].close(.goingAway, reason: "the session is over", as: .ended)
        }
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
        state.withLock { $0.connections[connection.agent, default: []].append(connection) }
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

    /// Those of a session, or all of the agent's; the newest first.
    private func connections(of agent: AgentID, session: SessionID?) -> [SessionConnection] {
        state.withLock { state in
            (state.connections[agent] ?? []).reversed().filter { session == nil || $0.session == session }
        }
    }
}
