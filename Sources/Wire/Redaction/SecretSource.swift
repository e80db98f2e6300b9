public import Core

/// Knows what must not be found in the frames of an agent: its passwords and the data keys of its open attempts.
public protocol SecretSource: Sendable {
    /// A redactor for the agent's next frame. Asked for each frame, so it must be cheap when nothing has changed.
    func redactor(for agent: AgentID) -> Redactor
}
