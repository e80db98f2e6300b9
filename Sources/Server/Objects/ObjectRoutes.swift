import Core
import Digests
import Engine
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Objects

/// The embedded store's own addresses: PUT, GET and HEAD of `/objects/NAME`, each good only with its signature.
///
/// Content passes in pieces, one at a time, and all that waits for the disk waits on threads made for that. So memory
/// is bounded by the number of connections, and a slow disk slows the sender.
struct ObjectRoutes: Sendable {
    let store: DirectoryStore
    let signer: ObjectURLSigner
    let clock: any Clock
    let logger: Logger

    private static let pieceByteCount = 256 << 10

    var routes: [Route] {
        signer.prefixes.flatMap { prefix -> [Route] in
            let path = prefix + "**"
            return [
                Route(.put, path, access: .open, Operation("Store an object at a signed address."), handler: put),
                Route(.get, path, access: .open, Operation("Fetch an object from a signed address."), handler: get),
                Route(.head, path, access: .open, Operation("Look at an object."), handler: get),
            ]
        }
    }

    private func put(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let grant = try admit(request)
        guard let header = request.headers[.contentLength] else {
            throw RESTError(.validation, "the header Content-Length is needed", status: .lengthRequired)
        }
        guard let byteCount = UInt64(header) else {
            throw RESTError.field("Content-Length", "must be a number of bytes")
        }
        do {
            try await store(request.body, byteCount: byteCount, under: grant)
        } catch let error as ObjectStoreError {
            throw Self.error(error, logger)
        } catch let cut as CutOff {
            logger.info("the upload of \(grant.name) was cut off: \(cut.cause)")
            throw RESTError(.validation, "the content ended before its length; send it again", status: .badRequest)
        }
        return Response(status: .ok)
    }

    private func store(_ content: RequestBody, byteCount: UInt64, under grant: ObjectURLSigner.Grant) async throws {
        let store = store
        let sink = try await blocking(on: .content) {
            try store.beginUpload(
                grant.name, declaredByteCount: byteCount, maximumByteCount: grant.maximumByteCount)
        }
        do {
            var pieces = content.makeAsyncIterator()
            while let buffer = try await Self.next(of: &pieces) {
                try await blocking(on: .content) { try buffer.withUnsafeReadableBytes { try sink.write($0) } }
            }
            _ = try await blocking(on: .content) { try sink.finish() }
        } catch {
            // Also when the sender has gone: nothing stays of half an object.
            sink.abort()
            throw error
        }
    }

    /// The sender has gone, or its connection has broken: no fault of the server's.
    private struct CutOff: Error {
        let cause: any Error
    }

    private static func next(of pieces: inout RequestBody.AsyncIterator) async throws(CutOff) -> ByteBuffer? {
        do {
            return try await pieces.next()
        } catch {
            throw CutOff(cause: error)
        }
    }

    private func get(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let grant = try admit(request)
        let store = store
        let object: Objects.StoredObject
        do {
            object = try await blocking(on: .content) { try store.open(grant.name) }
        } catch let error as ObjectStoreError {
            throw Self.error(error, logger)
        }
        let range = try ByteRange(request.headers[.range], byteCount: object.byteCount)
        var headers: HTTPFields = [
            .contentType: "application/octet-stream", .acceptRanges: "bytes",
            .contentLength: String(range.byteCount),
        ]
        if let digest = object.digest { headers[.eTag] = "\"\(digest.hex)\"" }
        if range.isPartial { headers[.contentRange] = range.header }
        let status: HTTPResponse.Status = range.isPartial ? .partialContent : .ok
        guard request.method == .get else { return Response(status: status, headers: headers) }
        let body = ResponseBody(contentLength: Int(clamping: range.byteCount)) { writer in
            var offset = range.start
            while offset < range.end {
                let count = Int(min(UInt64(Self.pieceByteCount), range.end - offset))
                let start = offset
                let piece = try await blocking(on: .content) { try object.bytes(at: start, byteCount: count) }
                // The head is out already: only ending the connection tells that something is missing.
                guard !piece.isEmpty else { throw ObjectStoreError.notFound(object.name) }
                try await writer.write(ByteBuffer(bytes: piece))
                offset += UInt64(piece.count)
            }
            try await writer.finish(nil)
        }
        return Response(status: status, headers: headers, body: body)
    }

    private func admit(_ request: Hummingbird.Request) throws(RESTError) -> ObjectURLSigner.Grant {
        let verdict = signer.verify(
            method: request.method.rawValue, target: request.head.path ?? "",
            nowMilliseconds: UInt64(clamping: clock.wallTime().milliseconds))
        switch verdict {
        case .valid(let grant): return grant
        case .expired: throw RESTError(.permissionDenied, "this address was good once and has expired; get a new one")
        case .invalid:
            throw RESTError(.permissionDenied, "this address is not one of ours for this method, or was changed")
        }
    }

    private static func error(_ error: ObjectStoreError, _ logger: Logger) -> RESTError {
        switch error {
        case .conflict: return RESTError(.conflict, error.description)
        case .tooLarge: return RESTError(.validation, error.description, status: .contentTooLarge)
        case .lengthMismatch: return RESTError(.validation, error.description)
        case .insufficientSpace:
            return RESTError(
                .unavailable, error.description,
                status: HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage"))
        case .notFound: return RESTError(.notFound, error.description)
        case .failed:
            logger.error("\(error)")
            return RESTError(.internal, "the object store failed; the server's log says why")
        }
    }
}
