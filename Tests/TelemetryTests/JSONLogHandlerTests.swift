import Foundation
import Logging
import Synchronization
import Telemetry
import Testing

@Suite("Log lines in JSON")
struct JSONLogHandlerTests {
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    private func logger(_ lines: Lines) -> Logger {
        var logger = Logger(label: "serve") {
            JSONLogHandler(
                label: $0, redact: { $0.replacing("s3cr3t", with: "******") },
                now: { Date(timeIntervalSince1970: 1_700_000_000.0625) },
                write: { line in lines.all.withLock { $0.append(line) } })
        }
        logger.logLevel = .info
        return logger
    }

    @Test("One line, one object: time, level, logger, message, and what is known with it")
    func line() throws {
        let lines = Lines()
        var logger = logger(lines)
        logger[metadataKey: "run"] = "run_1"
        logger.warning(
            "quoted \" and \\ and\nnew\u{0}line \u{2028} é 💾",
            metadata: ["position": "42", "hb.request.id": "abc", "list": ["1", "x"], "message": "not twice"])
        logger.debug("not written")
        let all = lines.all.withLock { $0 }
        #expect(
            all == [
                #"{"ts":"2023-11-14T22:13:20.062Z","level":"warning","logger":"serve","#
                    + #""message":"quoted \" and \\ and\nnew\u0000line \u2028 é 💾","trace_id":"abc","list":[1,"x"],"#
                    + #""position":42,"run":"run_1"}"# + "\n"
            ])
        let object = try JSONSerialization.jsonObject(with: Data(all[0].utf8)) as? [String: Any]
        #expect(object?["message"] as? String == "quoted \" and \\ and\nnew\u{0}line \u{2028} é 💾")
    }

    @Test("Secrets are redacted in messages, values and errors alike")
    func redaction() {
        let lines = Lines()
        logger(lines).error("a s3cr3t", metadata: ["url": "x s3cr3t y", "list": ["s3cr3t"], "map": ["k": "s3cr3t"]])
        let line = lines.all.withLock { $0 }.joined()
        #expect(!line.contains("s3cr3t") && line.contains("******"))
    }

    @Test("Bytes that are no text end in a line all the same")
    func strange() throws {
        let lines = Lines()
        logger(lines).info(
            "\(String(decoding: [0xFF, 0x00, 0x1B] as [UInt8], as: UTF8.self))\r\n", metadata: ["-1": "-1"])
        let all = lines.all.withLock { $0 }
        #expect(all.count == 1 && all[0].split(separator: "\n").count == 1)
        _ = try JSONSerialization.jsonObject(with: Data(all[0].utf8))
    }
}
