import Core
import Digests
import Engine
import Foundation
import HTTPTypes
import Objects
import SQLiteLog
import Testing

@testable import Server

extension Client {
    func createAgent(_ name: String = "db-1") async throws -> (id: String, key: String) {
        let answer = try await self(.post, "/v1/agents", #"{"name":"\#(name)"}"#)
        guard answer.status == 201, let id = answer.json["id"]?.string, let key = answer.json["key"]?.string else {
            throw CancellationError()
        }
        return (id, key)
    }

    func createTarget(_ agent: String, password: String? = nil) async throws -> String {
        let secret = password.map { #","password_secret_ref":"\#($0)""# } ?? ""
        let answer = try await self(
            .post, "/v1/agents/\(agent)/targets",
            #"{"type":"postgresql","display_name":"main","connection":{"host":"db","database":"app"\#(secret)}}"#)
        guard answer.status == 201, let id = answer.json["id"]?.string else { throw CancellationError() }
        return id
    }

    func createJob(_ agent: String, _ target: String, _ rest: String = "") async throws -> String {
        let answer = try await self(.post, "/v1/agents/\(agent)/jobs", #"{"target_id":"\#(target)"\#(rest)}"#)
        guard answer.status == 201, let id = answer.json["id"]?.string else { throw CancellationError() }
        return id
    }
}

@Suite struct RESTAgentTests {
    @Test("An agent is created with a key that is shown once and stored as its digest only")
    func create() async throws {
        try await withWorld { world, call in
            let answer = try await call(.post, "/v1/agents", #"{"name":"db-1"}"#)
            #expect(answer.status == 201 && answer.json.names == ["id", "name", "key"])
            let id = try #require(answer.json["id"]?.string)
            let key = try #require(answer.json["key"]?.string)
            #expect(id.hasPrefix("agt_") && id.count == 15 && key.hasPrefix("bkpy_live_") && key.count == 42)
            let digest = SHA256.digest(of: Array(key.utf8)).bytes
            #expect(world.follower.read { $0.agents[AgentID(Text(id))]?.keyDigest } == digest)
            let shown = try await call(.get, "/v1/agents/\(id)").json
            #expect(
                shown.names == [
                    "id", "name", "status", "hostname", "os", "arch", "agent_version", "docker_version", "capabilities",
                    "config_version", "applied_config_version", "config_applied", "last_seen_at", "session_id",
                    "metrics", "anomalies", "identity_conflict",
                ])
            #expect(shown["status"] == "never_connected" && shown["name"] == "db-1" && shown["last_seen_at"] == .null)
            let other = try await call.createAgent()
            #expect(other.key != key && other.id != id)
        }
    }

    @Test("Names are checked, need not be unique, and can be changed")
    func names() async throws {
        try await withWorld { _, call in
            for body in ["{}", #"{"name":""}"#, nil, #"{"name":"\#(String(repeating: "n", count: 201))"}"#] {
                let answer = try await call(.post, "/v1/agents", body)
                #expect(answer.status == 422 && answer.code == "VALIDATION_ERROR" && answer.field == "name")
            }
            let id = try await call.createAgent("same").id
            _ = try await call.createAgent("same")
            let renamed = try await call(.patch, "/v1/agents/\(id)", #"{"name":"other"}"#)
            #expect(renamed.status == 200 && renamed.json["name"] == "other")
            #expect(try await call(.get, "/v1/agents/\(id)").json["name"] == "other")
            #expect(try await call(.patch, "/v1/agents/\(id)", "{}").json["name"] == "other")
            #expect(try await call(.patch, "/v1/agents/agt_00000000000", #"{"name":"x"}"#).status == 404)
            #expect(try await call(.get, "/v1/agents/nothing").status == 404)
        }
    }

    @Test("What an agent says about itself is shown")
    func reports() async throws {
        try await withWorld { world, call in
            let id = try await call.createAgent().id
            #expect(try await call(.get, "/v1/agents/\(id)/metrics").json["metrics"] == .null)
            var frames = Frames(agent: AgentID(Text(id)))
            var messages = try frames.register()
            messages.append(try frames.heartbeat())
            messages.append(try frames.discovery())
            for message in messages {
                let turn = try await world.engine.submit(message)
                try await world.follower.wait(for: turn.end)
            }
            let shown = try await call(.get, "/v1/agents/\(id)").json
            #expect(
                shown["status"] == "online" && shown["hostname"] == "db-1" && shown["capabilities"] == ["postgresql"])
            #expect(shown["session_id"] == "ses_00000000001" && shown["metrics"]?["cpu_percent"] == .number("12.500"))
            #expect(shown["last_seen_at"] == "2026-01-01T00:00:00.000Z")
            let metrics = try await call(.get, "/v1/agents/\(id)/metrics").json
            #expect(metrics["metrics"]?["mem_total_bytes"] == 10)
            let found = try await call(.get, "/v1/agents/\(id)/discovered").json["items"]?.array.first
            #expect(found?["image"] == "postgres:16" && found?["env_hints"]?["POSTGRES_PASSWORD"] == "set")
            #expect(found?["ports"]?.array.first?["container_port"] == 5_432)
            #expect(try await call(.get, "/v1/agents/agt_00000000000/discovered").status == 404)
        }
    }

    @Test("Rotating and deleting close the session")
    func closing() async throws {
        try await withWorld { world, call in
            let (id, key) = try await call.createAgent()
            var frames = Frames(agent: AgentID(Text(id)))
            for message in try frames.register() { try await world.engine.submit(message) }
            let rotated = try await call(.post, "/v1/agents/\(id)/rotate-key")
            #expect(rotated.status == 200 && rotated.json["name"] == "db-1")
            #expect(rotated.json["key"]?.string?.count == 42 && rotated.json["key"]?.string != key)
            #expect(try await call(.get, "/v1/agents/\(id)").json["status"] == "offline")
            #expect(try await call(.get, "/v1/log?stream=agent/\(id)").text.contains("command.disconnect"))
            #expect(try await call(.delete, "/v1/agents/\(id)").status == 204)
            #expect(try await call(.get, "/v1/agents/\(id)").status == 404)
            #expect(try await call(.delete, "/v1/agents/\(id)").status == 404)
            #expect(try await call(.post, "/v1/agents/\(id)/rotate-key").status == 404)
        }
    }

    @Test("Settings are merged, checked, and versioned")
    func config() async throws {
        try await withWorld { _, call in
            let id = try await call.createAgent().id
            let path = "/v1/agents/\(id)/config"
            let before = try await call(.get, path).json
            #expect(before["version"] == 1 && before["advanced"]?["max_parallel_jobs"] == 4)
            let changed = try await call(
                .patch, path,
                #"{"maintenance":{"start_utc":"22:00","end_utc":"04:30"},"advanced":{"max_parallel_jobs":2}}"#)
            #expect(changed.status == 200 && changed.json["version"] == 2)
            #expect(changed.json["maintenance"]?["end_utc"] == "04:30")
            let again = try await call(
                .patch, path, #"{"maintenance":{"start_utc":"23:00"},"advanced":{"auto_update_enabled":true}}"#)
            #expect(again.json["maintenance"] == ["start_utc": "23:00", "end_utc": "04:30"])
            #expect(again.json["advanced"]?["max_parallel_jobs"] == 2 && again.json["version"] == 3)
            #expect(try await call(.patch, path, "{}").json["version"] == 3)
            for (body, field) in [
                (#"{"advanced":{"max_parallel_jobs":0}}"#, "advanced.max_parallel_jobs"),
                (#"{"advanced":{"max_parallel_jobs":65}}"#, "advanced.max_parallel_jobs"),
                (#"{"advanced":{"max_parallel_jobs":"4"}}"#, "advanced.max_parallel_jobs"),
                (#"{"advanced":{"log_level":"loud"}}"#, "advanced.log_level"),
                (#"{"advanced":{"auto_update_enabled":1}}"#, "advanced.auto_update_enabled"),
                (#"{"advanced":{"other":1}}"#, "advanced.other"), (#"{"advanced":[]}"#, "advanced"),
                (#"{"maintenance":{"start_utc":"24:00"}}"#, "maintenance.start_utc"),
                (#"{"maintenance":{"end_utc":""}}"#, "maintenance"), (#"{"maintenance":null}"#, "maintenance"),
            ] {
                let answer = try await call(.patch, path, body)
                #expect(answer.status == 422 && answer.field == field, "\(body): \(answer.text)")
            }
            #expect(try await call(.get, "/v1/agents/agt_00000000000/config").status == 404)
        }
    }

    @Test("Pages go through every agent once, also when agents on them are deleted on the way")
    func pages() async throws {
        try await withWorld { _, call in
            var expected: Set<String> = []
            for _ in 0..<25 { expected.insert(try await call.createAgent().id) }
            var seen: [String] = []
            var path = "/v1/agents?limit=7"
            while true {
                let page = try await call(.get, path).json
                let ids = page["items"]?.array.compactMap { $0["id"]?.string } ?? []
                seen += ids
                for id in ids { #expect(try await call(.delete, "/v1/agents/\(id)").status == 204) }
                guard let next = page["next_cursor"]?.string else {
                    #expect(page["has_more"] == false)
                    break
                }
                #expect(page["has_more"] == true && ids.count == 7)
                path = "/v1/agents?limit=7&cursor=\(next)"
            }
            #expect(Set(seen) == expected && seen.count == 25)
            for (query, field) in [
                ("limit=0", "limit"), ("limit=101", "limit"), ("limit=-1", "limit"), ("limit=x", "limit"),
                ("limit=99999999999999999999", "limit"), ("cursor=", "cursor"), ("cursor=%%%", "cursor"),
                ("cursor=YWJj", "cursor"), ("cursor=\(Base64.encodeURL(Array("jobs:x".utf8)))", "cursor"),
                ("page=2", "page"),
                ("limit=1&limit=2", "limit"),
            ] {
                let answer = try await call(.get, "/v1/agents?\(query)")
                #expect(answer.status == 422 && answer.field == field, "\(query): \(answer.text)")
            }
        }
    }
}
