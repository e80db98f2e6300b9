public import Core
import Dispatch
import Foundation
public import Logging
import Synchronization

/// What the engine itself says in the words of its machine.
public struct EngineVoice<Message: Hashable & Sendable>: Sendable {
    /// The first entry of each start, given how far the wall clock is behind the log's last entry (0 when it is not); nil
    /// records none.
    public var started: @Sendable (Milliseconds) -> Message?
    /// A jump of the wall clock; nil records none.
    public var clockStepped: @Sendable (Milliseconds) -> Message?
    /// The log had no room for so long, and took nothing: the first entry once it has. Folding it must not count that
    /// time against anyone. Nil records none.
    public var absent: @Sendable (Milliseconds) -> Message?

    /// A voice with its parts.
    public init(
        started: @escaping @Sendable (Milliseconds) -> Message? = { _ in nil },
        clockStepped: @escaping @Sendable (Milliseconds) -> Message? = { _ in nil },
        absent: @escaping @Sendable (Milliseconds) -> Message? = { _ in nil }
    ) {
        self.started = started
        self.clockStepped = clockStepped
        self.absent = absent
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

    @usableFromInline
    init(entries: [Entry<Message>]) { self.entries = entries }
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
    @inlinable static var batchEntryLimit: Int { 4_096 }
    /// A batch is committed at the latest when it has so many bytes.
    @inlinable static var batchByteLimit: Int { 16 << 20 }
    /// After so many deadlines the batch is committed, and what has arrived meanwhile comes first.
    @inlinable static var deadlineLimit: Int { 512 }

    @usableFromInline
    struct Submission: Sendable {
        @usableFromInline var message: M.Message
        @usableFromInline var expected: ExpectedRevision
        @usableFromInline var isRequest: Bool
        /// An outcome: it is kept while the disk is full, since nobody would report it again before the next start.
        @usableFromInline var isOutcome = false
        @usableFromInline var completion: Completion

        @inlinable
        init(
            message: M.Message, expected: ExpectedRevision, isRequest: Bool, isOutcome: Bool = false,
            completion: @escaping Completion
        ) {
            self.message = message
            self.expected = expected
            self.isRequest = isRequest
            self.isOutcome = isOutcome
            self.completion = completion
        }
    }

    @usableFromInline
    struct Inbox: Sendable {
        @usableFromInline var waiting: [Submission] = []
        @usableFromInline var requestCount = 0
        @usableFromInline var hasBegun = false
        @usableFromInline var isStopping = false
        @usableFromInline var hasEnded = false
        @usableFromInline var onEnd: [CheckedContinuation<Void, Never>] = []
    }

    @usableFromInline let inbox = Mutex(Inbox())
    /// What was folded, until it begins.
    @usableFromInline let prepared = Mutex<KernelHolder?>(nil)
    @usableFromInline let wakeUp = DispatchSemaphore(value: 0)
    @usableFromInline let clock: any Clock
    @usableFromInline let voice: EngineVoice<M.Message>
    @usableFromInline let host: WorkerHost<M.Message>
    @usableFromInline let observer: Observer
    @usableFromInline let onFailure: @Sendable (any Error) -> Void
    @usableFromInline let check: StateCheck<M>?
    @usableFromInline let logger: Logger
    @usableFromInline let pace: Pace
    @usableFromInline let meter: EngineMeter

    /// An engine that does nothing before ``start(log:codec:)``.
    ///
    /// - Parameters:
    ///   - meter: Told how commits went.
    ///   - check: Is left a copy of the fold now and then, for the follower to compare its own with.
    ///   - observer: Told what was committed, in order, before those who submitted it.
    ///   - onFailure: Called once when the log failed in a way that leaves open what is stored. The process must end
    ///     and recover by restart.
    public convenience init(
        clock: any Clock, voice: EngineVoice<M.Message>, worker: any Worker<M.Message>, logger: Logger,
        meter: EngineMeter = EngineMeter(), check: StateCheck<M>? = nil, observer: @escaping Observer = { _ in },
        onFailure: @escaping @Sendable (any Error) -> Void
    ) {
        self.init(
            clock: clock, voice: voice, worker: worker, logger: logger, pace: Pace(), meter: meter, check: check,
            observer: observer,
            onFailure: onFailure)
    }

    init(
        clock: any Clock, voice: EngineVoice<M.Message>, worker: any Worker<M.Message>, logger: Logger, pace: Pace,
        meter: EngineMeter = EngineMeter(), check: StateCheck<M>? = nil, observer: @escaping Observer,
        onFailure: @escaping @Sendable (any Error) -> Void
    ) {
        self.clock = clock
        self.pace = pace
        self.meter = meter
        self.voice = voice
        self.check = check
        self.observer = observer
        self.onFailure = onFailure
        self.logger = logger
        host = WorkerHost(worker: worker)
    }

    /// Folds the log and begins to take messages: ``fold(log:codec:from:)``, then ``begin()``.
    @inlinable @discardableResult
    public func start(
        log: sending Log, codec: MessageCodec, from start: FoldStart<M, Log> = FoldStart()
    ) throws -> Folded<M> {
        let folded = try fold(log: log, codec: codec, from: start)
        begin()
        return folded
    }

    /// Folds the log, and no more: what is submitted waits for ``begin()``.
    ///
    /// - Parameter start: Where folding begins, and whether it goes on.
    /// - Returns: What the log has been folded into.
    /// - Throws: ``LogError``, ``CodecError``, `CancellationError`.
    @inlinable
    public func fold(
        log: sending Log, codec: MessageCodec, from start: FoldStart<M, Log> = FoldStart()
    ) throws -> Folded<M> {
        let kernel = try Kernel<M, Log, MessageCodec>(log: log, codec: codec, start: start)
        let folded = kernel.folded
        let holder = KernelHolder(kernel)
        prepared.withLock { $0 = holder }
        return folded
    }

    /// Records that it has started, and takes messages; commands that have no outcome go out again. From here on time
    /// counts: deadlines run, and workers need whatever they read. Once, after ``fold(log:codec:from:)``.
    @inlinable
    public func begin() {
        let holder = prepared.withLock { prepared in
            defer { prepared = nil }
            return prepared
        }
        guard let holder else { return }
        host.begin { [weak self] message in
            self?.enqueue(
                Submission(message: message, expected: .any, isRequest: false, isOutcome: true) { _ in })
        }
        let thread = Thread { [self] in
            // The log is closed before anyone hears of the end, so that it can be opened again.
            holder.run(for: self)
            end()
        }
        thread.name = "engine"
        thread.stackSize = 8 << 20
        inbox.withLock { $0.hasBegun = true }
        thread.start()
    }

    /// How many messages wait for the engine.
    public var waitingCount: Int { inbox.withLock { $0.waiting.count } }

    /// Records a fact or an outcome; the completion is called after the commit.
    @inlinable
    public func submit(_ message: M.Message, completion: @escaping Completion) {
        enqueue(Submission(message: message, expected: .any, isRequest: false, completion: completion))
    }

    /// Records a fact, and returns once it is durable with all that followed from it.
    @inlinable @discardableResult
    public func submit(_ message: M.Message) async throws(SubmitError) -> Turn<M.Message> {
        try await submit(message, expecting: .any, isRequest: false)
    }

    /// Records a request with its answer. Refused as busy while too many wait.
    @inlinable
    public func request(
        _ message: M.Message, expecting expected: ExpectedRevision = .any
    ) async throws(SubmitError) -> Turn<M.Message> {
        try await submit(message, expecting: expected, isRequest: true)
    }

    @inlinable
    func submit(
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

    @inlinable
    func enqueue(_ submission: Submission) {
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
    /// outcome stay pending for the next start. Returns at once when nothing was started.
    public func shutdown() async {
        await host.end()
        let hasBegun = inbox.withLock { inbox in
            inbox.isStopping = true
            return inbox.hasBegun
        }
        guard hasBegun else {
            prepared.withLock { $0 = nil }
            return end()
        }
        wakeUp.signal()
        await withCheckedContinuation { continuation in
            let hasEnded = inbox.withLock { inbox in
                if !inbox.hasEnded { inbox.onEnd.append(continuation) }
                return inbox.hasEnded
            }
            if hasEnded { continuation.resume() }
        }
    }

    @usableFromInline
    func end() {
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

    /// Lets go of the kernel, and so of the log, once its loop has run.
    @usableFromInline
    final class KernelHolder: @unchecked Sendable {  // handed to one thread, used by that alone
        @usableFromInline var kernel: Kernel<M, Log, MessageCodec>?

        @inlinable
        init(_ kernel: Kernel<M, Log, MessageCodec>) { self.kernel = kernel }

        @inlinable
        func run(for engine: Engine) {
            // The loop alone holds the kernel from here on, or its tables would be kept twice.
            loop(for: engine)?.run()
        }

        @inlinable
        func loop(for engine: Engine) -> Loop? {
            defer { kernel = nil }
            return kernel.map { Loop(engine: engine, kernel: $0) }
        }
    }
}
