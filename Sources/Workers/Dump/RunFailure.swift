/// Why a run did not work, as the server is told: stage-prefixed like the reference agent's texts, without secrets.
public struct RunFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The text of the report.
    public var description: String

    /// A failure with its whole text.
    public init(_ description: String) { self.description = description }
}
