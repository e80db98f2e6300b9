import Foundation
import Testing
import Wire

@testable import Workers

@Suite("Passwords that lie on the agent's host")
struct PasswordSourceTests {
    private let folder: TemporaryFolder
    private let source = PasswordSource(environment: [
        "DB_PASSWORD": "from the environment", "EMPTY": "", "BACKUP_AGENT_KEY": "bkpy_test_key",
        "LONG": String(repeating: "x", count: 4_097),
    ])

    init() throws { folder = try TemporaryFolder() }

    private func resolve(_ reference: String) throws -> String {
        try source.resolve(.init(type: "sqlite", database: "x", password: .init(reference))).password.text
    }

    private func write(_ bytes: [UInt8]) throws -> String {
        let path = folder.file(UUID().uuidString)
        try Data(bytes).write(to: URL(filePath: path))
        return path
    }

    @Test("A literal stays as it is; a variable and a file give their content, a file without its last line break")
    func found() throws {
        #expect(try resolve("") == "")
        #expect(try resolve("literal:env:X") == "literal:env:X")
        #expect(try resolve("env:DB_PASSWORD") == "from the environment")
        for (content, expected) in [
            ("päss", "päss"), ("päss\n", "päss"), ("päss\r\n", "päss"), ("päss\n\n", "päss\n"), (" p \n", " p "),
        ] {
            #expect(try resolve("file:" + write(Array(content.utf8))) == expected)
        }
        let longest = String(repeating: "y", count: 4_096)
        #expect(try resolve("file:" + write(Array("\(longest)\n".utf8))) == longest)
        let link = folder.file("link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: write(Array("linked".utf8)))
        #expect(try resolve("file:\(link)") == "linked")
    }

    @Test("What cannot be found is told by its place, never by its content")
    func missing() throws {
        let secret = "s3cr3t-content"
        mkfifo(folder.file("pipe"), 0o600)
        for (reference, problem) in [
            ("env:NONE", "not set in the agent's environment"), ("env:EMPTY", "not set in the agent's environment"),
            ("env:BACKUP_AGENT_KEY", "the agent's own variables"), ("env:LONG", "more than 4096 bytes"),
            ("file:relative", "must be an absolute path"), ("file:/no/such/file", "No such file"),
            ("file:\(folder.path)", "not a regular file"), ("file:\(folder.file("pipe"))", "not a regular file"),
            ("file:/dev/zero", "not a regular file"), ("file:" + (try write([])), "the file is empty"),
            ("file:" + (try write([0x0A])), "the file is empty"),
            ("file:" + (try write(Array(repeating: 0x41, count: 1 << 20))), "more than 4096 bytes"),
            ("file:" + (try write(Array(secret.utf8) + [0xFF])), "is not UTF-8"),
            ("file:" + (try write(Array(secret.utf8) + [0, 1])), "holds a zero byte"),
        ] {
            do {
                _ = try resolve(reference)
                Issue.record("\(reference) was found")
            } catch {
                let text = "\(error)"
                #expect(text.hasPrefix("pipeline: target: password_secret_ref: \(reference): "))
                #expect(text.contains(problem), "\(text)")
                #expect(!text.contains(secret) && !text.contains("bkpy_test_key"))
            }
        }
    }

    @Test("A password shows up in no description of its target")
    func hidden() {
        let target = StationSettings.Target(type: "postgresql", database: "x", password: .init("s3cr3t-content"))
        var dumped = ""
        dump(target, to: &dumped)
        for text in ["\(target)", String(reflecting: target), dumped] { #expect(!text.contains("s3cr3t")) }
    }
}
