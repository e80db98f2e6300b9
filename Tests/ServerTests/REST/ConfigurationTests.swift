import Core
import Digests
import Engine
import Foundation
import HTTPTypes
import Objects
import SQLiteLog
import Testing

@testable import Server

@Suite struct RESTConfigurationTests {
    @Test("A target is created, read, changed and deleted; of its password only the existence shows")
    func target() async throws {
        try await withWorld { world, call in
            let agent = try await call.createAgent().id
            let answer = try await call(
                .post, "/v1/agents/\(agent)/targets",
                #"""
                {"type":"postgresql","display_name":"main","connection":{"host":"db","port":5432,"database":"app",
                "username":"u","password_secret_ref":"pa55word-one","container_id":"c","strategy":"docker_exec"}}
                """#)
            #expect(
                answer.status == 201
                    && answer.json.names == ["id", "agent_id", "type", "display_name", "connection", "revision"])
            let connection = answer.json["connection"]
            #expect(
                connection == [
                    "host": "db", "port": 5_432, "database": "app", "username": "u", "has_password": true,
                    "container_id": "c", "strategy": "docker_exec",
                ])
            let id = try #require(answer.json["id"]?.string)
            #expect(try await call(.get, "/v1/targets/\(id)").json == answer.json)
            let name = try #require(try world.vault.names(withPrefix: "secret:").first)
            #expect(try world.vault.reveal(name) == Array("pa55word-one".utf8))

            let kept = try await call(.patch, "/v1/targets/\(id)", #"{"connection":{"port":5433}}"#)
            #expect(kept.json["connection"]?["has_password"] == true && kept.json["connection"]?["port"] == 5_433)
            #expect(kept.json["connection"]?["host"] == "db" && kept.json["type"] == "postgresql")
            #expect(try world.vault.names(withPrefix: "secret:") == [name])

            _ = try await call(.patch, "/v1/targets/\(id)", #"{"connection":{"password_secret_ref":"pa55word-two"}}"#)
            let names = try world.vault.names(withPrefix: "secret:")
            #expect(names.count == 1 && names != [name])
            #expect(try names.first.flatMap { try world.vault.reveal($0) } == Array("pa55word-two".utf8))

            for (reference, hasPassword) in [("env:PGPASSWORD", true), ("file:/run/secret", true), ("", false)] {
                let changed = try await call(
                    .patch, "/v1/targets/\(id)", #"{"connection":{"password_secret_ref":"\#(reference)"}}"#)
                #expect(changed.json["connection"]?["has_password"] == .bool(hasPassword))
                #expect(try world.vault.names(withPrefix: "secret:").isEmpty)
            }
            _ = try await call(.patch, "/v1/targets/\(id)", #"{"connection":{"password_secret_ref":"three"}}"#)
            #expect(try await call(.delete, "/v1/targets/\(id)").status == 204)
            #expect(try world.vault.names(withPrefix: "secret:").isEmpty)
            #expect(try await call(.get, "/v1/targets/\(id)").status == 404)
        }
    }

    @Test("A password leaves the vault again when the request that names it is refused, and when its agent goes")
    func refusedPassword() async throws {
        try await withWorld { world, call in
            let body = #"{"type":"mysql","display_name":"d","connection":{"password_secret_ref":"literal"}}"#
            #expect(try await call(.post, "/v1/agents/agt_00000000000/targets", body).status == 404)
            #expect(try await call(.patch, "/v1/targets/tgt_00000000000", body).status == 404)
            let agent = try await call.createAgent().id
            let fileless = #"{"type":"sqlite","connection":{"password_secret_ref":"literal"}}"#
            #expect(try await call(.post, "/v1/agents/\(agent)/targets", fileless).field == "connection.database")
            #expect(try world.vault.names(withPrefix: "").isEmpty)
            _ = try await call.createTarget(agent, password: "literal")
            #expect(try world.vault.names(withPrefix: "secret:").count == 1)
            try world.vault.store([1], as: "secret:of-others")
            #expect(try await call(.delete, "/v1/agents/\(agent)").status == 204)
            #expect(try world.vault.names(withPrefix: "") == ["secret:of-others"])
        }
    }

    @Test("SQLite needs only its path; defaults are those of the wire")
    func defaults() async throws {
        try await withWorld { _, call in
            let agent = try await call.createAgent().id
            let target = try await call(
                .post, "/v1/agents/\(agent)/targets",
                #"{"type":"sqlite","display_name":"s","connection":{"database":"/db"}}"#)
            #expect(target.status == 201 && target.json["connection"]?["strategy"] == "tcp")
            #expect(target.json["connection"]?["has_password"] == false && target.json["connection"]?["port"] == 0)
            let id = try #require(target.json["id"]?.string)
            let job = try await call(.post, "/v1/agents/\(agent)/jobs", #"{"target_id":"\#(id)"}"#)
            #expect(job.status == 201)
            #expect(
                job.json == [
                    "id": job.json["id"] ?? .null, "agent_id": .string(agent), "target_id": .string(id), "cron": "",
                    "retention_days": 0,
                    "retention": [
                        "keep_last": 0, "keep_hourly": 0, "keep_daily": 0, "keep_weekly": 0, "keep_monthly": 0,
                        "keep_yearly": 0, "minimum": 1,
                    ], "compression": "zstd", "encryption_enabled": true, "pre_hooks": [],
                    "post_hooks": [], "retry": ["max_attempts": 1, "backoff_seconds": []], "timeout_sec": 0,
                    "time_zone": "UTC", "jitter_sec": 0, "overlap": "skip", "catch_up_sec": 43_200,
                    "revision": job.json["revision"] ?? .null,
                ])
        }
    }

    @Test("A job is created, changed and deleted; a used target stays")
    func job() async throws {
        try await withWorld { _, call in
            let agent = try await call.createAgent().id
            let target = try await call.createTarget(agent)
            let created = try await call(
                .post, "/v1/agents/\(agent)/jobs",
                #"""
                {"target_id":"\#(target)","cron":"0 3 * * *","retention_days":7,"compression":"zstd",
                "encryption_enabled":true,"pre_hooks":["a","b"],"post_hooks":["c"],
                "retry":{"max_attempts":3,"backoff_seconds":[10,60]},"timeout_sec":600}
                """#)
            #expect(created.status == 201 && created.json["pre_hooks"] == ["a", "b"])
            #expect(created.json["retry"] == ["max_attempts": 3, "backoff_seconds": [10, 60]])
            let id = try #require(created.json["id"]?.string)
            #expect(try await call(.get, "/v1/jobs/\(id)").json == created.json)
            let changed = try await call(.patch, "/v1/jobs/\(id)", #"{"timeout_sec":1,"pre_hooks":[]}"#)
            #expect(
                changed.json["timeout_sec"] == 1 && changed.json["pre_hooks"] == []
                    && changed.json["cron"] == "0 3 * * *")
            let used = try await call(.delete, "/v1/targets/\(target)")
            #expect(used.status == 409 && used.code == "CONFLICT")
            #expect(try await call(.delete, "/v1/jobs/\(id)").status == 204)
            #expect(try await call(.delete, "/v1/targets/\(target)").status == 204)
            #expect(try await call(.get, "/v1/jobs/\(id)").status == 404)
            #expect(try await call(.post, "/v1/jobs/\(id)/run").status == 404)
            let foreign = try await call.createTarget(try await call.createAgent().id)
            let refused = try await call(.post, "/v1/agents/\(agent)/jobs", #"{"target_id":"\#(foreign)"}"#)
            #expect(refused.status == 422 && refused.field == "target_id")
        }
    }

    @Test("Lists of targets and jobs are the agent's own, in pages")
    func lists() async throws {
        try await withWorld { _, call in
            let agent = try await call.createAgent().id
            let other = try await call.createAgent().id
            let target = try await call.createTarget(agent)
            _ = try await call.createTarget(agent)
            _ = try await call.createTarget(other)
            for _ in 0..<3 { _ = try await call.createJob(agent, target) }
            #expect(try await call(.get, "/v1/agents/\(agent)/targets").json["items"]?.array.count == 2)
            let first = try await call(.get, "/v1/agents/\(agent)/jobs?limit=2").json
            let next = try #require(first["next_cursor"]?.string)
            let second = try await call(.get, "/v1/agents/\(agent)/jobs?limit=2&cursor=\(next)").json
            #expect(first["items"]?.array.count == 2 && second["items"]?.array.count == 1)
            #expect(second["next_cursor"] == .null)
            #expect(try await call(.get, "/v1/agents/\(other)/jobs").json["items"] == [])
            #expect(try await call(.get, "/v1/agents/agt_00000000000/jobs").status == 404)
            #expect(try await call(.get, "/v1/agents/agt_00000000000/targets").status == 404)
        }
    }
}
