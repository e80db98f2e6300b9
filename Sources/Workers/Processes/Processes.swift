import Foundation
import Subprocess
import Synchronization
import SystemPackage

/// How this process starts others: always in a process group of their own, so that what they start dies with them.
enum Processes {
    /// The variables that no child gets.
    static let hiddenVariables: [Environment.Key: String?] = ["BACKUP_AGENT_KEY": nil]

    /// The group is killed at once, or asked to end (SIGTERM) and killed after half a second.
    static func options(asksFirst: Bool) -> PlatformOptions {
        var options = PlatformOptions()
        options.processGroupID = 0
        let kill = TeardownStep.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))
        let ask = TeardownStep.send(
            signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .milliseconds(500))
        options.teardownSequence = asksFirst ? [ask, kill] : [kill]
        return options
    }

    /// The first executable file of this name in the folders of `PATH`.
    static func find(_ name: String, path: String) -> String? {
        path.split(separator: ":").lazy.map { "\($0)/\(name)" }.first { candidate in
            var status = stat()
            return stat(candidate, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(candidate, X_OK) == 0
        }
    }
}

/// A program that is run by a thread which may be blocked, and whose standard output goes through that thread.
struct ForegroundProcess {
    /// Bytes kept of what it says on standard error: the last ones.
    static let keptErrorByteCount = 8_192
    /// How long a read waits before it asks whether to go on.
    private static let pollMilliseconds: Int32 = 100
    /// How long a program may take to end once it has closed its output, and so can have nothing more to give.
    static let endingTime = Duration.seconds(30)
    private static let bufferByteCount = 256 << 10

    /// Its absolute path.
    var executable: String
    var arguments: [String]
    /// All of it: nothing is inherited.
    var environment: [String: String]
    /// See ``endingTime``.
    var endingTime = Self.endingTime

    /// How it ended, and the end of what it said on standard error.
    struct Ending: Hashable, Sendable {
        var status: TerminationStatus
        var errorText: String
        /// Nil when a signal ended it.
        var exitCode: Int32? { if case .exited(let code) = status { code } else { nil } }
    }

    /// Runs it to its end. Whoever reads the output decides by ``Ending/status`` whether it was whole.
    ///
    /// - Parameters:
    ///   - mayGoOn: asked many times a second; false ends the process group.
    ///   - output: gets the standard output in pieces of any size. What it throws ends the process group and comes out
    ///     of here once that is done.
    /// - Throws: what `output` threw, `CancellationError` when it might not go on, or why it could not be started.
    func run(mayGoOn: () -> Bool, output: (UnsafeRawBufferPointer) throws -> Void) throws -> Ending {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw ProcessFailure(operation: "pipe", code: errno) }
        // A process that is started elsewhere in between may keep the writing end; `pass` does not rely on its being closed.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let reading = ends[0]
        defer { close(reading) }
        let background = Background(self, writing: ends[1])
        var problem: (any Error)?
        do {
            try pass(from: reading, until: background, mayGoOn: mayGoOn, to: output)
            try awaitEnd(of: background, mayGoOn: mayGoOn)
        } catch {
            problem = error
            background.cancel()
        }
        let result = background.wait()
        if let problem { throw problem }
        return try result.get()
    }

    /// A program that hangs behind its output is ended: nobody would hear of it before the job's own timeout.
    private func awaitEnd(of background: Background, mayGoOn: () -> Bool) throws {
        let start = ContinuousClock.now
        while !background.hasEnded(within: Self.pollMilliseconds) {
            guard mayGoOn() else { throw CancellationError() }
            guard ContinuousClock.now - start < endingTime else {
                throw HungProcess(executable: executable, seconds: endingTime.components.seconds)
            }
        }
    }

    private func pass(
        from reading: Int32, until background: Background, mayGoOn: () -> Bool,
        to output: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferByteCount, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            guard mayGoOn() else { throw CancellationError() }
            // Asked before the pipe is: what it wrote before its end is in the pipe by now.
            let hasEnded = background.hasEnded
            var request = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
            let ready = poll(&request, 1, hasEnded ? 0 : Self.pollMilliseconds)
            if ready == 0 {
                // Something that it left behind may hold the pipe open for ever.
                if hasEnded { return }
                continue
            }
            guard ready > 0 else {
                if errno == EINTR { continue }
                throw ProcessFailure(operation: "poll", code: errno)
            }
            let count = read(reading, buffer.baseAddress, buffer.count)
            if count == 0 { return }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw ProcessFailure(operation: "read", code: errno)
            }
            try output(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}

/// The part of a foreground process that is a task: it starts the program, reads its standard error and waits for its end.
private final class Background: Sendable {
    private struct State: Sendable {
        var task: Task<Void, Never>?
        var result: Result<ForegroundProcess.Ending, any Error>?
    }

    private let state = Mutex(State())
    private let end = DispatchSemaphore(value: 0)

    /// - Parameter writing: the end of a pipe for the standard output; closed here.
    init(_ process: ForegroundProcess, writing: Int32) {
        let task = Task {
            let result = await Self.run(process, writing)
            state.withLock { $0.result = result }
            end.signal()
        }
        state.withLock { $0.task = task }
    }

    var hasEnded: Bool { state.withLock { $0.result != nil } }

    /// Blocks the thread until it has ended, but not for long.
    func hasEnded(within milliseconds: Int32) -> Bool {
        if hasEnded { return true }
        guard end.wait(timeout: .now() + .milliseconds(Int(milliseconds))) == .success else { return false }
        // For `wait`.
        end.signal()
        return true
    }

    func cancel() { state.withLock { $0.task }?.cancel() }

    /// Blocks the thread. To be called once.
    func wait() -> Result<ForegroundProcess.Ending, any Error> {
        end.wait()
        return state.withLock { $0.result } ?? .failure(CancellationError())
    }

    private static func run(
        _ process: ForegroundProcess, _ writing: Int32
    ) async -> Result<ForegroundProcess.Ending, any Error> {
        let ownEnd = Mutex<Int32?>(writing)
        @Sendable func closeOwnEnd() {
            let descriptor = ownEnd.withLock { descriptor in
                defer { descriptor = nil }
                return descriptor
            }
            if let descriptor { close(descriptor) }
        }
        defer { closeOwnEnd() }
        let environment = process.environment.reduce(into: [Environment.Key: String]()) { all, variable in
            if let key = Environment.Key(rawValue: variable.key) { all[key] = variable.value }
        }
        do {
            let result = try await Subprocess.run(
                .path(FilePath(process.executable)), arguments: Arguments(process.arguments),
                environment: .custom(environment), platformOptions: Processes.options(asksFirst: true), input: .none,
                output: .fileDescriptor(FileDescriptor(rawValue: writing), closeAfterSpawningProcess: false),
                error: .sequence
            ) { execution in
                // Only the program holds the pipe open now, so that its end is the end of the stream.
                closeOwnEnd()
                var kept: [UInt8] = []
                let limit = ForegroundProcess.keptErrorByteCount
                for try await buffer in execution.standardError {
                    buffer.withUnsafeBytes { kept.append(contentsOf: $0) }
                    if kept.count > 2 * limit { kept.removeFirst(kept.count - limit) }
                }
                return String(decoding: kept.suffix(limit), as: UTF8.self)
            }
            return .success(.init(status: result.terminationStatus, errorText: result.closureResult))
        } catch {
            return .failure(error)
        }
    }
}

/// A program went on although its output was closed.
struct HungProcess: Error, Hashable, CustomStringConvertible {
    var executable: String
    var seconds: Int64

    var description: String {
        "\(executable) closed its output and did not end within \(seconds) s; it was ended"
    }
}

/// A system call around a process failed.
struct ProcessFailure: Error, Hashable, CustomStringConvertible {
    var operation: String
    var code: Int32

    var description: String { "\(operation): \(String(cString: strerror(code)))" }
}
