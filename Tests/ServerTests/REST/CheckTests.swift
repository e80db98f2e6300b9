import Core
import Engine
import Foundation
import HTTPTypes
import Testing

@testable import Server

@Suite("The interface of health checks")
struct RESTCheckTests {
    private static let body = #"{"name":"web","type":"https","target":"https://web.example/","interval_sec":30}"#

    @Test("A check is created with its defaults, read, changed, listed and deleted")
    func life() async throws {
        try await withWorld { _, call in
            let made = try await call(.post, "/v1/health-checks", Self.body)
            #expect(made.status == 201)
            let id = try #require(made.json["id"]?.string)
            #expect(id.hasPrefix("chk_"))
            let wanted: [(String, JSON)] = [
                ("agent_id", .null), ("name", "web"), ("type", "https"), ("target", "https://web.example/"),
                ("interval_sec", 30), ("timeout_sec", 10), ("expected_status", 0), ("failures_to_down", 3),
                ("successes_to_up", 2), ("flap_changes", 6), ("certificate_days", 14), ("paused", false),
                ("status", "unknown"), ("reason", "new"), ("certificate_expiring", false), ("last", .null),
            ]
            for (name, value) in wanted { #expect(made.json[name] == value, "\(name)") }
            #expect(try await call(.get, "/v1/health-checks/\(id)").json == made.json)
            let changed = try await call(
                .patch, "/v1/health-checks/\(id)", #"{"name":"site","failures_to_down":1,"paused":true}"#)
            #expect(changed.json["name"] == "site" && changed.json["failures_to_down"] == 1)
            #expect(changed.json["status"] == "unknown" && changed.json["reason"] == "paused")
            #expect(changed.json["target"] == "https://web.example/")
            #expect(try await call(.post, "/v1/health-checks/\(id)/run").code == "CONFLICT")
            let list = try await call(.get, "/v1/health-checks")
            #expect(list.json["items"]?.array == [changed.json])
            #expect(try await call(.delete, "/v1/health-checks/\(id)").status == 204)
            for path in ["", "/results", "/uptime"] {
                #expect(try await call(.get, "/v1/health-checks/\(id)\(path)").status == 404)
            }
        }
    }

    @Test("Where nothing is said of its timeout, a short interval is the timeout, too")
    func shortInterval() async throws {
        try await withWorld { _, call in
            let body = #"{"name":"web","type":"http","target":"http://web.example/","interval_sec":5}"#
            let made = try await call(.post, "/v1/health-checks", body)
            #expect(made.status == 201 && made.json["timeout_sec"] == 5)
            let id = try #require(made.json["id"]?.string)
            let slower = try await call(.patch, "/v1/health-checks/\(id)", #"{"interval_sec":60}"#)
            #expect(slower.json["timeout_sec"] == 5, "what a check has stays until it is changed")
        }
    }

    @Test("Only an agent's own checks are listed with its id, and its prober cannot be changed")
    func ofAgent() async throws {
        try await withWorld { _, call in
            let agent = try await call.createAgent().id
            let body = #"{"name":"db","type":"tcp","target":"db:5432","agent_id":"\#(agent)"}"#
            let own = try await call(.post, "/v1/health-checks", body)
            _ = try await call(.post, "/v1/health-checks", Self.body)
            #expect(own.json["agent_id"] == .string("\(agent)"))
            let list = try await call(.get, "/v1/health-checks?agent_id=\(agent)")
            #expect(list.json["items"]?.array == [own.json])
            let id = try #require(own.json["id"]?.string)
            let moved = try await call(.patch, "/v1/health-checks/\(id)", #"{"agent_id":null}"#)
            #expect(moved.status == 422 && moved.field == "agent_id")
            #expect(try await call(.post, "/v1/health-checks/\(id)/run").code == "CONFLICT")
        }
    }

    @Test(
        "What is wrong is named",
        arguments: [
            (#"{}"#, "name"), (#"{"name":"x"}"#, "target"),
            (#"{"name":"x","type":"icmp","target":"a"}"#, "type"),
            (#"{"name":"x","type":"http","target":"http://user:pass@web/"}"#, "target"),
            (#"{"name":"x","type":"http","target":"https://web/"}"#, "target"),
            (#"{"name":"x","type":"tcp","target":"web"}"#, "target"),
            (#"{"name":"x","type":"http","target":"http://web/","interval_sec":1}"#, "interval_sec"),
            (#"{"name":"x","type":"http","target":"http://web/","interval_sec":-1}"#, "interval_sec"),
            (#"{"name":"x","type":"http","target":"http://web/","timeout_sec":61}"#, "timeout_sec"),
            (#"{"name":"x","type":"http","target":"http://web/","timeout_sec":0}"#, "timeout_sec"),
            (#"{"name":"x","type":"http","target":"http://web/","failures_to_down":0}"#, "failures_to_down"),
            (#"{"name":"x","type":"http","target":"http://web/","agent_id":"x"}"#, "agent_id"),
            (#"{"name":"x","type":"http","target":"http://web/","paused":1}"#, "paused"),
            (#"{"name":"x","type":"http","target":"http://web/","colour":"red"}"#, "colour"),
        ])
    func wrong(_ body: String, _ field: String) async throws {
        try await withWorld { _, call in
            let answer = try await call(.post, "/v1/health-checks", body)
            #expect(answer.status == 422 && answer.field == field, "\(answer.text)")
        }
    }

    @Test("Results come the newest first, in pages and spans; uptime is asked by its period")
    func results() async throws {
        try await withWorld { world, call in
            // So rarely that none comes by itself.
            let body = #"{"name":"web","type":"http","target":"http://web.example/","interval_sec":86400}"#
            let made = try await call(.post, "/v1/health-checks", body)
            let id = try #require(made.json["id"]?.string)
            for count in 1...5 {
                world.clock.advance(by: Milliseconds(1))
                #expect(try await call(.post, "/v1/health-checks/\(id)/run", "{}").status == 202)
                while true {
                    let found = world.follower.read { $0.checks[CheckID(Text(id))]?.resultCount }
                    if found ?? 0 >= UInt64(count) { break }
                    await Task.yield()
                }
            }
            #expect(try await call(.get, "/v1/health-checks/\(id)").json["status"] == "up")
            let first = try await call(.get, "/v1/health-checks/\(id)/results?limit=3")
            let items = try #require(first.json["items"]?.array)
            #expect(items.count == 3 && first.json["has_more"] == true)
            #expect(items.allSatisfy { $0["ok"] == true && $0["status_code"] == 200 && $0["latency_ms"] == 3 })
            let positions = items.compactMap { $0["position"]?.number }
            #expect(positions == positions.sorted(by: >))
            let cursor = try #require(first.json["next_cursor"]?.string)
            let rest = try await call(.get, "/v1/health-checks/\(id)/results?cursor=\(cursor)")
            #expect(rest.json["items"]?.array.count == 2)
            let none = try await call(.get, "/v1/health-checks/\(id)/results?from=2100-01-01T00:00:00Z")
            #expect(none.json["items"]?.array == [])
            for (period, status) in [("24h", 200), ("7d", 200), ("30d", 200), ("90d", 200), ("1d", 422)] {
                let answer = try await call(.get, "/v1/health-checks/\(id)/uptime?period=\(period)")
                #expect(answer.status == status)
                guard status == 200 else { continue }
                #expect(answer.json["period"] == .string(period) && answer.json["down_seconds"] == 0)
            }
        }
    }

    @Test("Of each check the last 1 000 results are kept, until it is deleted")
    func bound() {
        let check = CheckID("chk_1")
        var documents: [String: Document] = [:]
        var last: UInt64 = 0
        func tell(_ message: Fleet.Message) {
            last += 1
            let entry = Entry(
                position: Position(last), recordedAt: Timestamp(milliseconds: Int64(last)), stream: .check(check),
                revision: Revision(last), cause: nil, kind: "any", message: message)
            for document in CheckSightings.project(entry, lookup: { documents["\($0)/\($1)"] }) {
                let key = "\(document.collection)/\(document.id)"
                documents[key] = document.json.isEmpty ? nil : document
            }
        }
        let found = HealthResult(
            check: check, probedAt: Timestamp(milliseconds: 0), isHealthy: true, latencyMilliseconds: 0, errorText: "",
            statusCode: 0)
        for _ in 1...2_500 {
            tell(.command(.probeTarget(check)))
            let command = Position(last)
            tell(.outcome(CommandOutcome(position: command, command: .probeTarget(check), result: .probed(found))))
        }
        let kept = documents.values.filter { $0.collection == CheckSightings.results }.map(\.position.number)
        #expect(kept.sorted() == (1_501...2_500 as ClosedRange<UInt64>).map { 2 * $0 })
        tell(.accepted(.checkDeleted(check), Ticket(token: "admin")))
        #expect(documents.isEmpty)
    }
}
