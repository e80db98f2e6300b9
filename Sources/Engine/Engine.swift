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
    /// The log had no room for so long, and took nothing: the first entry once it has. Folding it must not count that
    /// time against anyone. Nil records none.
    public var absent: @Sendable (Milliseconds) -> Message?

    /// A voice with its parts.
    public init(
        started: Message? = nil, clockStepped: @escaping @Sendable (Milliseconds) -> Message? = { _ in nil },
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
    /// After so many deadlines the batch is committed, and what has arrived meanwhile comes first.
    static var deadlineLimit: Int { 512 }

    struct Submission: Sendable {
        var message: M.Message
        var expected: ExpectedRevision
        var isRequest: Bool
        /// An outcome: it is kept while the disk is full, since nobody would report it again before the next start.
        var isOutcome = false
        var completion: Completion
    }

    struct Inbox: Sendable {
        var waiting: [Submission] = []
        var requestCount = 0
        var hasBegun = false
        var isStopping = false
        var hasEnded = false
        var onEnd: [CheckedContinuation<Void, Never>] = []
    }

    let inbox = Mutex(Inbox())
    let wakeUp = DispatchSemaphore(value: 0)
    let clock: any Clock
    let voice: EngineVoice<M.Message>
    let host: WorkerHost<M.Message>
    let observer: Observer
    let onFailure: @Sendable (any Error) -> Void
    let logger: Logger
    let pace: Pace
    let meter: EngineMeter

    /// An engine that does nothing before ``start(log:codec:)``.
    ///
    /// - Parameters:
    ///   - meter: Told how commits went.
    ///   - observer: Told what was committed, in order, before those who submitted it.
    ///   - onFailure: Called once when the log failed in a way that leaves open what is stored. The process must end
    ///     and recover by restart.
    public convenience init(
        clock: any Clock, voice: EngineVoice<M.Message>, worker: any Worker<M.Message>, logger: Logger,
        meter: EngineMeter = EngineMeter(), observer: @escaping Observer = { _ in },
        onFailure: @escaping @Sendable (any Error) -> Void
    ) {
        self.init(
            clock: clock, voice: voice, worker: worker, logger: logger, pace: Pace(), meter: meter, observer: observer,
            onFailure: onFailure)
    }

    init(
        clock: any Clock, voice: EngineVoice<M.Message>, worker: any Worker<M.Message>, logger: Logger, pace: Pace,
        meter: EngineMeter = EngineMeter(), observer: @escaping Observer,
        onFailure: @escaping @Sendable (any Error) -> Void
    ) {
        self.clock = clock
        self.pace = pace
        self.meter = meter
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
        inbox.withLock { $0.hasBegun = true }
        thread.start()
        return state
    }

    /// How many messages wait for the engine.
    public var waitingCount: Int { inbox.withLock { $0.waiting.count } }

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
    /// outcome stay pending for the next start. Returns at once when nothing was started.
    public func shutdown() async {
        await host.end()
        let hasBegun = inbox.withLock { inbox in
            inbox.isStopping = true
            return inbox.hasBegun
        }
        guard hasBegun else { return end() }
        wakeUp.signal()
        await withCheckedContinuation { continuation in
            let hasEnded = inbox.withLock { inbox in
                if !inbox.hasEnded { inbox.onEnd.append(continuation) }
                return inbox.hasEnded
            }
            if hasEnded { continuation.resume() }
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
