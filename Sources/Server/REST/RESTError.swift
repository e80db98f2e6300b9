public import HTTPTypes

/// What a request is answered with when it is not done, in the one shape of errors:
/// `{"error":{"code","message","details","trace_id"}}`.
public struct RESTError: Error, Sendable, CustomStringConvertible {
    /// The codes of the interface.
    public enum Code: String, Sendable, CaseIterable {
        case authenticationFailed = "AUTH_FAILED"
        case permissionDenied = "PERMISSION_DENIED"
        case notFound = "RESOURCE_NOT_FOUND"
        case validation = "VALIDATION_ERROR"
        case conflict = "CONFLICT"
        case precondition = "PRECONDITION_FAILED"
        case rateLimited = "RATE_LIMITED"
        case `internal` = "INTERNAL"
        case unavailable = "SERVICE_UNAVAILABLE"

        /// The status that goes with the code where nothing else is said.
        public var status: HTTPResponse.Status {
            switch self {
            case .authenticationFailed: .unauthorized
            case .permissionDenied: .forbidden
            case .notFound: .notFound
            case .validation: .unprocessableContent
            case .conflict: .conflict
            case .precondition: .preconditionFailed
            case .rateLimited: .tooManyRequests
            case .internal: .internalServerError
            case .unavailable: .serviceUnavailable
            }
        }
    }

    /// The code.
    public var code: Code
    /// The status.
    public var status: HTTPResponse.Status
    /// What was wrong and what to do.
    public var message: String
    /// More for programs, such as `field`.
    public var details: JSON
    /// Headers that go with it, such as `Allow`.
    public var headers: HTTPFields

    /// An error with its parts; the status is the code's own unless another one is given.
    public init(
        _ code: Code, _ message: String, details: JSON = [:], status: HTTPResponse.Status? = nil,
        headers: HTTPFields = [:]
    ) {
        self.code = code
        self.status = status ?? code.status
        self.message = message
        self.details = details
        self.headers = headers
    }

    /// A member of the body, a parameter or a header is wrong.
    static func field(_ name: String, _ problem: String) -> RESTError {
        RESTError(.validation, name.isEmpty ? problem : "\(name): \(problem)", details: ["field": .string(name)])
    }

    /// A text that would stand on the log holds a secret.
    static func holdsSecret(_ field: String) -> RESTError {
        .field(
            field,
            "holds a secret (a password, a signature, a key or a token), and would be kept for ever: passwords belong "
                + "into password_secret_ref, and hooks read them from files or variables of their host")
    }

    /// A name that a client chose, for an answer: only names of the kind that this interface has are repeated, since
    /// whatever stands in the wrong place may be a secret.
    static func shown(_ name: String) -> String {
        let isName = name.utf8.count <= 32 && name.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || $0 == 0x5F }
        return isName && !name.isEmpty ? name : "…"
    }

    /// There is no such thing.
    static func unknown(_ what: String) -> RESTError { RESTError(.notFound, "there is no such \(what)") }

    /// It may work later.
    static func unavailable(_ message: String, retryAfterSeconds: Int = 1) -> RESTError {
        RESTError(.unavailable, message, headers: [.retryAfter: String(retryAfterSeconds)])
    }

    /// Code and message.
    public var description: String { "\(code.rawValue): \(message)" }
}

extension HTTPField.Name {
    static let idempotencyKey = Self("Idempotency-Key")!
}
