public import Core

/// A command as a worker gets it.
public struct Delivery<Message: Hashable & Sendable>: Sendable {
    /// Where the command stands on the log; its outcome names it.
    public let position: Position
    /// The command.
    public let message: Message
    /// Whether an earlier process may have carried it out already and died before the outcome was recorded.
    public let isRedelivered: Bool

    /// A delivery with all its parts.
    public init(position: Position, message: Message, isRedelivered: Bool) {
        self.position = position
        self.message = message
        self.isRedelivered = isRedelivered
    }
}

/// Carries out commands: the only place with effects.
public protocol Worker<Message>: Sendable {
    associatedtype Message: Hashable & Sendable

    /// Commands of one lane are carried out one after the other, in the order of the log; nil is a lane of its own.
    func lane(for command: Message) -> Text?

    /// Called at least once per command: doing the work twice must leave the world as doing it once.
    /// A failure is returned, not thrown, since it is a fact to record.
    /// `report` may be called any number of times before the return (progress); only the returned message is the outcome.
    /// Cancellation leaves the command pending.
    func perform(
        _ delivery: Delivery<Message>, report: @escaping @Sendable (Message) -> Void
    ) async throws(CancellationError) -> Message
}
