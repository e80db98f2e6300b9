import Foundation
import Subprocess
import SystemPackage

/// Runs the operator's commands around a dump, by `/bin/sh -c`, within the limits that the protocol declares.
public struct HookRunner: Sendable {
    /// Hooks of one list; further ones fail the run rather than being skipped unseen.
    public static let maximumCount = 16
    /// Bytes of one command.
    public static let maximumByteCount = 4_096
    /// Seconds one hook may take.
    public static let secondsPerHook: Int64 = 5 * 60
    /// Seconds the hooks of one list may take together.
    public static let secondsPerList: Int64 = 30 * 60
    /// Bytes kept of what a hook prints.
    public static let keptByteCount = 8_192

    /// Waits; injected, so that tests need no time.
    public typealias Sleeper = @Sendable (Duration) async throws -> Void

    private let isAllowed: Bool
    private let sleep: Sleeper
    private let log: @Sendable (String) -> Void

    /// A runner.
    ///
    /// - Parameters:
    ///   - isAllowed: whether the operator of this host started the agent with `--allow-hooks`.
    ///   - sleep: waits for a hook's time to be over.
    ///   - log: gets what hooks print; it never leaves the host.
    public init(isAllowed: Bool, sleep: @escaping Sleeper, log: @escaping @Sendable (String) -> Void) {
        self.isAllowed = isAllowed
        self.sleep = sleep
        self.log = log
    }

    /// Whether a job's hooks may run at all.
    public func validate(_ hooks: [String]) throws(RunFailure) {
        guard !hooks.isEmpty else { return }
        guard isAllowed else {
            throw RunFailure(
                "pipeline: hooks: the job has some, and this agent was started without --allow-hooks. "
                    + "Remove them from the job, or allow them on the agent's host")
        }
        guard hooks.count <= Self.maximumCount, hooks.allSatisfy({ $0.utf8.count <= Self.maximumByteCount }) else {
            throw RunFailure(
                "pipeline: hooks: more than \(Self.maximumCount), or one over \(Self.maximumByteCount) bytes")
        }
        guard !hooks.contains(where: { $0.utf8.contains(0) }) else {
            throw RunFailure("pipeline: hooks: one holds a zero byte")
        }
    }

    /// Runs the commands one after the other; the first failure ends the list.
    ///
    /// - Parameter name: `pre_hook` or `post_hook`.
    /// - Throws: ``RunFailure``, or `CancellationError` once the task is cancelled; the hook's process group is killed.
    public func run(_ hooks: [String], name: String) async throws {
        try validate(hooks)
        let start = ContinuousClock.now
        for (index, hook) in hooks.enumerated() {
            let left = Duration.seconds(Self.secondsPerList) - (ContinuousClock.now - start)
            let limit = min(Duration.seconds(Self.secondsPerHook), left)
            let result = try await bounded(limit) { try await run(hook) }
            guard let result else {
                throw RunFailure(
                    "pipeline: \(name)[\(index)] failed: hook timed out after \(limit.components.seconds) s")
            }
            log("\(name)[\(index)]: \(result.status); printed: \(result.output)")
            guard result.status.isSuccess else {
                throw RunFailure("pipeline: \(name)[\(index)] failed: hook ended with \(result.status)")
            }
        }
    }

    private func run(_ hook: String) async throws -> (status: TerminationStatus, output: String) {
        do {
            let result = try await Subprocess.run(
                .path("/bin/sh"), arguments: ["-c", hook],
                environment: .inherit.updating(Processes.hiddenVariables),
                platformOptions: Processes.options(asksFirst: false),
                input: .none, output: .sequence, error: .combinedWithOutput
            ) { execution in
                var kept: [UInt8] = []
                for try await buffer in execution.standardOutput {
                    buffer.withUnsafeBytes { kept.append(contentsOf: $0) }
                    if kept.count > 2 * Self.keptByteCount { kept.removeFirst(kept.count - Self.keptByteCount) }
                }
                return kept.suffix(Self.keptByteCount)
            }
            return (result.terminationStatus, String(decoding: result.closureResult, as: UTF8.self))
        } catch {
            try Task.checkCancellation()
            throw RunFailure("pipeline: the hook could not be started: \(error)")
        }
    }

    /// The body's result, or nil when the time was over first; the body is then cancelled and waited for.
    private func bounded<Result: Sendable>(
        _ limit: Duration, _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result? {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await self.sleep(limit)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}
