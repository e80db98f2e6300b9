import Core
import Engine
import Foundation
import Synchronization

/// Notices who has not been heard in time.
enum Watch: Machine {
    enum Message: Hashable, Sendable, Codable {
        case heard(Text, within: Int64)  // heard again within so many milliseconds, or silent
        case silent(Text)
        case away(Int64)  // we were, for so many milliseconds
        case stepped(Int64)  // the wall clock, by so many milliseconds
        case faulted(Text)
    }
    struct State: Canonical {
        var spans = Table<Text, Span>()
        var timers = Timers<Text>()
        func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
            encoder.encode("spans", table: spans) { $0 }
        }
    }
    struct Span: Canonical {
        var milliseconds: Int64
        func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
            encoder.encode("milliseconds", milliseconds)
        }
    }

    /// Whose deadline does not go away.
    static let stubborn: Text = "stubborn"
    static let rules: UInt32 = 1
    static var initial: State { State() }
    static func fold(_ entry: Entry<Message>, into state: inout State) -> [Message] {
        switch entry.message {
        case .heard(let id, let span):
            state.spans[id] = Span(milliseconds: span)
            state.timers.arm(id, due: entry.recordedAt + Milliseconds(span), by: entry.position)
        case .silent(stubborn):
            state.timers.arm(stubborn, due: state.timers.due(stubborn) ?? entry.recordedAt, by: entry.position)
        case .silent(let id):
            state.timers.disarm(id)
        case .away:
            state.spans.forEach { id, span in
                guard state.timers.due(id) != nil else { return }
                state.timers.arm(id, due: entry.recordedAt + Milliseconds(span.milliseconds), by: entry.position)
            }
        case .stepped, .faulted:
            break
        }
        return []
    }
    static func decide(_ change: Message, _ entry: Entry<Message>, in state: borrowing State) -> [Message] { [] }
    static func describe(_ message: Message, in state: borrowing State) -> Description {
        switch message {
        case .heard: Description(stream: .engine, kind: "heard", role: .fact)
        case .silent: Description(stream: .engine, kind: "silent", role: .deadline)
        case .away: Description(stream: .engine, kind: "away", role: .fact)
        case .stepped: Description(stream: .engine, kind: "stepped", role: .fact)
        case .faulted: Description(stream: .engine, kind: "faulted", role: .fact)
        }
    }
    static func nextDeadline(in state: borrowing State) -> Deadline<Message>? {
        state.timers.first.map { Deadline(due: $0.due, message: .silent($0.key), armedBy: $0.armedBy) }
    }
    static func fault(_ text: Text) -> Message? { .faulted(text) }
}

/// Nothing is ever commanded.
struct IdleWorker: Worker {
    func lane(for command: Watch.Message) -> Text? { nil }
    func perform(
        _ delivery: Delivery<Watch.Message>, report: @escaping @Sendable (Watch.Message) -> Void
    ) async throws(CancellationError) -> Watch.Message { throw CancellationError() }
}

/// Both clocks, moved by hand.
final class HandClock: Clock {
    private let passed = Mutex<Int64>(0)
    private let offset = Mutex<Int64>(0)

    func advance(seconds: Int64) { passed.withLock { $0 += seconds * 1_000 } }
    /// Sets the wall clock alone.
    func step(seconds: Int64) { offset.withLock { $0 += seconds * 1_000 } }
    func wallTime() -> Timestamp {
        Timestamp(milliseconds: 1_800_000_000_000 + passed.withLock { $0 } + offset.withLock { $0 })
    }
    func monotonicNanoseconds() -> UInt64 { UInt64(passed.withLock { $0 }) * 1_000_000 }
}

/// The machine's own time, counted from where it booted.
struct RealClock: Clock {
    func wallTime() -> Timestamp { Timestamp(milliseconds: Int64(monotonicNanoseconds() / 1_000_000)) }
    func monotonicNanoseconds() -> UInt64 { DispatchTime.now().uptimeNanoseconds }
}

/// A log whose disk does as it is told, and that counts what is asked of it.
final class ScriptedLog: EventLog {
    final class Script: Sendable {
        struct State: Sendable {
            var failure: LogError?
            /// How often the log was read from its start.
            var foldCount = 0
        }
        let state = Mutex(State())
        let attempts: AsyncStream<Bool>
        private let attempted: AsyncStream<Bool>.Continuation

        init() { (attempts, attempted) = AsyncStream.makeStream() }

        func fail(with error: LogError?) { state.withLock { $0.failure = error } }
        var foldCount: Int { state.withLock { $0.foldCount } }

        fileprivate func attempt() throws(LogError) {
            let failure = state.withLock { $0.failure }
            attempted.yield(failure == nil)
            if let failure { throw failure }
        }
    }

    private let log: MemoryLog
    private let script: Script

    init(_ disk: MemoryDisk, _ script: Script) throws {
        log = try MemoryLog(disk: disk)
        self.script = script
    }

    var head: LogHead { log.head }
    func commit(_ batch: borrowing Batch) throws(LogError) {
        try script.attempt()
        try log.commit(batch)
    }
    func lastRevision(of stream: Core.Stream) -> Revision { log.lastRevision(of: stream) }
    func makeReader() -> any LogReader & Sendable { log.makeReader() }
    func read(after position: Position, limit: Int) -> [EncodedEntry] {
        if position == .start { script.state.withLock { $0.foldCount += 1 } }
        return log.read(after: position, limit: limit)
    }
    func read(stream: Core.Stream, after position: Position, limit: Int) -> [EncodedEntry] {
        log.read(stream: stream, after: position, limit: limit)
    }
    func lastPosition() -> Position { log.lastPosition() }
    func commit(upTo position: Position) -> CommitEnd { log.commit(upTo: position) }
}
