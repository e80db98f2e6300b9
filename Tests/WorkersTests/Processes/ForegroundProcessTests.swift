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

    @Test("One that closes its output and does not end is ended, and the reason told")
    func hangs() throws {
        var output: [UInt8] = []
        #expect(throws: HungProcess(executable: "/bin/sh", seconds: 0)) {
            _ = try hanging(.milliseconds(200)).run(mayGoOn: { true }) { output += $0 }
        }
        #expect(try isGone(output))
    }

    @Test("One that hangs behind its output is ended when it may not go on")
    func isCancelled() throws {
        var output: [UInt8] = []
        #expect(throws: CancellationError.self) {
            _ = try hanging(.seconds(600)).run(mayGoOn: { output.isEmpty }) { output += $0 }
        }
        #expect(try isGone(output))
    }

    @Test("One that takes a moment to end behind its output has its own exit code")
    func takesAMoment() throws {
        let process = ForegroundProcess(
            executable: "/bin/sh", arguments: ["-c", "exec >&-; sleep 0.3; exit 7"],
            environment: ["PATH": "/usr/bin:/bin"])
        #expect(try process.run(mayGoOn: { true }, output: { _ in }).exitCode == 7)
    }
}
