import Core
import Engine
import HTTPTypes
import SQLiteLog
import Testing

@testable import Server

@Suite struct RESTRetentionTests {
    private let content = [UInt8]("what was backed up, encrypted".utf8)

    /// A job with so many good backups, an hour apart, the oldest first.
    private func backups(
        _ count: Int, _ world: World, _ call: Client, job: String = ""
    ) async throws -> (Backup, [String]) {
        var backup = try await Backup(world, call, job: job)
        var runs: [String] = []
        for _ in 0..<count {
            let run = try await backup.start()
            try await backup.complete(run, content)
            runs.append(run)
            world.clock.advance(by: Milliseconds(1_000))
        }
        return (backup, runs)
    }

    private func waitUntilGone(_ run: String, _ world: World) async throws {
        while true {
            let passed = world.follower.passed
            if world.follower.read({ !$0.objects.contains(RunID(Text(run))) }) { return }
            try await world.follower.wait(for: passed.next)
        }
    }

    @Test("What keeps each object is shown, and what another rule would let go, without changing anything")
    func preview() async throws {
        try await withWorld { world, call in
            let (backup, runs) = try await backups(
                3, world, call, job: #","retention_days":30,"time_zone":"Europe/Berlin""#)
            let path = "/v1/jobs/\(backup.job)/retention"
            let shown = try await call(.get, path).json
            #expect(shown["kept_count"]?.number == 3 && shown["expiring_count"]?.number == 0)
            let items = shown["items"]?.array ?? []
            #expect(items.compactMap { $0["run_id"]?.string } == runs.reversed())
            #expect(items.first?["kept_by"] == ["minimum", "retention_days"])
            #expect(items.last?["kept_by"] == ["retention_days"] && items.last?["expires"] == false)
            let first = try await call(.get, path + "?limit=2").json
            let next = try #require(first["next_cursor"]?.string)
            #expect(first["has_more"] == true && first["items"]?.array.count == 2)
            let rest = try await call(.get, path + "?limit=2&cursor=\(next)").json
            #expect(rest["items"]?.array == Array(items.dropFirst(2)) && rest["has_more"] == false)

            let changed = try await call(.post, path + "/preview", #"{"retention_days":0,"retention":{"keep_last":1}}"#)
            #expect(changed.status == 200 && changed.json["expiring_count"]?.number == 2)
            #expect(changed.json["expiring_size_bytes"]?.number == UInt64(2 * content.count))
            let oldest = changed.json["items"]?.array.last
            #expect(oldest?["expires"] == true && oldest?["kept_by"] == [])
            #expect(oldest?["reason"]?.string?.contains("keep_last 1") == true)
            #expect(try await call(.get, path).json == shown, "nothing has changed")
            // Days of a zone that nobody had a reason to read so far.
            let days = try await call(
                .post, path + "/preview", #"{"retention_days":0,"retention":{"keep_daily":1}}"#)
            #expect(days.json["expiring_count"]?.number == 2 && days.json["held"] == false)
            let wrong = try await call(.post, path + "/preview", #"{"retention":{"keep_last":"1"}}"#)
            #expect(wrong.status == 422 && wrong.field == "retention.keep_last")
            #expect(try await call(.get, "/v1/jobs/job_00000000000/retention").status == 404)
        }
    }

    @Test("A rule that keeps the last one deletes the others, and their runs say why and when")
    func keepLast() async throws {
        try await withWorld { world, call in
            let (backup, runs) = try await backups(2, world, call)
            #expect(try await call(.get, "/v1/runs/\(runs[0])").json["kept_by"] == ["no_rule"])
            let job = try await call(.patch, "/v1/jobs/\(backup.job)", #"{"retention":{"keep_last":1}}"#)
            #expect(job.json["retention"]?["keep_last"] == 1 && job.json["retention"]?["minimum"] == 1)
            try await waitUntilGone(runs[0], world)
            let gone = try await call(.get, "/v1/runs/\(runs[0])").json
            #expect(gone["status"] == "success" && gone["object_deleted_at"]?.string != nil)
            #expect(gone["object_deleted_reason"]?.string?.contains("keep_last 1") == true)
            let kept = try await call(.get, "/v1/runs/\(runs[1])").json
            #expect(kept["kept_by"] == ["keep_last", "minimum"] && kept["object_deleted_at"] == .null)
            let names = try world.vault.names(withPrefix: "key:")
            #expect(names == ["key:\(runs[1])-1"])
            let kinds = try await call(.get, "/v1/runs/\(runs[0])/timeline").json["items"]?.array.compactMap {
                $0["kind"]?.string
            }
            #expect(kinds?.suffix(3) == ["object.expired", "command.delete", "outcome.delete"])
        }
    }

    @Test("A locked object is deleted by nobody, and 412 says why and until when")
    func locks() async throws {
        try await withWorld { world, call in
            let (_, runs) = try await backups(1, world, call)
            let path = "/v1/runs/\(runs[0])/lock"
            let until = Moment.text(world.clock.wallTime() + .hours(24))
            for (body, field) in [
                (#"{}"#, "reason"), (#"{"reason":"x","until":"soon"}"#, "until"),
                (#"{"reason":"x","until":"2020-01-01T00:00:00Z"}"#, "until"), (#"{"reason":"x","to":null}"#, "to"),
            ] {
                let answer = try await call(.post, path, body)
                #expect(answer.status == 422 && answer.field == field, "\(body): \(answer.text)")
            }
            let locked = try await call(.post, path, #"{"reason":"audit","until":"\#(until)"}"#)
            #expect(locked.status == 200 && locked.json["until"]?.string == until && locked.json["token"] == "admin")
            #expect(try await call(.get, "/v1/runs/\(runs[0])").json["locked"]?["reason"] == "audit")
            let refused = try await call(.delete, "/v1/runs/\(runs[0])")
            #expect(refused.status == 412 && refused.text.contains(until) && refused.text.contains("audit"))
            #expect(try await call(.delete, path).status == 204)
            #expect(try await call(.delete, path).status == 409)
            #expect(try await call(.get, "/v1/runs/\(runs[0])").json["locked"] == .null)
            #expect(try await call(.delete, "/v1/runs/\(runs[0])").status == 202)
            #expect(try await call(.post, "/v1/runs/run_00000000000/lock", #"{"reason":"x"}"#).status == 404)
        }
    }
}
