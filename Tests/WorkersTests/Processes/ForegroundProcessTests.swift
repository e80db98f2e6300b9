import Engine
import Foundation
import Testing

@testable import Workers

@Suite("Programs whose output is read", .timeLimit(.minutes(1)))
struct ForegroundProcessTests {
    /// Says its process id, closes its output and hangs, as a tool may that waits for a dead server.
    private func hanging(_ endingTime: Duration) -> ForegroundProcess {
        var process = ForegroundProcess(
            executable: "/bin/sh", arguments: ["-c", "echo $$; exec >&-; sleep 600; true"],
            environment: ["PATH": "/usr/bin:/bin"])
        process.endingTime = endingTime
        return process
    }

    private func isGone(_ output: [UInt8]) throws -> Bool {
        let text = String(decoding: output, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return kill(try #require(pid_t(text)), 0) != 0
    }

    /// Runs it as the pipeline does, on a thread that may be blocked: what it said, and how it ended.
    private func run(
        _ process: ForegroundProcess, mayGoOn: @escaping @Sendable ([UInt8]) -> Bool = { _ in true }
    ) async throws -> (output: [UInt8], result: Result<ForegroundProcess.Ending, any Error>) {
        try await onThread("test") { _ in
            var output: [UInt8] = []
            let result = Result { try process.run(mayGoOn: { mayGoOn(output) }, output: { output += $0 }) }
            return (output, result)
        }
    }

    @Test("One that closes its output and does not end is ended, and the reason told")
    func hangs() async throws {
        let (output, result) = try await run(hanging(.milliseconds(200)))
        #expect(throws: HungProcess(executable: "/bin/sh", seconds: 0)) { try result.get() }
        #expect(try isGone(output))
    }

    @Test("One that hangs behind its output is ended when it may not go on")
    func isCancelled() async throws {
        let (output, result) = try await run(hanging(.seconds(600)), mayGoOn: { $0.isEmpty })
        #expect(throws: CancellationError.self) { try result.get() }
        #expect(try isGone(output))
    }

    @Test("One that takes a moment to end behind its output has its own exit code")
    func takesAMoment() async throws {
        let process = ForegroundProcess(
            executable: "/bin/sh", arguments: ["-c", "exec >&-; sleep 0.3; exit 7"],
            environment: ["PATH": "/usr/bin:/bin"])
        #expect(try await run(process).result.get().exitCode == 7)
    }
}
