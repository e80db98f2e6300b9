import Core
import Engine
import Foundation
import HTTPTypes
import Testing

@testable import Server

@Suite struct RESTRevisionTests {
    @Test("What is read has an ETag, and a change under another one is 412 with the present one")
    func conflicts() async throws {
        try await withWorld { _, call in
            let agent = try await call.createAgent().id
            let target = try await call.createTarget(agent)
            let job = try await call.createJob(agent, target)
            for (path, body) in [
                ("/v1/agents/\(agent)/config", #"{"advanced":{"max_parallel_jobs":2}}"#),
                ("/v1/targets/\(target)", #"{"display_name":"other"}"#),
                ("/v1/jobs/\(job)", #"{"retention_days":3}"#),
            ] {
                let seen = try await call(.get, path)
                let tag = try #require(seen.headers[.eTag])
                let revision = try #require(seen.json["revision"]?.number)
                #expect(tag == "\"\(revision)\"")
                let first = try await call(.patch, path, body, headers: [.ifMatch: tag])
                #expect(first.status == 200 && first.headers[.eTag] != tag)
                let second = try await call(.patch, path, body, headers: [.ifMatch: tag])
                #expect(second.status == 412 && second.code == "PRECONDITION_FAILED" && second.field == "If-Match")
                #expect(second.headers[.eTag] == first.headers[.eTag])
                #expect(second.json["error"]?["details"]?["revision"] == first.json["revision"])
                #expect(try await call(.patch, path, "{}", headers: [.ifMatch: tag]).status == 412)
                #expect(try await call(.patch, path, body, headers: [.ifMatch: "\"nonsense\""]).status == 412)
                for wrong in ["7", "\"1\", \"2\"", "W/\"1\""] {
                    let answer = try await call(.patch, path, body, headers: [.ifMatch: wrong])
                    #expect(answer.status == 422 && answer.field == "If-Match")
                }
                #expect(try await call(.patch, path, body, headers: [.ifMatch: "*"]).status == 200)
                #expect(try await call(.patch, path, body).status == 200)
            }
            let seen = try #require(try await call(.get, "/v1/jobs/\(job)").headers[.eTag])
            #expect(try await call(.patch, "/v1/jobs/\(job)", #"{"cron":"@daily"}"#).status == 200)
            #expect(try await call(.delete, "/v1/jobs/\(job)", headers: [.ifMatch: seen]).status == 412)
            let present = try #require(try await call(.get, "/v1/jobs/\(job)").headers[.eTag])
            #expect(try await call(.delete, "/v1/jobs/\(job)", headers: [.ifMatch: present]).status == 204)
            let none = try await call(.patch, "/v1/agents/\(agent)", #"{"name":"x"}"#, headers: [.ifMatch: "\"1\""])
            #expect(none.status == 422 && none.field == "If-Match")
        }
    }

    @Test("A configuration that no frame could carry is 409")
    func tooLarge() async throws {
        try await withWorld { _, call in
            let agent = try await call.createAgent().id
            let target = try await call.createTarget(agent)
            let hook = "\"\(String(repeating: "h", count: 4_096))\""
            let hooks = "[\(repeatElement(hook, count: 16).joined(separator: ","))]"
            let body = #"{"target_id":"\#(target)","pre_hooks":\#(hooks),"post_hooks":\#(hooks)}"#
            var answer = try await call(.post, "/v1/agents/\(agent)/jobs", body)
            for _ in 0..<40 where answer.status == 201 {
                answer = try await call(.post, "/v1/agents/\(agent)/jobs", body)
            }
            #expect(answer.status == 409 && answer.code == "CONFLICT")
            #expect(answer.text.contains("4194304"))
        }
    }

    @Test("Anomalies are listed, the newest first, with what to do, and by kind")
    func anomalies() async throws {
        try await withWorld { world, call in
            let id = try await call.createAgent().id
            let agent = AgentID(Text(id))
            for problem in ["first", "second", "third"] {
                let frame = UnreadableFrame(isFromAgent: true, byteCount: 3, start: [1], problem: Text(problem))
                let turn = try await world.engine.submit(.unreadable(agent, frame))
                try await world.follower.wait(for: turn.end)
            }
            let page = try await call(.get, "/v1/agents/\(id)/anomalies?limit=2")
            let items = page.json["items"]?.array ?? []
            #expect(items.map { $0["detail"]?.string } == ["third", "second"])
            #expect(items.first?["kind"] == "unreadable_frame")
            #expect(items.first?["remedy"]?.string == Anomaly.Kind.unreadableFrame.remedy)
            #expect(items.first?["recorded_at"] == "2026-01-01T00:00:00.000Z")
            let cursor = try #require(page.json["next_cursor"]?.string)
            let rest = try await call(.get, "/v1/agents/\(id)/anomalies?limit=2&cursor=\(cursor)")
            #expect(rest.json["items"]?.array.map { $0["detail"]?.string } == ["first"])
            #expect(rest.json["has_more"] == .bool(false))
            let other = try await call(.get, "/v1/agents/\(id)/anomalies?kind=clock_skew")
            #expect(other.json["items"]?.array.isEmpty == true)
            #expect(try await call(.get, "/v1/agents/\(id)/anomalies?kind=nonsense").status == 422)
            #expect(try await call(.get, "/v1/agents/agt_00000000000/anomalies").status == 404)
            #expect(try await call(.get, "/v1/agents/\(id)").json["anomalies"]?["unreadable_frame"] == 3)
            #expect(try await call(.get, "/v1/agents/\(id)").json["config_applied"] == .bool(false))
        }
    }
}
