import Core
import Digests
import HTTPTypes
import Hummingbird

extension Desk {
    /// Tokens of this interface.
    var tokenRoutes: [Route] {
        [
            Route(
                .get, "/v1/api-tokens", access: .role(.admin),
                Operation("All tokens, without their texts.", query: .page, result: .page("Token")),
                handler: listTokens),
            Route(
                .post, "/v1/api-tokens", access: .role(.admin),
                Operation(
                    "Make a token. Its text is shown this once; the role is viewer where none is given.",
                    body: "NewToken", success: 201, result: .one("NewTokenText")), handler: createToken),
            Route(
                .delete, "/v1/api-tokens/{id}", access: .role(.admin),
                Operation("Let nobody in with a token any more.", success: 204), handler: deleteToken),
        ]
    }

    private func listTokens(_ request: Hummingbird.Request, _ context: FleetContext) throws -> Response {
        let page = try Page(Query(request, allowed: ["limit", "cursor"]), kind: "tokens")
        let (ids, next) = page.select(services.state.read { $0.tokens.idsByCreation })
        let tokens = services.state.read { state in ids.compactMap { id in state.tokens[id].map { (id, $0) } } }
        let items = tokens.map { id, token in
            JSON.object(
                members(id, token.name, token.role, token.createdAt, token.expiresAt))
        }
        return .json(Page.json(items, next: next))
    }

    private func createToken(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await Body.bytes(of: request)
        var body = try Body.parse(bytes)
        let wanted = try TokenBody(&body)
        let text = "bkpy_api_" + SecureRandom.alphanumerics(32)
        let digest = SHA256.digest(of: Array(text.utf8)).bytes
        let spec = APITokenSpec(
            name: wanted.name, role: wanted.role, digest: digest, expiresAt: wanted.expiresAt)
        let grant = try await ask(
            .createToken(TokenID(bits: Self.bits), spec), ticket(request, context, body: bytes))
        guard case .tokenCreated(let id, let made) = grant.acceptance else { throw Self.otherAnswer }
        let shown = members(id, made.name, made.role, grant.recordedAt, made.expiresAt)
        return .json(
            .object(shown + [.init("token", grant.isRepeated ? .null : .string(text))]), status: .created)
    }

    private func deleteToken(_ request: Hummingbird.Request, _ context: FleetContext) async throws -> Response {
        let bytes = try await emptyBody(request)
        _ = try await ask(.deleteToken(identifier(context)), ticket(request, context, body: bytes))
        return Response(status: .noContent)
    }

    private func members(
        _ id: TokenID, _ name: Text, _ role: Role, _ createdAt: Timestamp, _ expiry: Timestamp?
    ) -> [JSON.Member] {
        [
            .init("id", .string(id.text.string)), .init("name", .string(name.string)),
            .init("role", .string(role.rawValue)), .init("created_at", Moment.json(createdAt)),
            .init("expires_at", Moment.json(expiry)),
            .init("last_used_at", Moment.json(services.tokens.lastUse(of: id.text))),
        ]
    }
}
