import HTTPTypes
import Hummingbird
import NIOCore

// What is read of requests goes through values that know nothing of a server: they are fuzzed without one.

extension Body {
    /// Reads a request's whole body.
    static func bytes(of request: Request) async throws -> [UInt8] {
        let tooLarge = RESTError(
            .validation, "the body must have at most \(byteLimit) bytes", status: .contentTooLarge)
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > byteLimit { throw tooLarge }
        let start = ContinuousClock.now
        var collected: [UInt8] = []
        var pieces = request.body.makeAsyncIterator()
        while let buffer = try await next(of: &pieces) {
            guard start.duration(to: .now) < arrivalLimit else {
                let seconds = arrivalLimit.components.seconds
                throw RESTError(.validation, "the body must arrive within \(seconds) s", status: .requestTimeout)
            }
            guard collected.count + buffer.readableBytes <= byteLimit else { throw tooLarge }
            collected.append(contentsOf: buffer.readableBytesView)
        }
        if !collected.isEmpty, let type = request.headers[.contentType], !isAccepted(type) {
            throw RESTError.field("Content-Type", "must be application/json")
        }
        return collected
    }

    /// The sender has gone, or its connection has broken: no fault of the server's.
    private static func next(of pieces: inout RequestBody.AsyncIterator) async throws(RESTError) -> ByteBuffer? {
        do {
            return try await pieces.next()
        } catch {
            throw RESTError(.validation, "the body was cut off; send it again", status: .badRequest)
        }
    }

    /// What JSON may be called. Among it what tools say about a body when they are told nothing.
    private static func isAccepted(_ type: String) -> Bool {
        let name = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        return ["application/json", "text/json", "text/plain", "application/x-www-form-urlencoded"].contains(name)
            || name.hasSuffix("+json")
    }
}

extension Query {
    /// The parameters of a request.
    init(_ request: Request, allowed: [String]) throws(RESTError) {
        try self.init(request.uri.queryParameters.map { ($0.key, $0.value) }, allowed: allowed)
    }
}
