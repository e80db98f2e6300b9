import Core
import Digests
import Engine
import Foundation
import HTTPTypes
import Objects
import SQLiteLog
import Testing
import Wire

@testable import Server

@Suite struct RESTIdempotencyTests {
    @Test("The same request under the same key is done once, and answered alike but for what is shown once")
    func repeated() async throws {
        try await withWorld { world, call in
            let headers: HTTPFields = [.idempotencyKey: "key-1"]
            let first = try await call(.post, "/v1/agents", #"{"name":"a"}"#, headers: headers)
            let second = try await call(.post, "/v1/agents", #"{"name":"a"}"#, headers: headers)
            #expect(first.status == 201 && second.status == 201 && second.json["id"] == first.json["id"])
            #expect(first.json["key"]?.string != nil && second.json["key"] == .null && second.json["name"] == "a")
            #expect(world.follower.read { $0.agents.count } == 1)
            for (path, body) in [("/v1/agents", #"{"name":"b"}"#), ("/v1/agents", #"{"name":"a"} "#)] {
                let other = try await call(.post, path, body, headers: headers)
                #expect(other.status == 409 && other.code == "CONFLICT" && other.field == "Idempotency-Key")
            }
            let elsewhere = try await call(
                .post, "/v1/agents", #"{"name":"a"}"#, token: World.otherToken, headers: headers)
            #expect(elsewhere.status == 201 && elsewhere.json["id"] != first.json["id"])

            let agent = try #require(first.json["id"]?.string)
            let target = #"{"type":"mysql","display_name":"t","connection":{"password_secret_ref":"literal"}}"#
            let path = "/v1/agents/\(agent)/targets"
            let check = #"{"name":"web","type":"tcp","target":"example.com:443"}"#
            let checkHeaders: HTTPFields = [.idempotencyKey: "key-of-check"]
            let probed = try await call(.post, "/v1/health-checks", check, headers: checkHeaders)
            #expect(probed.status == 201 && probed.json["status"] == "unknown")
            let probedID = try #require(probed.json["id"]?.string)
            #expect(try await call(.delete, "/v1/health-checks/\(probedID)").status == 204)
            let probedAgain = try await call(.post, "/v1/health-checks", check, headers: checkHeaders)
            #expect(probedAgain.status == 201 && probedAgain.json == probed.json)
            let created = try await call(.post, path, target, headers: [.idempotencyKey: "key-2"])
            let names = try world.vault.names(withPrefix: "secret:")
            let again = try await call(.post, path, target, headers: [.idempotencyKey: "key-2"])
            #expect(created.status == 201 && again.status == 201 && again.json == created.json)
            #expect(try names.count == 1 && world.vault.names(withPrefix: "secret:") == names)

            let id = try #require(created.json["id"]?.string)
            let job = try await call.createJob(agent, id)
            let run = try await call(.post, "/v1/jobs/\(job)/run", headers: [.idempotencyKey: "key-3"])
            let same = try await call(.post, "/v1/jobs/\(job)/run", headers: [.idempotencyKey: "key-3"])
            #expect(run.status == 202 && same.status == 202 && run.json == same.json)
            let third = try await call(.post, "/v1/jobs/\(job)/run", "{}", headers: [.idempotencyKey: "key-3"])
            #expect(third.status == 409)
            let rotated = try await call(
                .post, "/v1/agents/\(agent)/rotate-key", headers: [.idempotencyKey: "key-4"])
            let rotatedAgain = try await call(
                .post, "/v1/agents/\(agent)/rotate-key", headers: [.idempotencyKey: "key-4"])
            #expect(rotated.json["key"]?.string != nil && rotatedAgain.json["key"] == .null)
        }
    }

    @Test("A refused request takes no key, and a key is forgotten after a day")
    func forgotten() async throws {
        try await withWorld { world, call in
            let headers: HTTPFields = [.idempotencyKey: "key"]
            #expect(try await call(.post, "/v1/agents", "{}", headers: headers).status == 422)
            let first = try await call(.post, "/v1/agents", #"{"name":"a"}"#, headers: headers)
            #expect(first.status == 201)
            world.clock.advance(by: .hours(25))
            // What had arrived comes before the deadlines of the same moment.
            _ = try await call.createAgent("other")
            let second = try await call(.post, "/v1/agents", #"{"name":"a"}"#, headers: headers)
            #expect(second.status == 201 && second.json["id"] != first.json["id"])
        }
    }

    @Test("Keys are checked", arguments: ["", " ", "a b", "é", String(repeating: "k", count: 201)])
    func keys(key: String) async throws {
        try await withWorld { _, call in
            let answer = try await call(.post, "/v1/agents", #"{"name":"a"}"#, headers: [.idempotencyKey: key])
            #expect(answer.status == 422 && answer.field == "Idempotency-Key")
        }
    }

    @Test(
        "What a submitter cannot do is told with what is known",
        arguments: [
            (SubmitError.busy, 503, true), (.log(.full(path: "p")), 503, true), (.stopped, 503, true),
            (.log(.failed(path: "p", code: 5, operation: "commit")), 503, true), (.conflict(.none), 409, false),
        ])
    func unavailable(error: SubmitError, status: Int, isRetryable: Bool) async throws {
        let world = try World()
        var services = world.services
        services.submitter = FailingSubmitter(error: error)
        let agent = AgentID("agt_00000000001")
        _ = try await world.engine.submit(
            .requested(.createAgent(agent, name: "a", keyDigest: [UInt8](repeating: 1, count: 32)), Ticket(token: "t")))
        try await withRouter(services) { call in
            let body = #"{"type":"mysql","display_name":"t","connection":{"password_secret_ref":"literal"}}"#
            let answer = try await call(.post, "/v1/agents/\(agent)/targets", body)
            #expect(answer.status == status && (answer.headers[.retryAfter] != nil) == isRetryable)
            // What may be on the log keeps its password.
            let isKept = try !world.vault.names(withPrefix: "secret:").isEmpty
            #expect(isKept == (status == 503 && error != .busy))
        }
        await world.stop()
    }
}

extension RESTIdempotencyTests {
    @Test("A write whose answer cannot be read yet is 503, and its password stays")
    func behind() async throws {
        let world = try World()
        var services = world.services
        services.state = BehindReader(follower: world.follower)
        let agent = AgentID("agt_00000000001")
        let turn = try await world.engine.submit(
            .requested(.createAgent(agent, name: "a", keyDigest: [UInt8](repeating: 1, count: 32)), Ticket(token: "t")))
        try await world.follower.wait(for: turn.end)
        try await withRouter(services) { call in
            let body = #"{"type":"mysql","display_name":"t","connection":{"password_secret_ref":"literal"}}"#
            let answer = try await call(.post, "/v1/agents/\(agent)/targets", body)
            #expect(answer.status == 503 && answer.code == "SERVICE_UNAVAILABLE")
            #expect(try world.vault.names(withPrefix: "secret:").count == 1)
            let refused = try await call(.post, "/v1/agents", "{}")
            #expect(refused.status == 422)
        }
        #expect(world.follower.read { $0.targets.count } == 1)
        await world.stop()
    }
}

/// Reads well, and never catches up.
struct BehindReader: FleetStateReader {
    struct Behind: Error {}
    let follower: Follower<Fleet, FleetCodec>

    func read<Value: Sendable>(_ body: (borrowing Fleet.State) -> Value) -> Value { follower.read(body) }

    func snapshot() -> (position: Position, state: Fleet.State) { follower.snapshot() }

    func wait(for position: Position, limit: Milliseconds) async throws {
        try await follower.wait(for: position, limit: limit)
        throw Behind()
    }
}

/// Never gets anything done.
struct FailingSubmitter: Submitter {
    let error: SubmitError

    func submit(
        _ message: Fleet.Message, completion: @escaping @Sendable (Result<Turn<Fleet.Message>, SubmitError>) -> Void
    ) { completion(.failure(error)) }

    func submit(_ message: Fleet.Message) async throws(SubmitError) -> Turn<Fleet.Message> { throw error }

    func request(
        _ message: Fleet.Message, expecting: ExpectedRevision
    ) async throws(SubmitError) -> Turn<Fleet.Message> { throw error }
}
