import Core
import Digests
import Engine
import Foundation
import HTTPTypes
import Objects
import SQLiteLog
import Testing

@testable import Server

/// Reads one entry at a time, as a log does whose entries are large.
private struct ShortReader: LogReader, Sendable {
    let reader: any LogReader & Sendable

    func read(after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        try reader.read(after: position, limit: min(limit, 1))
    }
    func read(stream: Core.Stream, after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        try reader.read(stream: stream, after: position, limit: min(limit, 1))
    }
    func lastPosition() throws(LogError) -> Position { try reader.lastPosition() }
    func commit(upTo position: Position) throws(LogError) -> CommitEnd { try reader.commit(upTo: position) }
}

@Suite struct RESTLogTests {
    @Test(
        "A page that large entries made short says that more follow, up to the last", arguments: ["", "&stream=engine"])
    func shortPages(filter: String) async throws {
        let world = try World()
        for number in 0..<3 { try await world.engine.submit(.faulted(Text("\(number)"))) }
        var services = world.services
        services.log = ShortReader(reader: services.log)
        try await withRouter(services) { call in
            var cursor = ""
            for number in 1...4 {
                let page = try await call(.get, "/v1/log?limit=50\(filter)\(cursor)").json
                #expect(page["items"]?.array.compactMap { $0["position"]?.number } == [UInt64(number)])
                #expect(page["has_more"] == .bool(number < 4))
                cursor = page["next_cursor"]?.string.map { "&cursor=\($0)" } ?? ""
            }
        }
        await world.stop()
    }

    @Test("The log is shown in order, by page, by stream, and entry by entry")
    func log() async throws {
        try await withWorld { world, call in
            let agent = try await call.createAgent().id
            _ = try await call.createTarget(agent)
            let all = try await call(.get, "/v1/log").json
            let items = all["items"]?.array ?? []
            #expect(items.compactMap { $0["position"]?.number } == Array(1...UInt64(items.count)))
            #expect(
                items.first?.names == ["position", "recorded_at", "stream", "revision", "cause", "kind", "message"])
            #expect(items.first?["kind"] == "engine.started" && items.first?["message"]?["build"] == "test")
            #expect(items[1]["message"]?["request"]?["type"] == "create_agent" && items[2]["cause"] == 2)
            let page = try await call(.get, "/v1/log?limit=2").json
            let next = try #require(page["next_cursor"]?.string)
            #expect(try await call(.get, "/v1/log?limit=1&cursor=\(next)").json["items"] == .array([items[2]]))
            #expect(try await call(.get, "/v1/log?limit=1&after=2").json["items"] == .array([items[2]]))
            #expect(try await call(.get, "/v1/log?after=100000").json["items"] == [])
            let stream = try await call(.get, "/v1/log?stream=agent/\(agent)").json["items"]?.array ?? []
            #expect(stream.compactMap { $0["revision"]?.number } == Array(1...UInt64(stream.count)))
            #expect(stream.allSatisfy { $0["stream"] == .string("agent/\(agent)") })
            #expect(try await call(.get, "/v1/log?stream=nothing").json["items"] == [])
            #expect(try await call(.get, "/v1/log/2").json == items[1])
            for position in ["0", "100000", "x", "-1", "18446744073709551615", "99999999999999999999999"] {
                #expect(try await call(.get, "/v1/log/\(position)").status == 404, "\(position)")
            }
            for query in [
                "after=x", "after=-1", "after=18446744073709551615", "limit=1000", "after=1&cursor=\(next)", "x=1",
            ] {
                #expect(try await call(.get, "/v1/log?\(query)").status == 422, "\(query)")
            }
        }
    }

    @Test("No secret is in any answer, nor in any file but the vault, where it is wrapped")
    func secrets() async throws {
        let password = "correct-horse-battery"
        try await withWorld { world, call in
            let (_, key) = try await call.createAgent("first")
            var backup = try await Backup(world, call, password: password)
            let run = try await backup.start()
            try await backup.complete(run, Array("object".utf8))
            let rotated = try await call(.post, "/v1/agents/\(backup.agent)/rotate-key").json["key"]?.string
            let token = try await call(.post, "/v1/runs/\(run)/decryption-token").json["token"]?.string
            let url = try await call(.get, "/v1/runs/\(run)/download-url").json["url"]?.string ?? ""
            let signature = try #require(url.split(separator: "=").last.map(String.init))
            _ = try await call(
                .post, "/v1/agents/\(backup.agent)/targets",
                #"{"type":"mysql","connection":{"password_secret_ref":"\#(password)"}}"#)
            let secrets = [password, key, try #require(rotated), try #require(token), signature, World.token]
            let body = #"{"type":"mysql","display_name":"t","connection":{"password_secret_ref":"\#(password)"}}"#
            _ = try await call(
                .post, "/v1/agents/\(backup.agent)/targets", body, headers: [.idempotencyKey: "k"])
            for path in [
                "/v1/agents", "/v1/agents/\(backup.agent)", "/v1/agents/\(backup.agent)/targets",
                "/v1/targets/\(backup.target)", "/v1/runs", "/v1/runs/\(run)", "/v1/runs/\(run)/timeline",
                "/v1/log?limit=100", "/v1/agents/\(backup.agent)/config",
            ] {
                let answer = try await call(.get, path)
                #expect(answer.status == 200, "\(path)")
                for secret in secrets { #expect(!answer.text.contains(secret), "\(path)") }
            }
            let manager = FileManager.default
            var fileCount = 0
            for case let name as String in manager.enumerator(atPath: world.directory) ?? .init() {
                guard let content = manager.contents(atPath: world.directory + "/" + name) else { continue }
                fileCount += 1
                for secret in secrets { #expect(content.range(of: Data(secret.utf8)) == nil, "\(name)") }
            }
            #expect(fileCount >= 4)
        }
    }
}
