public import Core
import NIOHTTP1
import Synchronization

/// Decides from the head of a request whether it may become an agent's connection, at once and on the event loop.
public final class AgentDoor: Sendable {
    /// What paths of agents' connections end in; a prefix, as a reverse proxy may leave one, does not matter.
    public static let path = "/v1/agents/connect"
    /// The header that names extensions, on the request and on the answer.
    public static let extensionsHeader = "Backupy-Extensions"

    private let keys: KeyTable
    private let openness = Mutex(false)

    /// A door that is closed until ``open()``.
    public init(keys: KeyTable) { self.keys = keys }

    /// Lets agents in.
    public func open() { openness.withLock { $0 = true } }

    /// Lets no more agents in; those who are stay.
    public func close() { openness.withLock { $0 = false } }

    /// Whether agents are let in.
    public var isOpen: Bool { openness.withLock { $0 } }

    /// Whether a request's target is for agents.
    public static func isAgentPath(_ target: some StringProtocol) -> Bool {
        let path = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)[0]
        return path.utf8.count >= Self.path.utf8.count
            && path.utf8.suffix(Self.path.utf8.count).elementsEqual(Self.path.utf8)
    }

    /// The agent whose key stands in the value of an `Authorization` header; nil when it is nobody's.
    public func agent(authorization value: String?) -> AgentID? { admission(authorization: value)?.agent }

    private func admission(authorization value: String?) -> Admission? {
        guard let value else { return nil }
        let words = value.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return keys.admission(withKey: words[1])
    }

    func agent(of head: HTTPRequestHead) -> AgentID? { admission(of: head)?.agent }

    func admission(of head: HTTPRequestHead) -> Admission? {
        guard isOpen, Self.isAgentPath(head.uri) else { return nil }
        let values = head.headers["authorization"]
        return values.count == 1 ? admission(authorization: values[0]) : nil
    }

    /// The extensions that both ends speak, sorted; of the request's, names beyond the first 64 are not looked at.
    static func extensions(of head: HTTPRequestHead) -> [Text] {
        let offered = head.headers[canonicalForm: extensionsHeader].prefix(64).map { Text($0.lowercased()) }
        return ProtocolExtension.all.filter { offered.contains($0) }
    }

    /// The headers of the 101 answer beyond those of every WebSocket.
    static func answerHeaders(to head: HTTPRequestHead) -> HTTPHeaders {
        let shared = extensions(of: head)
        guard !shared.isEmpty else { return [:] }
        return [extensionsHeader: shared.map(\.string).joined(separator: ", ")]
    }
}
