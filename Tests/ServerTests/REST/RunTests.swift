import Core
import Digests
import Engine
import Foundation
import HTTPTypes
import Objects
import SQLiteLog
import Testing

@testable import Server

/// An agent with a job, connected, that does what a test tells it.
struct Backup: Sendable {
    let world: World
    let call: Client
    let agent: String
    let target: String
    let job: String
    var frames: Frames

    init(_ world: World, _ call: Client, job rest: String = "", password: String? = nil) async throws {
        self.world = world
        self.call = call
        agent = try await call.createAgent().id
        target = try await call.createTarget(agent, password: password)
        job = try await call.createJob(agent, target, rest)
        frames = Frames(agent: AgentID(Text(agent)))
        for message in try frames.register() { try await world.engine.submit(message) }
    }

    func start() async throws -> String {
        let answer = try await call(.post, "/v1/jobs/\(job)/run")
        guard answer.status == 202, let run = answer.json["run_id"]?.string else { throw CancellationError() }
        return run
    }

    /// Uploads and reports an object, and waits for the verdict.
    mutating func complete(_ run: String, _ content: [UInt8]) async throws {
        let name = try World.objectName(RunID(Text(run)), .first, world.follower)
        let sink = try world.store.beginUpload(
            name, declaredByteCount: UInt64(content.count), maximumByteCount: 1 << 20)
        try sink.write(content)
        _ = try sink.finish()
        try await say(try frames.completed(JobID(Text(job)), "\(run)-1", content: content))
        try await ended(run)
    }

    func say(_ message: Fleet.Message) async throws {
        let turn = try await world.engine.submit(message)
        try await world.follower.wait(for: turn.end)
    }

    /// Waits for the worker's outcome and the verdict that follows. Where the log stands is taken before looking, so that
    /// a verdict that comes between is not waited for.
    func ended(_ run: String) async throws {
        while true {
            let passed = world.follower.passed
            if try await call(.get, "/v1/runs/\(run)").json["finished_at"] != .null { return }
            try await world.follower.wait(for: passed.next)
        }
    }
}

@Suite struct RESTRunTests {
    private let content = [UInt8]("what was backed up, encrypted".utf8)

    @Test("A run from request to success, its object fetched from the address and its key from the token")
    func success() async throws {
        try await withWorld { world, call in
            var backup = try await Backup(world, call, job: #","retention_days":0"#)
            let run = try await backup.start()
            let open = try await call(.get, "/v1/runs/\(run)").json
            #expect(
                open.names == [
                    "id", "job_id", "agent_id", "target_id", "status", "waiting_for", "attempt",
                    "next_attempt_at", "attempts", "cancellation", "manual_trigger", "progress_percent",
                    "current_step", "error_message", "error_class", "evidence", "s3_key", "size_bytes", "sha256",
                    "duration_ms", "compression", "db_engine_version", "kept_by", "kept_until", "locked",
                    "object_deleted_at", "object_deleted_reason", "created_at", "started_at", "finished_at",
                    "position", "slot",
                ])
            #expect(open["manual_trigger"] == true && open["status"]?.string != "success")
            for path in ["download-url", "decryption-token"] {
                let answer = try await call(path == "download-url" ? .get : .post, "/v1/runs/\(run)/\(path)")
                #expect(answer.status == 409 && answer.code == "CONFLICT")
            }
            try await backup.complete(run, content)
            let done = try await call(.get, "/v1/runs/\(run)").json
            #expect(done["status"] == "success" && done["progress_percent"] == 100)
            #expect(done["evidence"] == ["object": "seen", "digest": "store"])
            #expect(
                done["s3_key"] == .string("\(backup.agent)/\(backup.job)/\(run)-1.enc")
                    && done["size_bytes"]?.number == UInt64(content.count))
            #expect(done["sha256"] == .string(SHA256.digest(of: content).hex) && done["duration_ms"] == 1_234)

            let download = try await call(.get, "/v1/runs/\(run)/download-url").json
            #expect(download["expires_at"] == "2026-01-01T00:15:00.000Z")
            let url = try #require(download["url"]?.string)
            let path = try #require(url.split(separator: "8080").last.map(String.init))
            let object = try await call(.get, path, token: nil)
            #expect(object.status == 200 && object.bytes == content)

            let issued = try await call(
                .post, "/v1/runs/\(run)/decryption-token", headers: [.idempotencyKey: "once"])
            #expect(issued.status == 200 && issued.json["expires_at"] == "2026-01-01T00:15:00.000Z")
            let token = try #require(issued.json["token"]?.string)
            let payload = try #require(Base64.decodeURL(String(token.split(separator: ".")[1])))
            let claims = try JSONParser.parse(payload)
            #expect(claims["run_id"] == .string(run) && claims["company_id"] == "default" && claims["sub"] == "admin")
            #expect(claims["dek"] == .string(Base64.encode([UInt8](repeating: 7, count: 32))))
            #expect(claims["sha256"] == done["sha256"] && claims["exp"] == 1_767_226_500)
            let again = try await call(
                .post, "/v1/runs/\(run)/decryption-token", headers: [.idempotencyKey: "once"])
            #expect(again.status == 200 && again.json["token"] == .null)
            #expect(again.json["expires_at"] == issued.json["expires_at"])

            #expect(try await call(.delete, "/v1/runs/\(run)").status == 202)
            while true {
                let passed = world.follower.passed
                if world.follower.read({ $0.objects.isEmpty }) { break }
                try await world.follower.wait(for: passed.next)
            }
            #expect(try world.vault.names(withPrefix: "key:").isEmpty)
            let gone = try await call(.get, "/v1/runs/\(run)").json
            #expect(gone["object_deleted_reason"] == "token admin asked for it" && gone["kept_by"] == .null)
            #expect(gone["object_deleted_at"]?.string != nil)
            #expect(try await call(.get, "/v1/runs/\(run)/download-url").status == 409)
            #expect(try await call(.get, path, token: nil).status == 404)
            #expect(try await call(.delete, "/v1/runs/\(run)").status == 409)
        }
    }

    @Test("Retention holds an object")
    func retention() async throws {
        try await withWorld { world, call in
            var backup = try await Backup(world, call, job: #","retention_days":1"#)
            let run = try await backup.start()
            try await backup.complete(run, content)
            let answer = try await call(.delete, "/v1/runs/\(run)")
            #expect(answer.status == 412 && answer.code == "PRECONDITION_FAILED")
            // The end is named as all moments are.
            let moment = answer.text.firstMatch(of: /until (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)/)
            #expect(
                moment.flatMap { Moment.parse(String($0.output.1)) } ?? Timestamp(milliseconds: 0)
                    > world.clock.wallTime())
        }
    }

    @Test("A run is cancelled; the timeline tells the story in order, with causes")
    func cancel() async throws {
        try await withWorld { world, call in
            let agent = try await call.createAgent().id
            let job = try await call.createJob(agent, try await call.createTarget(agent))
            let answer = try await call(.post, "/v1/jobs/\(job)/run")
            #expect(answer.status == 202 && answer.json.names == ["run_id"])
            let run = try #require(answer.json["run_id"]?.string)
            #expect(try await call(.get, "/v1/runs/\(run)").json["status"] == "queued")
            let cancelled = try await call(.post, "/v1/runs/\(run)/cancel")
            #expect(cancelled.status == 202 && cancelled.json["run_id"] == .string(run))
            #expect(try await call(.get, "/v1/runs/\(run)").json["status"] == "cancelled")
            let second = try await call(.post, "/v1/runs/\(run)/cancel")
            #expect(second.status == 409 && second.code == "CONFLICT")
            let timeline = try await call(.get, "/v1/runs/\(run)/timeline").json["items"]?.array ?? []
            #expect(
                timeline.compactMap { $0["kind"]?.string }.prefix(4) == [
                    "accepted.run_queued", "request.cancel_run", "accepted.cancel_requested", "run.closed",
                ])
            #expect(timeline.first?["cause"]?.number != nil && timeline[1]["cause"] == .null)
            #expect(
                timeline[3]["cause"] == timeline[2]["position"] && timeline[3]["message"]?["verdict"] == "cancelled")
            let page = try await call(.get, "/v1/runs/\(run)/timeline?limit=2").json
            let next = try #require(page["next_cursor"]?.string)
            let rest = try await call(.get, "/v1/runs/\(run)/timeline?limit=100&cursor=\(next)").json
            #expect(
                (page["items"]?.array ?? []) + (rest["items"]?.array ?? [])
                    == (try await call(
                        .get, "/v1/runs/\(run)/timeline"
                    ).json["items"]?.array))
            for (method, path) in [
                (HTTPRequest.Method.get, ""), (.delete, ""), (.get, "/timeline"), (.post, "/cancel"),
                (.get, "/download-url"), (.post, "/decryption-token"),
            ] {
                let missing = try await call(method, "/v1/runs/run_00000000000\(path)")
                #expect(missing.status == 404 && missing.code == "RESOURCE_NOT_FOUND", "\(method) \(path)")
            }
        }
    }

    @Test("Runs are listed from the newest, filtered, in pages")
    func list() async throws {
        try await withWorld { world, call in
            let agent = try await call.createAgent().id
            let target = try await call.createTarget(agent)
            let jobs = [try await call.createJob(agent, target), try await call.createJob(agent, target)]
            var runs: [String] = []
            for number in 0..<6 {
                world.clock.advance(by: .minutes(1))
                let answer = try await call(.post, "/v1/jobs/\(jobs[number % 2])/run")
                runs.append(try #require(answer.json["run_id"]?.string))
            }
            _ = try await call(.post, "/v1/runs/\(runs[0])/cancel")
            func ids(_ query: String) async throws -> [String] {
                let answer = try await call(.get, "/v1/runs?\(query)")
                #expect(answer.status == 200, "\(query): \(answer.text)")
                return answer.json["items"]?.array.compactMap { $0["id"]?.string } ?? []
            }
            #expect(try await ids("") == runs.reversed())
            #expect(try await ids("job_id=\(jobs[1])") == [runs[5], runs[3], runs[1]])
            #expect(try await ids("agent_id=\(agent)&status=cancelled") == [runs[0]])
            #expect(try await ids("target_id=\(target)&status=queued").count == 5)
            #expect(try await ids("agent_id=agt_00000000000") == [])
            #expect(try await ids("agent_id=&job_id=&target_id=&from=&to=&status=") == runs.reversed())
            #expect(try await ids("from=2026-01-01T00:03:00Z&to=2026-01-01T00:05:00Z") == [runs[3], runs[2]])
            let first = try await call(.get, "/v1/runs?limit=4").json
            let next = try #require(first["next_cursor"]?.string)
            #expect(first["has_more"] == true)
            #expect(try await ids("limit=4&cursor=\(next)") == [runs[1], runs[0]])
            for (query, field) in [
                ("status=done", "status"), ("from=yesterday", "from"), ("to=1", "to"),
                ("cursor=\(Base64.encodeURL(Array("runs:x".utf8)))", "cursor"),
                ("cursor=\(Base64.encodeURL(Array("runs:18446744073709551615".utf8)))", "cursor"),
                ("run_id=1", "run_id"),
                ("limit=0", "limit"),
            ] {
                let answer = try await call(.get, "/v1/runs?\(query)")
                #expect(answer.status == 422 && answer.field == field, "\(query): \(answer.text)")
            }
        }
    }
}
