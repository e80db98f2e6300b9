import Core
import Digests
import HTTPTypes
import NIOCore
import Testing

@testable import Engine
@testable import Server

/// Goal: every route asks for the role that the matrix says. Method: all routes with tokens of all roles.
@Suite struct RESTRoleTests {
    /// What each role may do beyond the ones before it.
    static let matrix: [Role: Set<String>] = [
        .viewer: [
            "GET /v1/agents", "GET /v1/agents/{id}", "GET /v1/agents/{id}/config", "GET /v1/agents/{id}/discovered",
            "GET /v1/agents/{id}/metrics", "GET /v1/agents/{id}/targets", "GET /v1/targets/{id}",
            "GET /v1/agents/{id}/anomalies", "GET /v1/alerts", "GET /v1/alerts/{id}",
            "GET /v1/agents/{id}/jobs", "GET /v1/jobs/{id}", "GET /v1/runs", "GET /v1/runs/{id}",
            "GET /v1/runs/{id}/timeline", "GET /v1/log", "GET /v1/log/{position}", "GET /v1/log/{position}/why",
            "GET /v1/state", "GET /v1/jobs/{id}/retention", "POST /v1/jobs/{id}/retention/preview",
            "GET /v1/openapi.json",
            "GET /v1/health-checks", "GET /v1/health-checks/{id}", "GET /v1/health-checks/{id}/results",
            "GET /v1/health-checks/{id}/uptime",
        ],
        .operator: [
            "PATCH /v1/agents/{id}", "PATCH /v1/agents/{id}/config", "POST /v1/agents/{id}/targets",
            "PATCH /v1/targets/{id}", "DELETE /v1/targets/{id}", "POST /v1/agents/{id}/jobs", "PATCH /v1/jobs/{id}",
            "DELETE /v1/jobs/{id}", "POST /v1/jobs/{id}/run", "POST /v1/runs/{id}/cancel",
            "GET /v1/runs/{id}/download-url", "POST /v1/runs/{id}/decryption-token",
            "POST /v1/runs/{id}/lock",
            "POST /v1/alerts/{id}/acknowledge",
            "POST /v1/health-checks", "PATCH /v1/health-checks/{id}", "DELETE /v1/health-checks/{id}",
            "POST /v1/health-checks/{id}/run",
        ],
        .admin: [
            "POST /v1/agents", "DELETE /v1/agents/{id}", "POST /v1/agents/{id}/rotate-key", "DELETE /v1/runs/{id}",
            "DELETE /v1/runs/{id}/lock",
            "GET /v1/api-tokens", "POST /v1/api-tokens", "DELETE /v1/api-tokens/{id}",
        ],
    ]

    @Test("The matrix and the routes agree, and each route refuses each role below its own")
    func matrix() async throws {
        try await withTokens { world, call, tokens in
            let routes = FleetRouter.routes(world.services)
            for role in Role.allCases {
                let wanted = routes.filter { $0.access == .role(role) }.map { "\($0.method.rawValue) \($0.path)" }
                #expect(Set(wanted) == Self.matrix[role])
            }
            for route in routes {
                guard case .role(let needed) = route.access else { continue }
                let path = route.path.replacing("{id}", with: "xxx_00000000001").replacing("{position}", with: "1")
                for role in Role.allCases {
                    let answer = try await call(route.method, path, token: tokens[role])
                    let isRefused = answer.status == 403 && answer.code == "PERMISSION_DENIED"
                    #expect(isRefused == (role < needed), "\(route.method) \(route.path) as \(role): \(answer.status)")
                    #expect(answer.status != 401 && answer.status < 500)
                }
            }
        }
    }

    @Test("A token is shown once, stored as a digest, listed without its text, and gone at once when deleted")
    func tokens() async throws {
        try await withTokens { world, call, _ in
            let made = try await call(
                .post, "/v1/api-tokens", #"{"name":"ci","role":"operator","expires_at":null}"#,
                headers: [.idempotencyKey: "k1"])
            let text = try #require(made.json["token"]?.string)
            #expect(made.status == 201 && text.hasPrefix("bkpy_api_") && text.utf8.count == 41)
            let id = try #require(made.json["id"]?.string)
            #expect(id.hasPrefix("tok_"))
            let again = try await call(
                .post, "/v1/api-tokens", #"{"name":"ci","role":"operator","expires_at":null}"#,
                headers: [.idempotencyKey: "k1"])
            #expect(again.json["id"]?.string == id && again.json["token"] == .null)
            #expect(try await call(.post, "/v1/agents/x/jobs", "{}", token: text).status == 404)
            let list = try await call(.get, "/v1/api-tokens")
            #expect(!list.text.contains(text) && list.text.contains(id))
            let item = list.json["items"]?.array.first { $0["id"]?.string == id }
            #expect(item?["last_used_at"]?.string != nil && item?["role"] == "operator")
            #expect(try await !call(.get, "/v1/log").text.contains(text))
            #expect(try await call(.delete, "/v1/api-tokens/\(id)").status == 204)
            #expect(try await call(.get, "/v1/agents", token: text).status == 401)
            #expect(try await call(.delete, "/v1/api-tokens/\(id)").status == 404)
            for body in [#"{"role":"viewer"}"#, #"{"name":"x","role":"root"}"#, #"{"name":"x","expires_at":"soon"}"#] {
                #expect(try await call(.post, "/v1/api-tokens", body).status == 422)
            }
        }
    }

    @Test("A token that has expired is 401 and says so, to the moment")
    func expiry() async throws {
        try await withTokens { world, call, _ in
            let expiry = Moment.text(world.clock.wallTime() + .seconds(10))
            let made = try await call(.post, "/v1/api-tokens", #"{"name":"x","expires_at":"\#(expiry)"}"#)
            let text = try #require(made.json["token"]?.string)
            #expect(made.json["role"] == "viewer")
            world.clock.advance(by: Milliseconds(9_999))
            #expect(try await call(.get, "/v1/agents", token: text).status == 200)
            world.clock.advance(by: Milliseconds(1))
            let late = try await call(.get, "/v1/agents", token: text)
            #expect(late.status == 401 && late.text.contains("expired"))
            let past = try await call(.post, "/v1/api-tokens", #"{"name":"x","expires_at":"\#(expiry)"}"#)
            #expect(past.status == 422 && past.field == "expires_at")
        }
    }

    @Test("Hooks and paths are refused to operators with 403, whatever else the change holds")
    func overreach() async throws {
        try await withTokens { _, call, tokens in
            let agent = try #require(try await call(.post, "/v1/agents", #"{"name":"a"}"#).json["id"]?.string)
            let body = #"{"type":"postgresql","connection":{"host":"h","database":"d"}}"#
            let target = try #require(
                try await call(.post, "/v1/agents/\(agent)/targets", body, token: tokens[.operator]).json["id"]?.string)
            let job = try #require(
                try await call(
                    .post, "/v1/agents/\(agent)/jobs", #"{"target_id":"\#(target)"}"#, token: tokens[.operator]
                ).json["id"]?.string)
            for (path, change, status) in [
                ("jobs/\(job)", #"{"timeout_sec":3}"#, 200), ("jobs/\(job)", #"{"retention_days":3}"#, 403),
                ("jobs/\(job)", #"{"retention":{"keep_last":3}}"#, 403), ("jobs/\(job)", #"{"pre_hooks":["id"]}"#, 403),
                ("jobs/\(job)", #"{"timeout_sec":4,"post_hooks":["id"]}"#, 403),
                ("targets/\(target)", #"{"connection":{"port":5433}}"#, 200),
                ("targets/\(target)", #"{"type":"sqlite"}"#, 403),
                ("targets/\(target)", #"{"connection":{"password_secret_ref":"file:/etc/shadow"}}"#, 403),
                ("targets/\(target)", #"{"connection":{"password_secret_ref":"a new password"}}"#, 200),
            ] {
                let answer = try await call(.patch, "/v1/\(path)", change, token: tokens[.operator])
                #expect(answer.status == status, "\(change): \(answer.text)")
                if status == 403 { #expect(answer.code == "PERMISSION_DENIED") }
            }
            #expect(try await call(.patch, "/v1/jobs/\(job)", #"{"pre_hooks":["id"]}"#).status == 200)
            #expect(try await call(.get, "/v1/jobs/\(job)").json["timeout_sec"]?.number == 3)
        }
    }

    @Test("Wrong tokens are 401 until there are too many, then 429 with Retry-After; right ones are let in throughout")
    func wrongTokens() async throws {
        try await withTokens { world, call, tokens in
            for number in 0..<100 {
                #expect(try await call(.get, "/v1/agents", token: "wrong \(number)").status == 401)
            }
            let answer = try await call(.get, "/v1/agents", token: "wrong")
            #expect(answer.status == 429 && answer.code == "RATE_LIMITED" && answer.headers[.retryAfter] == "1")
            #expect(try await call(.get, "/v1/agents", token: nil).status == 401)
            for role in Role.allCases { #expect(try await call(.get, "/v1/agents", token: tokens[role]).status == 200) }
            world.clock.advance(by: .seconds(1))
            #expect(try await call(.get, "/v1/agents", token: "wrong").status == 401)
            #expect(try await call(.get, "/v1/agents", token: "wrong").status == 429)
        }
    }

    @Test("Each address has its own count, a whole /64 of version 6 one, and memory is bounded")
    func addresses() throws {
        func address(_ text: String) throws -> NetworkAddress? {
            NetworkAddress(try SocketAddress(ipAddress: text, port: 1))
        }
        #expect(try address("2001:db8::1") == address("2001:db8::ffff:2"))
        #expect(try address("2001:db8:0:1::1") != address("2001:db8::1"))
        #expect(try address("::ffff:192.0.2.1") == address("192.0.2.1"))
        #expect(try address("192.0.2.1") != address("192.0.2.2"))
        let wrong = WrongKeys(limit: RateLimit(perSecond: 1, burst: 2))
        let one = try address("192.0.2.1")
        #expect(wrong.count(one, nanoseconds: 0) == nil && wrong.count(one, nanoseconds: 0) == nil)
        #expect(wrong.count(one, nanoseconds: 0) == 1)
        #expect(try wrong.count(address("192.0.2.2"), nanoseconds: 0) == nil)
        for number in 0..<10_000 {
            _ = try wrong.count(address("10.1.\(number >> 8).\(number & 255)"), nanoseconds: 0)
        }
        #expect(wrong.addressCount <= WrongKeys.capacity + 1)
        #expect(wrong.count(one, nanoseconds: 0) == 1, "those who were known are not forgotten for newer ones")
        let second: UInt64 = 1_000_000_000
        _ = try wrong.count(address("10.200.0.1"), nanoseconds: 10 * second)
        #expect(wrong.addressCount < 10, "those who have been quiet are")
    }

    /// A world with a token of each role.
    private func withTokens(
        _ body: @escaping @Sendable (World, Client, [Role: String]) async throws -> Void
    ) async throws {
        try await withWorld { world, call in
            var tokens: [Role: String] = [:]
            for role in Role.allCases {
                let made = try await call(
                    .post, "/v1/api-tokens", #"{"name":"\#(role)","role":"\#(role.rawValue)"}"#)
                tokens[role] = try #require(made.json["token"]?.string)
            }
            try await body(world, call, tokens)
        }
    }
}
