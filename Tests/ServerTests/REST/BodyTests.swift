import Core
import Digests
import Engine
import Foundation
import HTTPTypes
import Objects
import SQLiteLog
import Testing

@testable import Server

@Suite struct RESTBodyTests {
    static let malformed: [String] = [
        "{", "}", "[", "{]", "nul", "tru", "{\"name\"}", "{\"name\":}", "{\"name\":\"a\",}", "{,}", "{\"a\" 1}",
        "{'name':'a'}", "{name:1}", "{\"name\":\"a\"} x", "{\"name\":\"a\"}{}", "{\"name\":01}", "{\"name\":+1}",
        "{\"name\":1.}", "{\"name\":.5}", "{\"name\":1e}", "{\"name\":-}", "{\"name\":NaN}", "{\"name\":Infinity}",
        "{\"name\":0x10}", "{\"name\":\"a", "{\"name\":\"\\x\"}", "{\"name\":\"\\u12\"}", "{\"name\":\"\\ud800\"}",
        "{\"name\":\"\\ud800\\u0041\"}", "{\"name\":\"\\udc00\"}", "{\"name\":\"\n\"}", "{\"name\":\"\u{0}\"}",
        "{\"name\":\"a\",\"name\":\"b\"}", "\u{FEFF}{}", "// c\n{}", "{/**/}", String(repeating: "[", count: 100_000),
        String(repeating: "{\"a\":", count: 100_000), "{\"a\":" + String(repeating: "[", count: 40), " ", "\u{0}", "\\",
    ]

    @Test("Malformed bodies are 422 wherever they are sent")
    func malformedBodies() async throws {
        try await withWorld { _, call in
            let agent = try await call.createAgent().id
            for (method, path) in [
                (HTTPRequest.Method.post, "/v1/agents"), (.patch, "/v1/agents/\(agent)/config"),
                (.post, "/v1/agents/\(agent)/targets"), (.post, "/v1/agents/\(agent)/jobs"),
                (.post, "/v1/jobs/job_00000000000/run"), (.delete, "/v1/agents/\(agent)"),
            ] {
                for body in Self.malformed {
                    let answer = try await call(method, path, body)
                    #expect(answer.status == 422 && answer.code == "VALIDATION_ERROR", "\(path) \(body.prefix(40))")
                }
                for body in ["[]", "1", "null", "true", "\"text\"", "[{}]"] {
                    let answer = try await call(method, path, body)
                    #expect(answer.status == 422 && answer.text.contains("must be a JSON object"), "\(body)")
                }
                for bytes: [UInt8] in [[0xFF], [0x7B, 0x22, 0xC3, 0x28, 0x22, 0x3A, 0x31, 0x7D], [0x1F, 0x8B, 8, 0]] {
                    #expect(try await call.send(method, path, bytes).status == 422)
                }
                let answer = try await call(method, path, #"{"surprise":1}"#)
                #expect(answer.status == 422 && answer.text.contains("surprise"))
            }
            #expect(try await call(.get, "/v1/agents/\(agent)").status == 200)
        }
    }

    @Test("Bodies over 1 MiB, and of another kind, are refused")
    func sizeAndKind() async throws {
        try await withWorld { _, call in
            let large = #"{"name":"\#(String(repeating: "a", count: 1 << 20))"}"#
            #expect(try await call(.post, "/v1/agents", large).status == 413)
            let full = #"{"name":"a"}"# + String(repeating: " ", count: (1 << 20) - 12)
            #expect(try await call(.post, "/v1/agents", full).status == 201)
            #expect(try await call(.post, "/v1/agents", full + " ").status == 413)
            for type in ["application/xml", "multipart/form-data; boundary=x", "application/octet-stream"] {
                let answer = try await call(
                    .post, "/v1/agents", #"{"name":"a"}"#, headers: [.contentType: type])
                #expect(answer.status == 422 && answer.field == "Content-Type", "\(type)")
            }
            for type in ["application/json", "application/json; charset=utf-8", "application/x-www-form-urlencoded"] {
                let answer = try await call(
                    .post, "/v1/agents", #"{"name":"a"}"#, headers: [.contentType: type])
                #expect(answer.status == 201, "\(type)")
            }
        }
    }

    @Test("Every member is held to its type, and the error names it")
    func types() async throws {
        try await withWorld { _, call in
            let agent = try await call.createAgent().id
            let target = try await call.createTarget(agent)
            let wrongTexts = [
                "1", "null", "true", "[]", "{}", "1.5", #""\u0000""#, "\"\(String(repeating: "x", count: 4_097))\"",
            ]
            let wrongNumbers = ["\"1\"", "null", "true", "[]", "{}", "1.5", "1e2", "-1", "-0", "4294967296", "1e400"]
            let wrongFlags = ["\"true\"", "null", "1", "[]", "{}"]
            let wrongLists = ["\"a\"", "null", "1", "{}"]
            let hooks = [
                "[1]", "[null]", "[[]]", #"["a",{}]"#, "[\"\(String(repeating: "x", count: 4_097))\"]", #"["\u0000"]"#,
                "[" + Array(repeating: "\"a\"", count: 17).joined(separator: ",") + "]",
            ]
            var cases: [(path: String, template: String, field: String, values: [String])] = []
            let jobs = "/v1/agents/\(agent)/jobs"
            let targets = "/v1/agents/\(agent)/targets"
            func job(_ field: String, _ values: [String], _ inner: String? = nil) {
                let member = inner ?? "\"\(field)\":VALUE"
                cases.append((jobs, #"{"target_id":"\#(target)",\#(member)}"#, field, values))
            }
            cases.append(("/v1/agents", #"{"name":VALUE}"#, "name", wrongTexts))
            cases.append((jobs, #"{"target_id":VALUE}"#, "target_id", wrongTexts + ["\"\""]))
            job("cron", wrongTexts + ["\"* * *\"", "\"* * * * * *\"", "\"x\""])
            job("time_zone", wrongTexts + ["\"\"", "\"Mars/Base\"", "\"Europe/Ber lin\"", "\"../../etc/passwd\""])
            job("jitter_sec", wrongNumbers + ["86401"])
            job("overlap", wrongTexts + ["\"both\"", "\"\""])
            job("catch_up_sec", wrongNumbers + ["2678401"])
            job("retention_days", wrongNumbers)
            job("retention", ["1", "null", "[]", "\"3\""])
            job("retention.keep_daily", wrongNumbers + ["100001"], #""retention":{"keep_daily":VALUE}"#)
            job("retention.keep_all", ["1"], #""retention":{"keep_all":VALUE}"#)
            job("compression", wrongTexts + ["\"gzip\"", "\"none\"", "\"ZSTD\"", "\"\""])
            job("encryption_enabled", wrongFlags + ["false"])
            job("timeout_sec", wrongNumbers)
            job("retry", ["1", "null", "[]", "\"3\""])
            job("retry.max_attempts", wrongNumbers + ["101"], #""retry":{"max_attempts":VALUE}"#)
            job("retry.backoff_seconds", wrongLists, #""retry":{"backoff_seconds":VALUE}"#)
            job("retry.backoff_seconds[0]", ["[-1]", "[\"1\"]", "[null]"], #""retry":{"backoff_seconds":VALUE}"#)
            for list in ["pre_hooks", "post_hooks"] { job(list, wrongLists + hooks) }
            func at(_ field: String, _ values: [String]) {
                let name = field.split(separator: ".").last ?? ""
                let isInner = field.contains(".")
                let member = isInner ? #""connection":{"\#(name)":VALUE}"# : "\"\(name)\":VALUE"
                cases.append((targets, "{\(member)}", field, values))
            }
            at("type", wrongTexts.dropLast(2) + ["\"oracle\"", "\"PostgreSQL\"", "\"\"", "\"unspecified\""])
            at("display_name", wrongTexts)
            at("connection", ["1", "null", "[]", "\"x\""])
            for name in ["host", "database", "username", "container_id"] { at("connection.\(name)", wrongTexts) }
            at("connection.password_secret_ref", wrongTexts + ["\"env:\"", "\"env:a b\"", "\"file:\"", "\"env:$(x)\""])
            at("connection.port", wrongNumbers + ["65536"])
            at("connection.strategy", ["1", "null", "\"ssh\"", "\"TCP\""])
            for (path, template, field, values) in cases {
                for value in values {
                    let answer = try await call(.post, path, template.replacing("VALUE", with: value))
                    #expect(answer.status == 422, "\(field) \(value.prefix(40)): \(answer.text)")
                    #expect(answer.field?.hasPrefix(field) == true, "\(field) \(value.prefix(40)): \(answer.text)")
                }
            }
            let noType = try await call(.post, targets, #"{"display_name":"x"}"#)
            #expect(noType.status == 422 && noType.field == "type")
            let noPath = try await call(.post, targets, #"{"type":"sqlite","display_name":"x"}"#)
            #expect(noPath.status == 422 && noPath.field == "connection.database")
            for (method, path, body, field) in [
                (HTTPRequest.Method.post, jobs, #"{"target_id":"\#(target)","id":"job_1"}"#, "id"),
                (
                    .post, targets, #"{"type":"redis","display_name":"x","connection":{"has_password":true}}"#,
                    "connection.has_password"
                ),
                (.patch, "/v1/targets/\(target)", #"{"agent_id":"x"}"#, "agent_id"),
                (.post, jobs, #"{"target_id":"\#(target)","retry":{"jitter":1}}"#, "retry.jitter"),
                (.patch, "/v1/jobs/job_1", #"{"target_id":"x"}"#, "target_id"),
            ] {
                let answer = try await call(method, path, body)
                #expect(answer.status == 422 && answer.field == field, "\(body): \(answer.text)")
            }
        }
    }

    @Test("JSON is read and written back, digits and escapes kept")
    func json() throws {
        let text = #"{"a":[1,-2.50,1E+9,true,false,null],"b":{"c":"\u00e9\ud83d\ude00\n\"\\\/"},"d":""}"#
        let value = try JSONParser.parse(Array(text.utf8))
        #expect(value["a"]?.array[1] == .number("-2.50") && value["b"]?["c"] == .string("é😀\n\"\\/"))
        #expect(try JSONParser.parse(value.bytes) == value)
        let odd = JSON.string("\u{1}\u{7F}\t\u{2028}e\u{301}")
        #expect(try JSONParser.parse(odd.bytes) == odd)
        var deep = "1"
        for _ in 0..<32 { deep = "[\(deep)]" }
        #expect(throws: Never.self) { try JSONParser.parse(Array(deep.utf8)) }
        #expect(throws: JSONError.self) { try JSONParser.parse(Array("[\(deep)]".utf8)) }
    }

    @Test("Any bytes give a value or an error", arguments: UInt64(0)..<20)
    func fuzz(seed: UInt64) {
        var state = seed
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        let alphabet = Array(#"{}[]",:\u0123dDeE+-. truefalsn"#.utf8) + [0, 0xC3, 0xA9, 0xFF, 0x0A]
        for _ in 0..<2_000 {
            let bytes = (0..<Int(next() % 40)).map { _ in alphabet[Int(next()) % alphabet.count] }
            if let value = try? JSONParser.parse(bytes) { #expect((try? JSONParser.parse(value.bytes)) == value) }
        }
    }
}
