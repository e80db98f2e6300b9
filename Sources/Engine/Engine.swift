public import Core
import Dispatch
import Foundation
public import Logging
import Synchronization

/// What the engine itself says in the words of its machine.
public struct EngineVoice<Message: Hashable & Sendable>: Sendable {
    /// The first entry of each start; nil records none.
    public var started: Message?
    /// A jump of the wall clock; nil records none.
    public var clockStepped: @Sendable (Milliseconds) -> Message?

    /// A voice with its parts.
    public init(
        started: Message? = nil, clockStepped: @escaping @Sendable (Milliseconds) -> Message? = { _ in nil }
    ) {
        self.started = started
        self.clockStepped = clockStepped
    }
}

/// One turn, durable.
public struct Turn<Message: Hashable & Sendable>: Sendable {
    /// The entry that was submitted, then all that followed from it.
    public let entries: [Entry<Message>]
    /// The submitted entry's place.
    public var position: Position { entries[0].position }
    /// The last entry's place: a reader that has passed it has seen the whole turn.
    public var end: Position { entries[entries.count - 1].position }
}

/// Why a message is not (known to be) on the log.
public enum SubmitError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Too many requests wait.
    case busy
    /// The stream has another revision than the writer believed.
    case conflict(Revision)
    /// The command has its outcome already.
    case notPending
    /// The log could not take it.
    case log(LogError)
    /// The engine is stopping.
    case stopped

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .busy: "too many requests are waiting; repeat it in a moment"
        case .conflict(let revision): "it was changed meanwhile (revision \(revision)); read it again and repeat"
        case .notPending: "the command has its outcome already"
        case .log(let error): error.description
        case .stopped: "the engine is stopping; what was not answered may or may not be stored"
        }
    }
}

/// Runs a machine: one thread owns the log and the state, and everything that arrived while the last commit was on its
/// way to the disk forms the next batch of turns. One commit, then publish.
public final class Engine<M: Machine, Log: EventLog, MessageCodec: Codec>: Sendable
where MessageCodec.Message == M.Message, Log: SendableMetatype {
    /// What is called after each commit, on the engine's thread: must be quick.
    public typealias Observer = @Sendable ([Recorded<M.Message>]) -> Void
    /// Takes the result of a submitted message, on the engine's thread: must be quick.
    public typealias Completion = @Sendable (Result<Turn<M.Message>, SubmitError>) -> Void

    /// Requests beyond this many waiting ones are refused. Facts, deadlines and outcomes never are.
    public static var requestLimit: Int { 1_024 }
    /// A batch is committed at the latest when it has so many entries.
    static var batchEntryLimit: Int { 4_096 }
    /// A batch is committed at the latest when it has so many bytes.
    static var batchByteLimit: Int { 16 << 20 }

    private struct Submission: Sendable {
        var message: M.Message
        var expected: ExpectedRevision
        var isRequest: Bool
        /// An outcome: it is kept while the disk is full, since nobody would report it again before the next start.
        var isOutcome = false
        var completion: Completion
    }

    private struct Inbox: Sendable {
        var waiting: [Submission] = []
        var requestCount = 0
        var isStopping = false
        var hasEnded = false
        var onEnd: [CheckedContinuation<Void, Never>] = []
    }

    private let inbox = Mutex(Inbox())
    private let wakeUp = DispatchSemaphore(value: 0)
    private let clock: any Clock
    private let voice: EngineVoice<M.Message>
    private let host: WorkerHost<M.Message>
    private let observer: Observer
    private let onFailure: @Sendable (any Error) -> Void
    private let logger: Logger

    /// An engine that does nothing before ``start(log:codec:)``.
    ///
    /// - Parameters:
    ///   - observer: Told what was committed, in order, before those who submitted it.
    ///   - onFailure: Called once when the log failed in a way that leaves open what is stored. The process must end
    ///     and recover by restart.
    public init(
        clock: any Clock, voice: EngineVoice<M.Message>, worker: any Worker<M.Message>, logger: Logger,
        observer: @escaping Observer = { _ in }, onFailure: @escaping @Sendable (any Error) -> Void
    ) {
        self.clock = clock
        self.voice = voice
        self.observer = observer
        self.onFailure = onFailure
        self.logger = logger
        host = WorkerHost(worker: worker)
    }

    /// Folds the log and begins to take messages. Commands that have no outcome go out again.
    ///
    /// - Returns: The state as the log had it.
    /// - Throws: ``LogError``, ``CodecError``.
    @discardableResult
    public func start(log: sending Log, codec: MessageCodec) throws -> M.State {
        let kernel = try Kernel<M, Log, MessageCodec>(log: log, codec: codec)
        let state = kernel.state
        let pending = kernel.pending
        host.begin { [weak self] message in
            self?.enqueue(
                Submission(message: message, expected: .any, isRequest: false, isOutcome: true) { _ in })
        }
        let holder = LoopHolder(Loop(engine: self, kernel: kernel, pending: pending))
        let thread = Thread { [self] in
            // The log is closed before anyone hears of the end, so that it can be opened again.
            holder.run()
            end()
        }
        thread.name = "engine"
        thread.stackSize = 8 << 20
        thread.start()
        return state
    }

    /// Records a fact or an outcome; the completion is called after the commit.
    public func submit(_ message: M.Message, completion: @escaping Completion) {
        enqueue(Submission(message: message, expected: .any, isRequest: false, completion: completion))
    }

    /// Records a fact, and returns once it is durable with all that followed from it.
    @discardableResult
    public func submit(_ message: M.Message) async throws(SubmitError) -> Turn<M.Message> {
        try await submit(message, expecting: .any, isRequest: false)
    }

    /// Records a request with its answer. Refused as busy while too many wait.
    public func request(
        _ message: M.Message, expecting expected: ExpectedRevision = .any
    ) async throws(SubmitError) -> Turn<M.Message> {
        try await submit(message, expecting: expected, isRequest: true)
    }

    private func submit(
        _ message: M.Message, expecting expected: ExpectedRevision, isRequest: Bool
    ) async throws(SubmitError) -> Turn<M.Message> {
        let result: Result<Turn<M.Message>, SubmitError> = await withCheckedContinuation { continuation in
            enqueue(
                Submission(message: message, expected: expected, isRequest: isRequest) {
                    continuation.resume(returning: $0)
                })
        }
        return try result.get()
    }

    private func enqueue(_ submission: Submission) {
        let (refusal, isFirst): (SubmitError?, Bool) = inbox.withLock { inbox in
            if inbox.isStopping { return (.stopped, false) }
            if submission.isRequest {
                guard inbox.requestCount < Self.requestLimit else { return (.busy, false) }
                inbox.requestCount += 1
            }
            inbox.waiting.append(submission)
            return (nil, inbox.waiting.count == 1)
        }
        if let refusal { return submission.completion(.failure(refusal)) }
        // The thread sleeps only after it found nothing, so the first one wakes it for all that follow.
        if isFirst { wakeUp.signal() }
    }

    /// Stops the workers, records what they still say, commits what waits, and ends the thread. Commands without an
    /// outcome stay pending for the next start.
    public func shutdown() async {
        await host.end()
        let hasEnded = inbox.withLock { inbox in
            inbox.isStopping = true
            return inbox.hasEnded
        }
        wakeUp.signal()
        if hasEnded { return }
        await withCheckedContinuation { continuation in
            let hasEnded = inbox.withLock { inbox in
                if !inbox.hasEnded { inbox.onEnd.append(continuation) }
                return inbox.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    /// Those who wait for one commit.
    private struct PendingBatch {
        var staged: [(Submission, Range<Int>)] = []
        var refused: [(Completion, SubmitError)] = []

        mutating func add(_ submission: Submission, _ result: Kernel<M, Log, MessageCodec>.Result) {
            switch result {
            case .staged(let range): staged.append((submission, range))
            case .conflict(let revision): refused.append((submission.completion, .conflict(revision)))
            case .notPending: refused.append((submission.completion, .notPending))
            }
        }
    }

    /// What runs on the engine's thread, and the only place that touches the kernel.
    private final class Loop: @unchecked Sendable {  // handed to one thread, used by that alone
        private let engine: Engine
        private var kernel: Kernel<M, Log, MessageCodec>
        private var pending: [Delivery<M.Message>]
        private var time: RecordingClock
        private var hasStarted = false
        private var isStorageFull = false
        /// A jump of the wall clock that is not on the log yet.
        private var step: Milliseconds?
        /// Outcomes that found the disk full; they come first when there is room.
        private var held: [Submission] = []

        init(engine: Engine, kernel: Kernel<M, Log, MessageCodec>, pending: [Delivery<M.Message>]) {
            self.engine = engine
            self.kernel = kernel
            self.pending = pending
            time = RecordingClock(notBefore: kernel.recordedAt, clock: engine.clock)
        }

        func run() {
            while true {
                let (submissions, isStopping) = take()
                guard process(submissions) else { return }
                if isStopping, submissions.isEmpty { return }
                if submissions.isEmpty { sleep() }
            }
        }

        private func take() -> ([Submission], isStopping: Bool) {
            engine.inbox.withLock { inbox in
                let count = min(inbox.waiting.count, Engine.batchEntryLimit / 4)
                let taken = Array(inbox.waiting.prefix(count))
                inbox.waiting.removeFirst(count)
                inbox.requestCount -= taken.count { $0.isRequest }
                return (taken, inbox.isStopping)
            }
        }

        private func readClock() -> Timestamp {
            let (now, step) = time.read(engine.clock)
            if let step { self.step = step }
            return now
        }

        /// Waits for the next message or the next deadline, whichever is sooner.
        private func sleep() {
            let now = readClock()
            var wait = Milliseconds.seconds(60)
            if let due = kernel.nextDue { wait = min(wait, max(due - now, Milliseconds(0))) }
            if isStorageFull { wait = .seconds(1) }
            _ = engine.wakeUp.wait(timeout: .now() + .milliseconds(Int(wait.count)))
        }

        /// Stages, commits and publishes; false when the engine must end.
        private func process(_ arrived: [Submission]) -> Bool {
            let submissions = held + arrived
            held = []
            let now = readClock()
            var batch = PendingBatch()
            var reached = 0
            do {
                if !hasStarted, let started = engine.voice.started { _ = try kernel.turn(started, at: now) }
                if let step, let message = engine.voice.clockStepped(step) { _ = try kernel.turn(message, at: now) }
                step = nil
                try kernel.passDeadlines(at: now)
                for submission in submissions {
                    let result = try kernel.turn(submission.message, expecting: submission.expected, at: now)
                    reached += 1
                    batch.add(submission, result)
                    if kernel.staged.count >= Engine.batchEntryLimit || kernel.stagedByteCount >= Engine.batchByteLimit
                    {
                        try commit(&batch)
                    }
                }
                try commit(&batch)
                isStorageFull = false
                return true
            } catch let error as LogError {
                for (completion, reason) in batch.refused { completion(.failure(reason)) }
                for submission in batch.staged.map(\.0) + submissions.dropFirst(reached) {
                    if submission.isOutcome, case .full = error {
                        held.append(submission)
                    } else {
                        submission.completion(.failure(.log(error)))
                    }
                }
                return recover(from: error)
            } catch {
                engine.onFailure(error)
                return false
            }
        }

        /// Commits what is staged, and only then tells anyone.
        private func commit(_ batch: inout PendingBatch) throws {
            let recorded = try kernel.commit()
            if !recorded.isEmpty { engine.observer(recorded) }
            for (submission, range) in batch.staged {
                submission.completion(.success(Turn(entries: recorded[range].map(\.entry))))
            }
            for (completion, reason) in batch.refused { completion(.failure(reason)) }
            batch = PendingBatch()
            if !hasStarted {
                hasStarted = true
                for delivery in pending { engine.host.deliver(delivery) }
                pending = []
            }
            for item in recorded where item.role == .command {
                engine.host.deliver(
                    Delivery(position: item.entry.position, message: item.entry.message, isRedelivered: false))
            }
        }

        private func recover(from error: LogError) -> Bool {
            guard case .full = error else {
                engine.logger.critical("the log failed: \(error)")
                engine.onFailure(error)
                return false
            }
            engine.logger.error("\(error)")
            isStorageFull = true
            do {
                try kernel.reload()
                return true
            } catch {
                engine.onFailure(error)
                return false
            }
        }
    }

    private func end() {
        let (left, waiters) = inbox.withLock { inbox in
            inbox.isStopping = true
            inbox.hasEnded = true
            defer {
                inbox.waiting = []
                inbox.onEnd = []
            }
            return (inbox.waiting, inbox.onEnd)
        }
        for submission in left { submission.completion(.failure(.stopped)) }
        for waiter in waiters { waiter.resume() }
    }

    /// Lets go of the loop, and so of the log, once it has run.
    private final class LoopHolder: @unchecked Sendable {  // handed to one thread, used by that alone
        private var loop: Loop?

        init(_ loop: Loop) { self.loop = loop }

        func run() {
            loop?.run()
            loop = nil
        }
    }
}
