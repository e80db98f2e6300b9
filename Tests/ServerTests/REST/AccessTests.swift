import Core
import Digests
import Engine
import Foundation
import HTTPTypes
import Objects
import SQLiteLog
import Synchronization
import Testing

@testable import Server

@Suite struct RESTAccessTests {
    @Test("Without a token only the probes answer; every other route and path is 401")
    func tokens() async throws {
        try await withWorld { world, call in
            #expect(try await call(.get, "/healthz", token: nil).status == 200)
            #expect(try await call(.get, "/readyz", token: nil).json["status"] == "ready")
            for route in FleetRouter.routes(world.services) where route.access != .open {
                let path = route.path.replacing("{id}", with: "agt_00000000001").replacing("{position}", with: "1")
                world.clock.advance(by: .seconds(100))  // or there are too many wrong ones
                for token in [nil, "wrong", ""] {
                    let answer = try await call(route.method, path, token: token)
                    #expect(answer.status == 401 && answer.code == "AUTH_FAILED", "\(route.method) \(path)")
                }
            }
            for path in ["/", "/nothing", "/v1/nothing", "/v2/agents"] {
                #expect(try await call(.get, path, token: nil).status == 401)
            }
            for header in ["Bearer", "Basic \(World.token)", World.token, "Bearer  \(World.token)"] {
                let answer = try await call(.get, "/v1/agents", token: nil, headers: [.authorization: header])
                #expect(answer.status == 401 && answer.headers[.wwwAuthenticate] == "Bearer", "\(header)")
            }
            #expect(
                try await call(.get, "/v1/agents", token: nil, headers: [.authorization: "bearer \(World.token)"])
                    .status == 200)
        }
    }

    @Test("Unknown paths are 404, wrong methods 405 with Allow, all in one shape")
    func shape() async throws {
        try await withWorld { _, call in
            for path in ["/", "/v1", "/v1/agent", "/v1/agents/agt_1/nothing", "/v1/targets/tgt_1/test-connection"] {
                let answer = try await call(.get, path)
                #expect(answer.status == 404 && answer.code == "RESOURCE_NOT_FOUND", "\(path)")
                #expect(answer.json.names == ["error"])
                #expect(answer.json["error"]?.names == ["code", "message", "details", "trace_id"])
                #expect(answer.json["error"]?["trace_id"]?.string?.isEmpty == false)
            }
            let answer = try await call(.put, "/v1/agents")
            #expect(answer.status == 405 && answer.headers[.allow] == "GET, HEAD, POST")
            #expect(try await call(.delete, "/healthz", token: nil).status == 405)
            #expect(try await call(.post, "/v1/runs").headers[.allow] == "GET, HEAD")
            #expect(try await call(.head, "/v1/agents").status == 200)
        }
    }

    @Test("Hostile targets and headers are answered, whatever they hold")
    func hostileTargets() async throws {
        try await withWorld { _, call in
            let long = String(repeating: "a", count: 20_000)
            for path in [
                "", "*", "//", "/v1//agents", "/v1/agents/", "/v1/runs/%", "/v1/runs/%zz", "/v1/runs/%ff",
                "/v1/runs/%00",
                "/v1/runs/..%2f..%2flog", "/v1/agents/\(long)", "/v1/log/%31", "/v1/log?limit=%", "/v1/log?&&==&",
                "/v1/log?stream=%00", "/v1/log?stream=\(long)", "/v1/runs?status=%ff", "/v1/agents?cursor=\(long)",
                "/v1/log?stream=é", "/v1/runs/run_é", "http://elsewhere/v1/agents", "/v1/agents#x", "/v1/agents?#",
                "/objects/%2e%2e/x?expires=1&max=1&signature=", "/objects/é?signature=zz",
            ] {
                let answer = try await call(.get, path)
                #expect(answer.status < 500, "\(path.prefix(60)): \(answer.text)")
            }
            for token in ["", " ", long, "é", "\u{1}"] {
                #expect(try await call(.get, "/v1/agents", token: token).status == 401)
            }
        }
    }

    @Test("Not ready is 503 with the reason")
    func readiness() async throws {
        try await withWorld { world, call in
            world.readiness.reason.withLock { $0 = "the log is being verified" }
            let answer = try await call(.get, "/readyz", token: nil)
            #expect(answer.status == 503 && answer.code == "SERVICE_UNAVAILABLE" && answer.text.contains("verified"))
            #expect(answer.headers[.retryAfter] != nil)
        }
    }

    @Test("A token may make 200 requests at once and 50 a second; others have their own")
    func rate() async throws {
        try await withWorld(rate: RateLimit()) { world, call in
            for _ in 0..<200 { #expect(try await call(.get, "/v1/agents").status == 200) }
            let answer = try await call(.get, "/v1/agents")
            #expect(answer.status == 429 && answer.code == "RATE_LIMITED" && answer.headers[.retryAfter] == "1")
            #expect(try await call(.get, "/v1/agents", token: World.otherToken).status == 200)
            #expect(try await call(.get, "/healthz", token: nil).status == 200)
            world.clock.advance(by: Milliseconds(40))
            #expect(try await call(.get, "/v1/agents").status == 200)
            #expect(try await call(.get, "/v1/agents").status == 200)
            #expect(try await call(.get, "/v1/agents").status == 429)
        }
    }

    @Test("A bucket never overflows, and takes clocks that stand still or run back")
    func bucket() {
        var bucket = TokenBucket(RateLimit(perSecond: 2, burst: 3), nanoseconds: 1_000)
        #expect(bucket.take(nanoseconds: 1_000) == nil && bucket.take(nanoseconds: 0) == nil)
        #expect(bucket.take(nanoseconds: 500) == nil && bucket.take(nanoseconds: 1_000) == 1)
        #expect(bucket.take(nanoseconds: 500_001_000) == nil && bucket.take(nanoseconds: 500_001_000) == 1)
        for _ in 0..<3 { #expect(bucket.take(nanoseconds: .max) == nil) }
        #expect(bucket.take(nanoseconds: .max) == 1)
        var slow = TokenBucket(RateLimit(perSecond: 1, burst: 1), nanoseconds: 0)
        #expect(slow.take(nanoseconds: 0) == nil && slow.take(nanoseconds: 1) == 1)
    }

    @Test("The description names exactly the routes that there are, and every schema it refers to")
    func description() async throws {
        try await withWorld { world, call in
            let document = try await call(.get, "/v1/openapi.json").json
            var described: Set<String> = []
            for path in document["paths"]?.names ?? [] {
                for method in document["paths"]?[path]?.names ?? [] {
                    described.insert("\(method.uppercased()) \(path)")
                }
            }
            let routes = FleetRouter.routes(world.services)
            let existing = Set(routes.map { "\($0.method.rawValue) \($0.path.replacing("**", with: "{name}"))" })
            #expect(described == existing && existing.count == routes.count)
            let schemas = document["components"]?["schemas"]?.names ?? []
            #expect(Set(schemas).count == schemas.count)
            var text = try await call(.get, "/v1/openapi.json").text[...]
            while let reference = text.range(of: "#/components/schemas/") {
                text = text[reference.upperBound...]
                #expect(schemas.contains(String(text.prefix { $0 != "\"" })))
            }
        }
    }
}
