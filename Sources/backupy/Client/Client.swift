import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Server

/// Where the server is, and how to be let in.
struct ServerOptions: ParsableArguments {
    @Option(help: "The server's address (default: BACKUPY_URL, else http://127.0.0.1:8080).") var url: String?
    @Option(help: "An API token (default: BACKUPY_TOKEN, else admin.token in the data directory).") var token: String?
    @Option(help: "The data directory of a local server, for its admin.token.") var data: String?
    @Flag(help: "Print the server's JSON.") var json = false

    func client() throws -> Client {
        let environment = ProcessInfo.processInfo.environment
        let base = url ?? environment["BACKUPY_URL"].flatMap { $0.isEmpty ? nil : $0 } ?? "http://127.0.0.1:8080"
        try Self.check(base)
        if let token = token ?? environment["BACKUPY_TOKEN"].flatMap({ $0.isEmpty ? nil : $0 }) {
            return Client(base: base, token: token)
        }
        guard let data = data ?? environment["BACKUPY_DATA"] else {
            throw Failure(
                text: "no token: set BACKUPY_TOKEN, or give --token, or --data with the directory of a local server",
                code: Failure.usage)
        }
        let file = URL(filePath: data).appending(path: "admin.token").path
        guard let text = Input.text(of: file) else {
            throw Failure(text: "\(file) cannot be read; give --token, or run as the user who runs the server")
        }
        return Client(base: base, token: text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// An address is repeated in errors, so it may hold nothing secret. One that is refused is not repeated at all, since it
    /// may hold a password wherever it is not understood.
    private static func check(_ base: String) throws {
        func refusal(_ problem: String) -> Failure {
            Failure(text: "the server's address (--url, or BACKUPY_URL) \(problem)", code: Failure.usage)
        }
        guard let parts = URLComponents(string: base), ["http", "https"].contains(parts.scheme),
            parts.host?.isEmpty == false
        else { throw refusal("must be http://HOST:PORT or https://HOST:PORT") }
        guard parts.user == nil, parts.password == nil else {
            throw refusal("must not hold a user or password; a token goes into BACKUPY_TOKEN")
        }
        guard parts.query == nil, parts.fragment == nil else { throw refusal("must end with its path") }
    }
}

/// For a change that is to be made only from the state that was seen.
struct RevisionOption: ParsableArguments {
    @Option(help: "Only if its revision, as `show --json` gives it, still is this one.") var ifRevision: UInt64?
}

/// Speaks to the REST interface.
struct Client: Sendable {
    enum Method: String {
        case GET, POST, PATCH, DELETE
    }

    let base: String
    let token: String

    /// How many seconds a call waits in all when it is told to come again.
    private static let patience = 30

    /// Trusts the system's certificates, and those in the PEM file that SSL_CERT_FILE names, as the agent does. Lives as
    /// long as the process.
    static let http: HTTPClient = {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        if let file = ProcessInfo.processInfo.environment["SSL_CERT_FILE"], !file.isEmpty {
            tls.additionalTrustRoots = [.file(file)]
        }
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls)
        // A connection on which nothing comes any more is given up.
        configuration.timeout.read = .seconds(90)
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    /// One call of the REST interface. The answer's bytes, and its members.
    ///
    /// What is refused because of its rate was not done, and is repeated as soon as the server allows.
    ///
    /// - Throws: ``Failure``, also for an answer that only something else than a server gives.
    @discardableResult
    func call(
        _ method: Method, _ path: String, _ body: JSON? = nil, key: String? = nil, revision: UInt64? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: base.trimmingSuffix("/") + "/v1" + path)
        request.method = HTTPMethod(rawValue: method.rawValue)
        request.headers.add(name: "Authorization", value: "Bearer \(token)")
        if let revision { request.headers.add(name: "If-Match", value: "\"\(revision)\"") }
        if let key { request.headers.add(name: "Idempotency-Key", value: key) }
        if let body {
            request.headers.add(name: "Content-Type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body.bytes))
        }
        var patience = Self.patience
        while true {
            let (response, bytes) = try await send(request)
            let status = Int(response.status.code)
            if (200..<300).contains(status) { return try Answer(bytes, from: request.url) }
            let wait = max(1, response.headers.first(name: "Retry-After").flatMap { Int($0) } ?? 1)
            guard status == 429, wait <= patience else { throw Self.failure(status, bytes) }
            patience -= wait
            try await Task.sleep(for: .seconds(wait))
        }
    }

    private func send(_ request: HTTPClientRequest) async throws -> (HTTPClientResponse, [UInt8]) {
        do {
            let response = try await Self.http.execute(request, timeout: .seconds(30))
            return (response, Array(try await response.body.collect(upTo: 64 << 20).readableBytesView))
        } catch {
            throw Failure(
                text: "\(base) does not answer (\(Self.words(for: error))); is `backupy serve` running there?",
                isPassing: true)
        }
    }

    private static func failure(_ status: Int, _ bytes: [UInt8]) -> Failure {
        let error = (JSON(parsing: bytes) ?? .null).member("error")
        let text = error.member("message").text ?? "the server answered \(status)"
        return Failure(
            text: "\(error.member("code").text ?? "HTTP \(status)"): \(text)", status: status,
            isPassing: [429, 502, 503, 504].contains(status))
    }

    static func words(for error: any Error) -> String {
        switch error {
        case let error as HTTPClientError
        where [.connectTimeout, .readTimeout, .deadlineExceeded].contains(error):
            "timed out"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { words(for: $0.error) } ?? "connection failed"
        default: "\(error)"
        }
    }

    /// All items of a list, page after page.
    func list(_ path: String, limit: Int? = nil) async throws -> [JSON] {
        var items: [JSON] = []
        var cursor: String?
        repeat {
            var query = path + (path.contains("?") ? "&" : "?") + "limit=\(min(limit ?? 100, 100))"
            if let cursor { query += "&cursor=\(cursor.percentEncoded)" }
            let page = try await call(.GET, query)
            items += try page.list("items")
            cursor = page.json.member("next_cursor").text
        } while cursor != nil && items.count < limit ?? .max
        return limit.map { Array(items.prefix($0)) } ?? items
    }

    /// What one agent has of something, such as `jobs`, or what all of them have, one list after the other.
    func listOfAgents(_ part: String, of agent: String?) async throws -> [JSON] {
        if let agent { return try await list("/agents/\(agent.percentEncoded)/\(part)") }
        var items: [JSON] = []
        for agent in try await list("/agents").compactMap({ $0.member("id").text }) {
            do {
                items += try await list("/agents/\(agent.percentEncoded)/\(part)")
            } catch let failure as Failure where failure.status == 404 {
                continue  // deleted since the agents were listed
            }
        }
        return items
    }
}

extension String {
    /// For a part of a path or a value of a query.
    var percentEncoded: String {
        addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-._~"))) ?? self
    }

    func trimmingSuffix(_ suffix: String) -> String { hasSuffix(suffix) ? String(dropLast(suffix.count)) : self }
}
