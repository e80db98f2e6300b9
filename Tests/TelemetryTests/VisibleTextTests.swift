import Logging
import Synchronization
import Telemetry
import Testing

@Suite("Control characters made visible")
struct VisibleTextTests {
    @Test("Each control character of C0, C1 and DEL, and what else ends a line, is written out")
    func controls() {
        for value in Array(0...0x1F) + Array(0x7F...0x9F) + [0x2028, 0x2029] as [UInt32] {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let text = "a\(scalar)b"
            let code = "\\u{\(String(value, radix: 16, uppercase: true))}"
            let short = [0x09: "\\t", 0x0A: "\\n"][value]
            #expect(text.visible(keepingLines: false) == "a\(short ?? code)b")
            #expect(text.visible(keepingLines: true) == (short == nil ? "a\(code)b" : text))
        }
        #expect("a\r\nb".visible(keepingLines: true) == "a\\u{D}\nb")
        #expect("a\r\nb".visible(keepingLines: false) == "a\\u{D}\\nb")
    }

    @Test("Other texts stay as they are", arguments: ["", "plain", "é 💾 \\u{1B} “x”", "a\u{A0}b"])
    func others(text: String) {
        #expect(text.visible(keepingLines: false) == text)
        #expect(text.visible(keepingLines: true) == text)
    }

    @Test("A line of the log stays one line, whatever its message and values hold")
    func lines() {
        let lines = Mutex<[String]>([])
        let keep: @Sendable (String) -> Void = { line in lines.withLock { $0.append(line) } }
        let logger = Logger(label: "serve") { StreamLogHandler(label: $0, stream: VisibleLines(write: keep)) }
        logger.warning("first\nerror forged\u{1B}[2J", metadata: ["run": "a\r\nb"])
        let all = lines.withLock { $0 }
        #expect(all.count == 1)
        #expect(all[0].hasSuffix("] first\\nerror forged\\u{1B}[2J\n") && all[0].contains("run=a\\u{D}\\nb"))
        #expect(all[0].unicodeScalars.filter { $0 == "\n" }.count == 1)
    }
}
