import Core
import Digests
import Engine
import HTTPTypes
import Hummingbird

/// What all handlers share: submits requests, waits for their answers, and reads.
struct Desk: Sendable {
    /// A granted request.
    struct Grant: Sendable {
        /// What has become true; of a repeated request, what became true the first time.
        var acceptance: Acceptance
        /// When that was recorded.
        var recordedAt: Timestamp
        /// Where: the revision of what it made.
        var position: Position
        /// Whether the same was asked before under the same key: what is shown once is not shown again.
        var isRepeated: Bool
    }

    let services: FleetServices
    let secrets: SecretKeeper
    /// For folding the log anew.
    let turnstile = Turnstile()
    private let idempotencyKey: [UInt8]

    init(_ services: FleetServices) {
        self.services = services
        secrets = services.secrets
        idempotencyKey = HMACSHA256.code(of: Array("idempotency".utf8), key: services.tokenKey).bytes
    }

    /// 64 fresh bits, for an id.
    static var bits: UInt64 {
        SecureRandom.bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Who asks. On a POST also whether it may be the same question again: the digest is over method, path and body, and
    /// keyed, since a body may hold a password and the digest is on the log. Of the key only a digest is on the log too: it
    /// is any text that a client chose.
    ///
    /// - Throws: also where the body holds the token that came with the request.
    func ticket(_ request: Hummingbird.Request, _ context: FleetContext, body: [UInt8]) throws(RESTError) -> Ticket {
        try refuseToken(of: request, in: body)
        guard request.method == .post, let key = request.headers[.idempotencyKey] else {
            let isConditional = request.method == .patch || request.method == .delete
            let expected = try Revision.expected(by: isConditional ? request.headers[.ifMatch] : nil)
            return Ticket(token: context.token, role: context.role, expected: expected)
        }
        guard (1...200).contains(key.utf8.count), key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .field("Idempotency-Key", "must have 1 to 200 printable ASCII characters without spaces")
        }
        let content = Array("\(request.method.rawValue)\n\(request.uri.path)\n".utf8) + body
        let digest = HMACSHA256.code(of: content, key: idempotencyKey)
        let name = SHA256.digest(of: Array(key.utf8)).hex.prefix(32)
        return Ticket(
            token: context.token, role: context.role,
            idempotency: Ticket.Idempotency(key: Text(String(name)), bodyDigest: digest.bytes))
    }

    private func refuseToken(of request: Hummingbird.Request, in body: [UInt8]) throws(RESTError) {
        guard !body.isEmpty, let token = request.headers[.authorization]?.split(separator: " ").last else { return }
        guard KnownSecrets.holds(body, any: [Array(token.utf8)]) else { return }
        throw RESTError(.validation, "the body holds the token of this request, which would be kept for ever")
    }

    /// Refuses texts that would stand on the log and hold a password of the agent's targets.
    func refusePasswords(of agent: AgentID?, in texts: [(member: String, text: Text)]) async throws {
        guard let agent, !texts.isEmpty else { return }
        let passwords = try await secrets.passwords(of: agent)
        for (member, text) in texts where KnownSecrets.holds(text, any: passwords) {
            throw RESTError.holdsSecret(member)
        }
    }

    /// Submits a request, and returns once its acceptance can be read.
    func ask(_ question: Core.Request, _ ticket: Ticket) async throws -> Grant {
        let turn: Turn<Fleet.Message>
        do {
            turn = try await services.submitter.request(.requested(question, ticket), expecting: .any)
        } catch {
            throw Self.error(error)
        }
        for entry in turn.entries where entry.cause == turn.position {
            switch entry.message {
            case .refused(let refusal):
                throw Self.error(refusal)
            case .accepted(let acceptance, _):
                try await wait(for: turn.end)
                guard case .repeated(let position) = acceptance else {
                    return Grant(
                        acceptance: acceptance, recordedAt: entry.recordedAt, position: entry.position,
                        isRepeated: false)
                }
                return try await former(position)
            default:
                continue
            }
        }
        throw RESTError(.internal, "the request has no answer on the log")
    }

    /// The same, for a request that names a password which is to be kept first.
    func ask(
        _ ticket: Ticket, password: Text?, of agent: AgentID?, _ question: (Text?) -> Core.Request
    ) async throws -> Grant {
        guard let password else { return try await ask(question(nil), ticket) }
        let name = try await secrets.keep(password, of: agent)
        do {
            let grant = try await ask(question(name), ticket)
            secrets.settle(name)
            await secrets.sweep()
            return grant
        } catch let error as RESTError where error.code != .unavailable || error.isUnrecorded {
            await secrets.discard(name)
            throw error
        }
        // Any other error leaves open whether the request is on the log: the password stays.
    }

    private func wait(for position: Position) async throws {
        do {
            try await services.state.wait(for: position, limit: .seconds(5))
        } catch {
            throw RESTError.unavailable("it is done and stored, but reading is behind; repeat with the same key")
        }
    }

    private func former(_ position: Position) async throws -> Grant {
        guard let entry = try await entry(at: position), case .accepted(let acceptance, _) = entry.message else {
            throw RESTError(.internal, "the former answer is not at position \(position)")
        }
        return Grant(acceptance: acceptance, recordedAt: entry.recordedAt, position: position, isRepeated: true)
    }

    /// The entry at a position; nil beyond the end.
    func entry(at position: Position) async throws -> Entry<Fleet.Message>? {
        let (log, codec) = (services.log, services.codec)
        return try await blocking { try log.entry(at: position).map { try codec.decode($0) } }
    }

    /// The wall clock.
    var now: Timestamp { services.clock.wallTime() }

    private static func error(_ refusal: Refusal) -> RESTError {
        let field = refusal.field.string
        var details: JSON = field.isEmpty ? [:] : ["field": .string(field)]
        if let current = refusal.current {
            details = ["field": .string(field), "revision": .integer(current.number)]
        }
        let text = field.isEmpty ? refusal.text.string : "\(field): \(refusal.text)"
        return switch refusal.code {
        case .notFound: RESTError(.notFound, text, details: details)
        case .validation: RESTError(.validation, text, details: details)
        case .conflict: RESTError(.conflict, text, details: details)
        case .precondition:
            RESTError(
                .precondition, text, details: details,
                headers: refusal.current.map { [.eTag: Revision.tag($0)] } ?? [:])
        case .permission: RESTError(.permissionDenied, text, details: details)
        case .rateLimited: RESTError(.rateLimited, text, details: details, headers: [.retryAfter: "60"])
        }
    }

    private static func error(_ error: SubmitError) -> RESTError {
        switch error {
        case .busy:
            .unrecorded("too many requests are waiting; nothing was recorded, repeat it in a moment")
        case .log(.full):
            .unavailable("the log has no room; repeat with the same Idempotency-Key", retryAfterSeconds: 5)
        case .log, .stopped:
            .unavailable("whether this was recorded is unknown; repeat with the same Idempotency-Key")
        case .conflict, .notPending:
            RESTError(.conflict, error.description)
        }
    }
}

extension RESTError {
    /// It may work later, and it is certain that nothing was recorded.
    static func unrecorded(_ message: String) -> RESTError {
        RESTError(.unavailable, message, details: ["recorded": false], headers: [.retryAfter: "1"])
    }

    var isUnrecorded: Bool { details["recorded"] == .bool(false) }
}
