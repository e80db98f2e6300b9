import Core
import Engine
import HTTPTypes
import Testing

@testable import Server

@Suite struct RESTAlertTests {
    private func tell(_ world: World, _ decision: AlertDecision) async throws {
        let turn = try await world.engine.submit(.alerted(decision))
        try await world.follower.wait(for: turn.end)
    }

    @Test("Alerts are listed with filters, shown, and taken note of by the token that asks")
    func list() async throws {
        try await withWorld { world, call in
            let agent = AgentID(Text(try await call.createAgent().id))
            let lost = AlertDecision(
                key: AlertKey(.agentLost, agent), id: AlertID(bits: 1), agent: agent, step: .opened, detail: "away")
            let failed = AlertDecision(
                key: AlertKey(.runFailed, JobID(bits: 2)), id: AlertID(bits: 2), agent: nil, step: .opened,
                detail: "failed")
            try await tell(world, lost)
            try await tell(world, failed)
            var again = failed
            again.step = .repeated
            again.detail = "failed again"
            try await tell(world, again)
            var over = lost
            over.step = .resolved
            over.detail = "back"
            try await tell(world, over)

            let all = try await call(.get, "/v1/alerts").json["items"]?.array ?? []
            #expect(all.map { $0["kind"]?.string } == ["run_failed", "agent_lost"])
            #expect(all.map { $0["state"]?.string } == ["open", "resolved"])
            #expect(all[0]["count"] == 2 && all[0]["detail"] == "failed again" && all[0]["agent_id"] == .null)
            #expect(all[1]["resolution"] == "back" && all[1]["resolved_at"] == "2026-01-01T00:00:00.000Z")
            #expect(all[1]["remedy"]?.string == Alert.Kind.agentLost.remedy)
            for (filter, kinds) in [
                ("state=open", ["run_failed"]), ("state=resolved", ["agent_lost"]), ("kind=agent_lost", ["agent_lost"]),
                ("agent_id=\(agent)", ["agent_lost"]), ("agent_id=\(agent)&state=open", []),
            ] {
                let items = try await call(.get, "/v1/alerts?\(filter)").json["items"]?.array ?? []
                #expect(items.map { $0["kind"]?.string } == kinds)
            }
            #expect(try await call(.get, "/v1/alerts?state=shut").field == "state")
            #expect(try await call(.get, "/v1/alerts?kind=none").field == "kind")
            let page = try await call(.get, "/v1/alerts?limit=1").json
            let cursor = try #require(page["next_cursor"]?.string)
            let rest = try await call(.get, "/v1/alerts?limit=1&cursor=\(cursor)").json
            #expect(rest["items"]?.array.first?["id"]?.string == lost.id.text.string)

            let path = "/v1/alerts/\(failed.id)"
            #expect(try await call(.get, path).json["acknowledged_by"] == .null)
            let noted = try await call(.post, "\(path)/acknowledge")
            #expect(noted.status == 200 && noted.json["acknowledged_by"]?.string == "admin")
            #expect(noted.json["acknowledged_at"] == "2026-01-01T00:00:00.000Z")
            #expect(world.follower.read { $0.alerts[failed.key]?.acknowledgedBy } == "admin")
            #expect(try await call(.post, "/v1/alerts/\(lost.id)/acknowledge").status == 409)
            #expect(try await call(.post, "/v1/alerts/alt_00000000009/acknowledge").status == 404)
            #expect(try await call(.get, "/v1/alerts/nothing").status == 404)
        }
    }
}
