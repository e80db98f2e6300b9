public import Core

/// Live connections of agents, as workers see them.
public protocol Sessions: Sendable {
    /// Sends one frame on an agent's connection, behind all that was sent before.
    ///
    /// - Parameters:
    ///   - session: The connection it is meant for; nil: whichever is the agent's now.
    ///   - frame: Makes the bytes from the number that the connection gives to the frame.
    func send(
        to agent: AgentID, session: SessionID?, frame: @escaping @Sendable (UInt64) -> [UInt8]
    ) async -> SendResult

    /// Ends a connection with a going-away code; nothing happens when it is not there.
    func close(_ agent: AgentID, session: SessionID, reason: String) async
}

/// What became of a frame.
public enum SendResult: Hashable, Sendable {
    /// It was written to the connection. Whether the agent acts on it is another matter.
    case sent
    /// There is no such connection; nothing was written.
    case notConnected
    /// The connection broke while writing: the agent may or may not have it.
    case unknown
}
