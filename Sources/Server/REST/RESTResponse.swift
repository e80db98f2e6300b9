import Core
import HTTPTypes
public import Hummingbird
import NIOCore

extension RESTError {
    /// The answer; a line of the server's log has the same `trace`.
    public func response(trace: String) -> Response {
        let body: JSON = [
            "error": [
                "code": .string(code.rawValue), "message": .string(message), "details": details,
                "trace_id": .string(trace),
            ]
        ]
        return .json(body, status: status, headers: headers)
    }
}

extension Response {
    /// An answer with a JSON body.
    static func json(_ body: JSON, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "no-store"
        return Response(
            status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body.bytes)))
    }

    /// An answer that shows a thing, with its revision.
    static func json(_ body: JSON, revision: Position, status: HTTPResponse.Status = .ok) -> Response {
        .json(body, status: status, headers: [.eTag: Revision.tag(revision)])
    }
}
