public import Core
public import HTTPTypes
public import Hummingbird
import Logging

/// What is known about a request besides itself.
public struct FleetContext: RequestContext {
    /// Hummingbird's own.
    public var coreContext: CoreRequestContextStorage
    /// The name of the token it came with; empty where none is needed.
    public var token: Text = ""
    /// What that token may do.
    public var role = Role.viewer
    /// Where it came from; nil where the transport does not say.
    let address: NetworkAddress?

    /// The context of a request that nobody has looked at.
    public init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        address = source.channel.remoteAddress.flatMap(NetworkAddress.init)
    }

    /// Names the request in its answer and in the server's log. Hummingbird's own `id` traps where the logger has none.
    public var trace: String { logger[metadataKey: "hb.request.id"]?.description ?? "-" }
}

/// One method of one path, with what the description of the interface says about it.
public struct Route: Sendable {
    /// Who may come.
    public enum Access: Hashable, Sendable {
        /// Anyone: the route looks for itself.
        case open
        /// Only with a token that may do at least this.
        case role(Role)
    }

    /// Does what is asked. Throws ``RESTError`` for what it does not do; any other error is a fault of the server's.
    public typealias Handler = @Sendable (Request, FleetContext) async throws -> Response

    /// The method.
    public var method: HTTPRequest.Method
    /// The path, such as `/v1/agents/{id}`; `**` at its end stands for any rest.
    public var path: String
    /// Who may come.
    public var access: Access
    /// What the description says.
    public var operation: Operation
    /// Does it.
    public var handler: Handler

    /// A route with all its parts. Where nothing is said about access, viewers may read and operators may do the rest.
    public init(
        _ method: HTTPRequest.Method, _ path: String, access: Access? = nil, _ operation: Operation,
        handler: @escaping Handler
    ) {
        self.method = method
        self.path = path
        self.access = access ?? .role(method == .get || method == .head ? .viewer : .operator)
        self.operation = operation
        self.handler = handler
    }
}

/// What the description of the interface says about a route.
public struct Operation: Hashable, Sendable {
    /// One line.
    public var summary: String
    /// The names of its query parameters with what they are.
    public var query: [QueryParameter]
    /// The schema of its body, by name; nil when it takes none.
    public var body: String?
    /// The status of its success.
    public var success: Int
    /// The schema of what it answers with; nil for nothing.
    public var result: Schema?
    /// Whether it changes something that has a revision, and takes `If-Match`.
    public var hasRevision = false

    /// A schema by name, or a page of such.
    public enum Schema: Hashable, Sendable {
        case one(String)
        case page(String)
    }

    /// A query parameter.
    public struct QueryParameter: Hashable, Sendable {
        /// Its name.
        public var name: String
        /// What it does.
        public var text: String

        /// A parameter with both parts.
        public init(_ name: String, _ text: String) {
            self.name = name
            self.text = text
        }

        /// Those of every list.
        public static let page = [
            QueryParameter("limit", "1 to 100, 50 when absent"),
            QueryParameter("cursor", "`next_cursor` of the page before"),
        ]
    }

    /// An operation with all its parts.
    public init(
        _ summary: String, query: [QueryParameter] = [], body: String? = nil, success: Int = 200,
        result: Schema? = nil, hasRevision: Bool = false
    ) {
        self.summary = summary
        self.query = query
        self.body = body
        self.success = success
        self.result = result
        self.hasRevision = hasRevision
    }
}

/// Which paths there are, for what the router itself does not tell: who may come to a path, and which methods it has. Splits paths as the router does: empty parts do not count.
struct RouteTable: Sendable {
    /// The methods of a path, with who may use them.
    struct Methods: Sendable {
        fileprivate(set) var all: [(method: HTTPRequest.Method, access: Route.Access)]

        /// Who may use a method; of one that there is not, anyone with a token, or anyone at all, is told so.
        func access(by method: HTTPRequest.Method) -> Route.Access {
            // The router answers HEAD wherever there is GET.
            let known = all.first { $0.method == method } ?? all.first { method == .head && $0.method == .get }
            return known?.access ?? (all.contains { $0.access == .open } ? .open : .role(.viewer))
        }
    }

    private struct Path: Sendable {
        var parts: [Substring]
        var methods: Methods
    }

    private var paths: [Path] = []
    /// What parts of paths are called.
    private var words: Set<Substring> = []

    init(_ routes: [Route]) {
        for route in routes {
            let parts = route.path.split(separator: "/")
            words.formUnion(parts.filter { !$0.hasPrefix("{") && $0 != "**" })
            if let known = paths.firstIndex(where: { $0.parts == parts }) {
                paths[known].methods.all.append((route.method, route.access))
            } else {
                paths.append(Path(parts: parts, methods: Methods(all: [(route.method, route.access)])))
            }
        }
    }

    /// What is at a path; nil when nothing is. A path without parameters goes before one with.
    func find(_ path: String) -> Methods? {
        let parts = path.split(separator: "/")
        let found = paths.filter { Self.matches($0.parts, parts) }
        let best = found.first { !$0.parts.contains { $0.hasPrefix("{") } } ?? found.first
        return best?.methods
    }

    /// A path as logs may show it: what no route has, and is no identifier of ours and no number, is left out. Somebody may
    /// have put a password where a name belongs.
    func shown(_ path: String) -> String {
        let parts = path.split(separator: "/").map { part in
            words.contains(part) || Self.isIdentifier(part) || UInt64(part) != nil ? part : "…"
        }
        return "/" + parts.joined(separator: "/")
    }

    /// Three lower-case letters, an underscore, eleven letters or digits.
    private static func isIdentifier(_ part: Substring) -> Bool {
        let (kind, rest) = (part.utf8.prefix(4), part.utf8.dropFirst(4))
        guard kind.count == 4, kind.last == UInt8(ascii: "_"), rest.count == 11 else { return false }
        return kind.dropLast().allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
            && rest.allSatisfy { byte in
                let character = Character(UnicodeScalar(byte))
                return character.isASCII && (character.isLetter || character.isNumber)
            }
    }

    private static func matches(_ template: [Substring], _ parts: [Substring]) -> Bool {
        if template.last == "**" {
            return parts.count >= template.count && zip(template.dropLast(), parts).allSatisfy { $0 == $1 }
        }
        return template.count == parts.count && zip(template, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }
}
