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

    /// Asks a connection for a sign of life, with a frame that agents answer; `notConnected` before its RegisterAck.
    func probe(_ agent: AgentID, session: SessionID) async -> SendResult

    /// Ends a connection; nothing happens when it is not there.
    func close(_ agent: AgentID, session: SessionID, because ending: SessionEnding) async
}

/// Why the server ends one connection.
public enum SessionEnding: Hashable, Sendable {
    /// It is over for the log: the agent was silent, or was deleted, or has another key or another connection.
    case over
    /// Another host is connected with the same key, and lives.
    case rival
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
