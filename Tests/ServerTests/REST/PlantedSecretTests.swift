import Core
import Digests
import Foundation
import HTTPTypes
import Testing
import Wire

@testable import Server

/// Secrets in requests, in the right places and in wrong ones.
@Suite struct RESTPlantedSecretTests {
    private static func files(of world: World, holding secret: String) throws -> [String] {
        let bytes = Array(secret.utf8)
        let forms = [
            secret, Hex.encode(bytes), Hex.encode(bytes).uppercased(), String(Base64.encode(bytes).dropLast(4)),
            secret.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? secret,
        ]
        var found: [String] = []
        for name in try FileManager.default.subpathsOfDirectory(atPath: world.directory) {
            guard let data = FileManager.default.contents(atPath: world.directory + "/" + name) else { continue }
            for form in forms where data.range(of: Data(form.utf8)) != nil { found.append("\(name): \(form)") }
        }
        return found
    }

    @Test("Hundreds of passwords, in the field for them: none is in any file or answer")
    func passwords() async throws {
        try await withWorld { world, call in
            var agents: [String] = []
            var answers = ""
            for number in 0..<300 {
                // Each text is held against all passwords of its agent.
                if number.isMultiple(of: 20) { agents.append(try await call.createAgent().id) }
                let agent = try #require(agents.last)
                let secret = "secret-password\(number)-ß\"\\%2F+/ \(number * 7919)"
                let literal = String(decoding: JSON.string(secret).bytes, as: UTF8.self)
                let body =
                    #"{"type":"mysql","display_name":"t","connection":{"host":"h","password_secret_ref":\#(literal)}}"#
                let made = try await call(
                    .post, "/v1/agents/\(agent)/targets", body, headers: [.idempotencyKey: "k\(number)"])
                #expect(made.status == 201)
                answers += made.text
                if number % 3 == 0 {
                    let id = try #require(made.json["id"]?.string)
                    answers += try await call(.patch, "/v1/targets/\(id)", body).text
                }
            }
            for path in ["/v1/log?limit=100", "/v1/state"] + agents.map({ "/v1/agents/\($0)/targets" }) {
                answers += try await call(.get, path).text
            }
            // What all of them begin with.
            #expect(!answers.contains("secret-password"))
            #expect(try Self.files(of: world, holding: "secret-password") == [])
        }
    }

    @Test("A secret in a wrong place is refused, not recorded and not repeated")
    func wrongPlaces() async throws {
        try await withWorld { world, call in
            let agent = try await call.createAgent().id
            let target = try await call.createTarget(agent)
            let secret = "correct-horse-Battery-9"
            _ = try await call(
                .patch, "/v1/targets/\(target)", #"{"connection":{"password_secret_ref":"\#(secret)"}}"#)
            let key = "bkpy_live_0123456789abcdefghijABCDEFGHIJKL"
            let hex = Hex.encode(Array(secret.utf8))
            let base64 = Base64.encode(Array(secret.utf8))
            var requests: [(HTTPRequest.Method, String, String)] = []
            for text in [key, "https://u:\(secret)@h/x", "https://h/?X-Amz-Signature=\(secret)"] {
                requests.append((.post, "/v1/agents", #"{"name":"\#(text)"}"#))
                requests.append((.patch, "/v1/agents/\(agent)", #"{"name":"\#(text)"}"#))
                for member in ["host", "database", "username", "container_id"] {
                    requests.append((.patch, "/v1/targets/\(target)", #"{"connection":{"\#(member)":"\#(text)"}}"#))
                }
                requests.append((.patch, "/v1/targets/\(target)", #"{"display_name":"\#(text)"}"#))
                requests.append(
                    (.patch, "/v1/targets/\(target)", #"{"connection":{"password_secret_ref":"file:\#(text)"}}"#))
                requests.append(
                    (.post, "/v1/agents/\(agent)/jobs", #"{"target_id":"\#(target)","pre_hooks":["curl \#(text)"]}"#))
                requests.append((.post, "/v1/agents/\(agent)/jobs", #"{"target_id":"\#(target)","cron":"\#(text)"}"#))
                requests.append((.patch, "/v1/agents/\(agent)/config", #"{"advanced":{"log_level":"\#(text)"}}"#))
            }
            for text in [secret, hex, base64] {
                // Its own target's password, as the same request brings it, and as the vault has it.
                for member in ["host", "database", "username", "container_id"] {
                    let pair = #""\#(member)":"\#(text)","password_secret_ref":"\#(secret)""#
                    requests.append((.patch, "/v1/targets/\(target)", #"{"connection":{\#(pair)}}"#))
                }
                requests.append((.patch, "/v1/targets/\(target)", #"{"connection":{"username":"\#(text)"}}"#))
                requests.append((.patch, "/v1/targets/\(target)", #"{"display_name":"\#(text)"}"#))
                requests.append(
                    (.post, "/v1/agents/\(agent)/targets", #"{"type":"sqlite","display_name":"\#(text)"}"#))
                requests.append((.patch, "/v1/agents/\(agent)", #"{"name":"\#(text)"}"#))
                for cron in ["\(text) * * * *", "0 3 * * \(text)", "@\(text)"] {
                    requests.append(
                        (.post, "/v1/agents/\(agent)/jobs", #"{"target_id":"\#(target)","cron":"\#(cron)"}"#))
                }
                let hooks = #"{"target_id":"\#(target)","post_hooks":["mysql -p\#(text)"]}"#
                requests.append((.post, "/v1/agents/\(agent)/jobs", hooks))
            }
            requests.append((.post, "/v1/agents", #"{"name":"a","\#(secret)":1}"#))
            requests.append((.post, "/v1/agents", #"{"name":"a \#(World.token)"}"#))
            requests.append((.post, "/v1/agents", #"{"name":"\#(secret)"#))
            requests.append((.post, "/v1/agents", "\(secret)"))
            requests.append((.get, "/v1/agents?\(secret)=1", ""))
            requests.append((.get, "/v1/agents?cursor=\(secret)", ""))
            requests.append((.get, "/v1/runs?status=\(secret)", ""))
            requests.append((.get, "/v1/agents/\(secret)", ""))
            requests.append((.delete, "/v1/jobs/job_\(secret)", ""))
            requests.append((.post, "/v1/jobs/job_\(secret)/run", ""))
            requests.append((.delete, "/v1/targets/\(secret)", ""))
            requests.append((.get, "/\(secret)", ""))
            requests.append((.get, "/v1/log/\(secret)", ""))
            for (number, (method, path, body)) in requests.enumerated() {
                let answer = try await call(
                    method, path, body.isEmpty ? nil : body, headers: [.idempotencyKey: "\(secret)-\(number)"])
                let place: Comment = "\(method) \(path) \(body): \(answer.text)"
                #expect((400..<500).contains(answer.status), place)
                for text in [key, secret, hex, base64, World.token] { #expect(!answer.text.contains(text), place) }
            }
            // Granted, under a key that is a secret.
            #expect(
                try await call(.post, "/v1/agents", #"{"name":"b"}"#, headers: [.idempotencyKey: secret]).status == 201)
            #expect(
                try await call(.post, "/v1/agents", #"{"name":"c"}"#, headers: [.idempotencyKey: secret]).status == 409)
            for text in [secret, key, World.token] { #expect(try Self.files(of: world, holding: text) == []) }
        }
    }

    @Test("A log line shows of a path what the interface knows, and identifiers, and nothing else")
    func shownPaths() {
        let table = RouteTable([
            Route(.get, "/v1/agents/{id}", Operation("")) { _, _ in throw CancellationError() },
            Route(.get, "/objects/**", Operation("")) { _, _ in throw CancellationError() },
        ])
        for (path, shown) in [
            ("/v1/agents/agt_0000000000Z", "/v1/agents/agt_0000000000Z"),
            ("/v1/agents/correct-horse-Battery-9", "/v1/agents/…"), ("/correct-horse-Battery-9", "/…"),
            ("/v1/agents/agt_0000000000Z0", "/v1/agents/…"), ("/v1/agents/agt_000000é000Z", "/v1/agents/…"),
            ("/v1/agents/12", "/v1/agents/12"), ("/objects/agt/nightly.blob", "/objects/…/…"), ("/", "/"), ("", "/"),
        ] {
            #expect(table.shown(path) == shown)
        }
    }

    @Test("Hooks may name variables and files, and short passwords are not looked for in ordinary words")
    func whatIsAllowed() async throws {
        try await withWorld { _, call in
            let agent = try await call.createAgent().id
            let target = try await call.createTarget(agent)
            _ = try await call(
                .patch, "/v1/targets/\(target)",
                #"{"connection":{"username":"postgres","password_secret_ref":"postgres"}}"#)
            for hook in [
                "mysql --password=$PW", "su postgres -c 'pg_dump'", "curl https://h/a@b?x=1",
            ] {
                let made = try await call(
                    .post, "/v1/agents/\(agent)/jobs", #"{"target_id":"\#(target)","pre_hooks":["\#(hook)"]}"#)
                #expect(made.status == 201, "\(hook): \(made.text)")
            }
        }
    }
}
