public import Core

/// Where messages are handed in, whatever log is behind it.
public protocol Submitter<Message>: Sendable {
    associatedtype Message: Hashable & Sendable

    /// Records a fact; the completion is called on the engine's thread after the commit and must be quick.
    func submit(_ message: Message, completion: @escaping @Sendable (Result<Turn<Message>, SubmitError>) -> Void)

    /// Records a fact, and returns once it is durable with all that followed from it.
    @discardableResult
    func submit(_ message: Message) async throws(SubmitError) -> Turn<Message>

    /// Records a request with its answer. Refused as busy while too many wait.
    func request(_ message: Message, expecting: ExpectedRevision) async throws(SubmitError) -> Turn<Message>
}

extension Engine: Submitter {}
