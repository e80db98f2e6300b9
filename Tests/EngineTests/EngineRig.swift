import Core
import Foundation
import Logging
import Synchronization

@testable import Engine

typealias WatchEngine = Engine<Watch, ScriptedLog, JSONCodec<Watch.Message>>

/// An engine of ``Watch`` on a scripted log, whose thread a test can hold between two commits.
final class EngineRig: Sendable {
    let disk = MemoryDisk()
    let script = ScriptedLog.Script()
    let clock: any Clock
    /// The kinds of each commit's entries.
    let commits: AsyncStream<[Text]>
    private let committed: AsyncStream<[Text]>.Continuation
    private let voice: EngineVoice<Watch.Message>
    private let probeInterval: DispatchTimeInterval
    private let started = Mutex<WatchEngine?>(nil)
    private let state = Mutex((failureCount: 0, holdsAfterCommit: false, onStall: Watch.Message?.none))
    private let hold = DispatchSemaphore(value: 0)

    init(
        clock: any Clock = HandClock(), voice: EngineVoice<Watch.Message> = EngineVoice(),
        probeInterval: DispatchTimeInterval = .nanoseconds(0)
    ) {
        self.clock = clock
        self.voice = voice
        self.probeInterval = probeInterval
        (commits, committed) = AsyncStream.makeStream()
    }

    var failureCount: Int { state.withLock { $0.failureCount } }
    /// The engine's thread stops after the next commit, until ``release()``.
    func holdAfterCommit() { state.withLock { $0.holdsAfterCommit = true } }
    func release() { hold.signal() }
    /// What is waiting in a socket while the engine stalls.
    func stall(bringing message: Watch.Message) { state.withLock { $0.onStall = message } }

    func make() -> WatchEngine {
        WatchEngine(
            clock: clock, voice: voice, worker: IdleWorker(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            pace: Pace(settle: { [weak self] in self?.settle() }, probeInterval: probeInterval),
            observer: { [weak self] in self?.observe($0) },
            onFailure: { [weak self] _ in self?.state.withLock { $0.failureCount += 1 } })
    }

    func start() throws -> WatchEngine {
        let engine = try fold()
        engine.begin()
        return engine
    }

    /// An engine that has folded its log and not begun.
    func fold() throws -> WatchEngine {
        let engine = make()
        started.withLock { $0 = engine }
        _ = try engine.fold(log: ScriptedLog(disk, script), codec: JSONCodec())
        return engine
    }

    private func settle() {
        let message = state.withLock { state in
            defer { state.onStall = nil }
            return state.onStall
        }
        if let message { started.withLock { $0 }?.submit(message) { _ in } }
    }

    private func observe(_ recorded: [Recorded<Watch.Message>]) {
        let holds = state.withLock { state in
            defer { state.holdsAfterCommit = false }
            return state.holdsAfterCommit
        }
        committed.yield(recorded.map(\.entry.kind))
        if holds { hold.wait() }
    }

    /// Stops the engine; what is then on the log.
    func messages(_ engine: WatchEngine) async throws -> [Watch.Message] {
        await engine.shutdown()
        started.withLock { $0 = nil }
        let codec = JSONCodec<Watch.Message>()
        return try MemoryLog(disk: disk).read(after: .start, limit: .max).map { try codec.decode($0).message }
    }
}
