import Foundation
import Testing

@testable import Workers

@Suite("Hooks")
struct HookRunnerTests {
    private func runner(isAllowed: Bool = true, sleep: @escaping HookRunner.Sleeper = never) -> HookRunner {
        HookRunner(isAllowed: isAllowed, sleep: sleep, log: { _ in })
    }

    @Test("Hooks run in order, without the agent key, and the first failure ends the list")
    func order() async throws {
        let folder = try TemporaryFolder()
        setenv("BACKUP_AGENT_KEY", "bkpy_test_00000000000000000000000000000000", 1)
        defer { unsetenv("BACKUP_AGENT_KEY") }
        let file = folder.file("out")
        let hooks = ["echo one > \(file)", "echo \"key=$BACKUP_AGENT_KEY\" >> \(file)", "exit 3", "echo no >> \(file)"]
        await #expect(throws: RunFailure("pipeline: pre_hook[2] failed: hook ended with exited(3)")) {
            try await runner().run(hooks, name: "pre_hook")
        }
        #expect(try String(contentsOfFile: file, encoding: .utf8) == "one\nkey=\n")
    }

    @Test("A hook that takes too long is killed, its children too")
    func timeout() async throws {
        await #expect(throws: RunFailure("pipeline: pre_hook[0] failed: hook timed out after 300 s")) {
            try await runner(sleep: { _ in }).run(["sleep 1000 & sleep 1000"], name: "pre_hook")
        }
    }

    @Test("Without permission a job with hooks fails, one without them does not")
    func forbidden() throws {
        #expect(throws: RunFailure.self) { try runner(isAllowed: false).validate(["true"]) }
        try runner(isAllowed: false).validate([])
        #expect(throws: RunFailure.self) { try runner().validate(Array(repeating: "true", count: 17)) }
        #expect(throws: RunFailure.self) { try runner().validate([String(repeating: "x", count: 4_097)]) }
    }
}

/// A sleeper whose time never comes.
let never: @Sendable (Duration) async throws -> Void = { _ in
    let stream = AsyncStream<Void> { _ in }
    for await _ in stream {}
    throw CancellationError()
}
