/// Why an attempt failed, as far as it matters for what to do next. A shipped case keeps its number and its meaning.
public enum FailureClass: UInt8, Hashable, Sendable, CaseIterable {
    /// The job cannot work as it is set up, or a tool is missing: trying again is useless until a person acts.
    case configuration = 1
    /// The database, its tool or a hook refused.
    case source
    /// The object could not be sent.
    case upload
    /// The object was said to be sent, but is missing or different.
    case storage
    /// The run was cut off with its connection or its agent. Expected with agents whose runs die with the connection.
    case disconnect
    /// The job's time limit, or another one on the agent's side, has passed.
    case timeout
    /// Nothing was heard of the run until its deadline.
    case lost
    /// A text that no rule knows.
    case unknown
}
