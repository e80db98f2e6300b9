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
        guard let parsed = URL(string: base), ["http", "https"].contains(parsed.scheme), parsed.host != nil else {
            throw Failure(text: "\(base) is no address of a server; use http://HOST:PORT", code: Failure.usage)
        }
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

    /// Trusts the system's certificates, and those in the PEM file that SSL_CERT_FILE names, as the agent does. Lives as
    /// long as the process.
    static let http: HTTPClient = {
        guard let file = ProcessInfo.processInfo.environment["SSL_CERT_FILE"], !file.isEmpty else { return .shared }
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.additionalTrustRoots = [.file(file)]
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: .init(tlsConfiguration: tls))
    }()

    /// One call of the REST interface. The answer's bytes, and its members.
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
        let response: HTTPClientResponse
        do {
            response = try await Self.http.execute(request, timeout: .seconds(30))
        } catch {
            throw Failure(
                text: "\(base) does not answer (\(Self.words(for: error))); is `backupy serve` running there?",
                isPassing: true)
        }
        let buffer = try await response.body.collect(upTo: 64 << 20)
        let bytes = Array(buffer.readableBytesView)
        let json = JSON(parsing: bytes) ?? .null
        guard (200..<300).contains(response.status.code) else {
            let error = json.member("error")
            let text = error.member("message").text ?? "the server answered \(response.status.code)"
            throw Failure(
                text: "\(error.member("code").text ?? "HTTP \(response.status.code)"): \(text)",
                isPassing: [429, 503].contains(response.status.code))
        }
        return Answer(bytes: bytes, json: json)
    }

    private static func words(for error: any Error) -> String {
        switch error {
        case let error as HTTPClientError where error == .connectTimeout || error == .deadlineExceeded: "timed out"
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
            let page = try await call(.GET, query).json
            items += page.member("items").list
            cursor = page.member("next_cursor").text
        } while cursor != nil && items.count < limit ?? .max
        return limit.map { Array(items.prefix($0)) } ?? items
    }
}

/// What the server said.
struct Answer: Sendable {
    var bytes: [UInt8]
    var json: JSON
    var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension String {
    /// For a part of a path or a value of a query.
    var percentEncoded: String {
        addingPercentEncoding(withAllowedCharacters: .alphanumerics.union(CharacterSet(charactersIn: "-._~"))) ?? self
    }

    func trimmingSuffix(_ suffix: String) -> String { hasSuffix(suffix) ? String(dropLast(suffix.count)) : self }
}
