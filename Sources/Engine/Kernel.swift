public import Core

/// A message as it was recorded, with what it is to the engine.
public struct Recorded<Message: Hashable & Sendable>: Hashable, Sendable {
    /// The entry.
    public let entry: Entry<Message>
    /// What it is to the engine.
    public let role: Description.Role
}

/// How a kernel comes to its state.
public struct FoldStart<M: Machine, Log>: Sendable {
    /// What a snapshot of this log holds; nil: the log is folded from its first entry.
    public var restore: @Sendable (Log) -> Folded<M>?
    /// Asked once in about a thousand entries: once it says so, folding ends with a `CancellationError`.
    public var isCancelled: @Sendable () -> Bool

    /// By default from the first entry, to the end.
    public init(
        restore: @escaping @Sendable (Log) -> Folded<M>? = { _ in nil },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) {
        self.restore = restore
        self.isCancelled = isCancelled
    }
}

/// Turns over a log, without threads, clocks or workers: the engine, the import of captures and the simulation drive
/// the same one.
///
/// A turn is one entry from outside and all that follows from it. Turns are staged, and one commit makes them durable;
/// nobody outside may hear of them before.
public struct Kernel<M: Machine, Log: EventLog, MessageCodec: Codec> where MessageCodec.Message == M.Message {
    /// What became of a submitted message.
    public enum Result: Sendable {
        /// It is staged, with all that follows from it; the first entry is its own.
        case staged(Range<Int>)
        /// Nothing is staged: the stream has another revision than the writer believed.
        case conflict(Revision)
        /// Nothing is staged: the command has its outcome already, or never was.
        case notPending
    }

    /// A turn longer than this is cut off and recorded as a fault.
    public static var turnLimit: Int { 256 }
    /// How many streams' revisions are kept in memory; others are asked of the log.
    private static var revisionLimit: Int { 100_000 }

    /// What the log, staged turns included, has been folded into.
    public private(set) var folded = Folded<M>()
    /// Where entries are kept.
    public private(set) var log: Log
    /// Turns that wait for the commit.
    public private(set) var staged: [Recorded<M.Message>] = []
    private let codec: MessageCodec
    private let start: FoldStart<M, Log>
    private var batch: Batch
    private var revisions: [Stream: Revision] = [:]

    /// Folds what the log holds.
    ///
    /// - Parameter start: Where to begin, and whether to go on.
    /// - Throws: ``LogError``, ``CodecError`` for an entry that this build cannot read, or `CancellationError`.
    public init(log: Log, codec: MessageCodec, start: FoldStart<M, Log> = FoldStart()) throws {
        self.log = log
        self.codec = codec
        self.start = start
        batch = Batch(after: log.head.link)
        try reload()
    }

    /// The state that the log, staged turns included, has been folded into.
    public var state: M.State { folded.state }

    /// Commands without an outcome, by position.
    public var outbox: [Position: M.Message] { folded.outbox }

    /// When the last entry was recorded, staged ones included.
    public var recordedAt: Timestamp? { folded.recordedAt }

    /// Commands without an outcome, in the order of the log.
    public var pending: [Delivery<M.Message>] {
        folded.outbox.sorted { $0.key < $1.key }.map {
            Delivery(position: $0.key, message: $0.value, isRedelivered: true)
        }
    }

    /// Encoded size of the staged turns.
    public var stagedByteCount: Int { batch.byteCount }

    /// When the soonest deadline is due.
    public var nextDue: Timestamp? { M.nextDeadline(in: folded.state)?.due }

    /// Stages one turn.
    ///
    /// - Parameters:
    ///   - moment: The engine's time; raised to the last entry's where it is before that.
    ///   - expected: What the writer believes about the stream of the message.
    /// - Throws: ``LogError`` when the log cannot tell a stream's revision.
    public mutating func turn(
        _ message: M.Message, expecting expected: ExpectedRevision = .any, at moment: Timestamp
    ) throws(LogError) -> Result {
        let description = M.describe(message, in: folded.state)
        var cause: Position?
        if case .outcome(let command) = description.role {
            guard folded.outbox[command] != nil else { return .notPending }
            cause = command
        }
        let revision = try revision(of: description.stream)
        switch expected {
        case .any: break
        case .noStream: guard revision == .none else { return .conflict(revision) }
        case .exactly(let wanted): guard revision == wanted else { return .conflict(revision) }
        }
        let first = staged.count
        try run(message, cause: cause, at: moment)
        return .staged(first..<staged.count)
    }

    /// What became of the deadlines that were due.
    public enum Passed: Hashable, Sendable {
        /// All have passed.
        case all
        /// There are more than the limit.
        case more
        /// One was due again, no later than before, after its own turn: a defect of the machine, recorded as its fault.
        case stuck
    }

    /// Stages a turn for every deadline that is due at a moment, but no more than a limit.
    @discardableResult
    public mutating func passDeadlines(at moment: Timestamp, limit: Int = .max) throws(LogError) -> Passed {
        var passed: [M.Message: Timestamp] = [:]
        var count = 0
        while let deadline = M.nextDeadline(in: folded.state), deadline.due <= moment {
            if let former = passed[deadline.message], deadline.due <= former {
                if let fault = M.fault(Text("a deadline is still due after it has passed")) {
                    try run(fault, cause: deadline.armedBy, at: moment)
                }
                return .stuck
            }
            guard count < limit else { return .more }
            count += 1
            passed[deadline.message] = deadline.due
            try run(deadline.message, cause: deadline.armedBy, at: moment)
        }
        return .all
    }

    /// Makes the staged turns durable.
    ///
    /// - Returns: What may now leave.
    /// - Throws: ``LogError``. After `.full` nothing is on the log, and ``reload()`` takes the staged turns out of the state.
    public mutating func commit() throws(LogError) -> [Recorded<M.Message>] {
        guard !staged.isEmpty else { return [] }
        try log.commit(batch)
        defer {
            staged.removeAll(keepingCapacity: true)
            batch = Batch(after: log.head.link)
        }
        return staged
    }

    /// Forgets the staged turns and folds the log anew, from a snapshot where there is one.
    public mutating func reload() throws {
        staged.removeAll()
        revisions.removeAll()
        batch = Batch(after: log.head.link)
        folded = start.restore(log) ?? Folded()
        while !start.isCancelled() {
            let entries = try log.read(after: folded.position, limit: 1_024)
            if entries.isEmpty { return }
            for encoded in entries { folded.apply(try codec.decode(encoded)) }
        }
        throw CancellationError()
    }

    /// What the log has been folded into at a moment when nothing is staged.
    struct Mark {
        fileprivate let folded: Folded<M>
        fileprivate let revisions: [Stream: Revision]
    }

    /// Where to go back to. While it is kept, the next turn copies what it changes.
    var mark: Mark {
        precondition(staged.isEmpty, "staged turns are not on the log")
        return Mark(folded: folded, revisions: revisions)
    }

    /// Forgets all turns since the mark, none of which may have been committed.
    mutating func goBack(to mark: Mark) {
        let position = mark.folded.position
        precondition(position == log.head.position, "the log has gone on since position \(position)")
        folded = mark.folded
        revisions = mark.revisions
        staged.removeAll()
        batch = Batch(after: log.head.link)
    }

    private mutating func run(_ message: M.Message, cause: Position?, at moment: Timestamp) throws(LogError) {
        var waiting: [(message: M.Message, cause: Position?)] = [(message, cause)]
        var next = 0
        while next < waiting.count {
            if next == Self.turnLimit {
                if let fault = M.fault(Text("a turn was cut off after \(Self.turnLimit) messages")) {
                    try append(fault, cause: waiting[next].cause, at: moment) { _ in }
                }
                return
            }
            let (message, cause) = waiting[next]
            next += 1
            try append(message, cause: cause, at: moment) { waiting.append($0) }
        }
    }

    private mutating func append(
        _ message: M.Message, cause: Position?, at moment: Timestamp,
        _ follow: ((message: M.Message, cause: Position?)) -> Void
    ) throws(LogError) {
        let description = M.describe(message, in: folded.state)
        let revision = try revision(of: description.stream).next
        let position = folded.position.next
        let time = max(moment, folded.recordedAt ?? moment)
        let entry = Entry(
            position: position, recordedAt: time, stream: description.stream, revision: revision, cause: cause,
            kind: description.kind, message: message)
        setRevision(revision, of: entry.stream)
        batch.append(codec.encode(entry))
        staged.append(Recorded(entry: entry, role: description.role))
        for change in folded.apply(entry, description.role) {
            for message in M.decide(change, entry, in: folded.state) { follow((message, position)) }
        }
    }

    private mutating func revision(of stream: Stream) throws(LogError) -> Revision {
        if let known = revisions[stream] { return known }
        let revision = try log.lastRevision(of: stream)
        setRevision(revision, of: stream)
        return revision
    }

    private mutating func setRevision(_ revision: Revision, of stream: Stream) {
        // The map may only be emptied while nothing is staged: staged revisions are not in the log yet.
        if revisions.count >= Self.revisionLimit, staged.isEmpty { revisions.removeAll(keepingCapacity: true) }
        revisions[stream] = revision
    }
}
