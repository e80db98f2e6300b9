public import Core

/// A message as it was recorded, with what it is to the engine.
public struct Recorded<Message: Hashable & Sendable>: Hashable, Sendable {
    /// The entry.
    public let entry: Entry<Message>
    /// What it is to the engine.
    public let role: Description.Role

    @usableFromInline
    init(entry: Entry<Message>, role: Description.Role) {
        self.entry = entry
        self.role = role
    }
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
/// What a turn does is inlinable, so that it is compiled for the machine, log and codec at hand: working through the
/// descriptions of unknown types takes several times as long as the turn itself.
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
    @inlinable public static var turnLimit: Int { 256 }
    /// How many streams' revisions are kept in memory; others are asked of the log.
    @usableFromInline static var revisionLimit: Int { 100_000 }

    // Inlinable code may not write to what is public, so what others only read has a second name.
    @usableFromInline var current = Folded<M>()
    @usableFromInline var store: Log
    @usableFromInline var waiting: [Recorded<M.Message>] = []
    @usableFromInline let codec: MessageCodec
    @usableFromInline let start: FoldStart<M, Log>
    @usableFromInline var batch: Batch
    @usableFromInline var revisions = Revisions()
    // What follows within the turn that is being staged; kept for its memory.
    @usableFromInline var following: [(message: M.Message, cause: Position)] = []

    /// What the log, staged turns included, has been folded into.
    @inlinable public var folded: Folded<M> { current }
    /// The state of that.
    @inlinable public var state: M.State { current.state }
    /// Where entries are kept.
    @inlinable public var log: Log { store }
    /// Turns that wait for the commit.
    @inlinable public var staged: [Recorded<M.Message>] { waiting }
    /// Commands without an outcome, by position.
    @inlinable public var outbox: [Position: M.Message] { current.outbox }
    /// When the last entry was recorded, staged ones included.
    @inlinable public var recordedAt: Timestamp? { current.recordedAt }

    /// Folds what the log holds.
    ///
    /// - Parameter start: Where to begin, and whether to go on.
    /// - Throws: ``LogError``, ``CodecError`` for an entry that this build cannot read, or `CancellationError`.
    @inlinable
    public init(log: Log, codec: MessageCodec, start: FoldStart<M, Log> = FoldStart()) throws {
        store = log
        self.codec = codec
        self.start = start
        batch = Batch(after: log.head.link)
        try reload()
    }

    /// Commands without an outcome, in the order of the log.
    @inlinable
    public var pending: [Delivery<M.Message>] {
        current.outbox.sorted { $0.key < $1.key }.map {
            Delivery(position: $0.key, message: $0.value, isRedelivered: true)
        }
    }

    /// Encoded size of the staged turns.
    @inlinable
    public var stagedByteCount: Int { batch.byteCount }

    /// When the soonest deadline is due.
    @inlinable
    public var nextDue: Timestamp? { M.nextDeadline(in: current.state)?.due }

    /// Stages one turn.
    ///
    /// - Parameters:
    ///   - moment: The engine's time; raised to the last entry's where it is before that.
    ///   - expected: What the writer believes about the stream of the message.
    /// - Throws: ``LogError`` when the log cannot tell a stream's revision.
    @inlinable
    public mutating func turn(
        _ message: M.Message, expecting expected: ExpectedRevision = .any, at moment: Timestamp
    ) throws(LogError) -> Result {
        let description = M.describe(message, in: current.state)
        var cause: Position?
        if case .outcome(let command) = description.role {
            guard current.outbox[command] != nil else { return .notPending }
            cause = command
        }
        if expected != .any {
            let revision = try revision(of: description.stream)
            switch expected {
            case .any: break
            case .noStream: guard revision == .none else { return .conflict(revision) }
            case .exactly(let wanted): guard revision == wanted else { return .conflict(revision) }
            }
        }
        let first = waiting.count
        try run(message, description, cause: cause, at: moment)
        return .staged(first..<waiting.count)
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
    @inlinable @discardableResult
    public mutating func passDeadlines(at moment: Timestamp, limit: Int = .max) throws(LogError) -> Passed {
        var passed: [M.Message: Timestamp] = [:]
        var count = 0
        while let deadline = M.nextDeadline(in: current.state), deadline.due <= moment {
            if let former = passed[deadline.message], deadline.due <= former {
                if let fault = M.fault(Text("a deadline is still due after it has passed")) {
                    try run(fault, M.describe(fault, in: current.state), cause: deadline.armedBy, at: moment)
                }
                return .stuck
            }
            guard count < limit else { return .more }
            count += 1
            passed[deadline.message] = deadline.due
            let description = M.describe(deadline.message, in: current.state)
            try run(deadline.message, description, cause: deadline.armedBy, at: moment)
        }
        return .all
    }

    /// Makes the staged turns durable.
    ///
    /// - Returns: What may now leave.
    /// - Throws: ``LogError``. After `.full` nothing is on the log, and ``reload()`` takes the staged turns out of the state.
    @inlinable
    public mutating func commit() throws(LogError) -> [Recorded<M.Message>] {
        guard !waiting.isEmpty else { return [] }
        try store.commit(batch)
        batch.restart(after: store.head.link)
        let committed = waiting
        // The caller keeps them, so the next ones need memory of their own: as much again, since batches are alike.
        waiting = []
        waiting.reserveCapacity(min(committed.count, 4_096))
        return committed
    }

    /// Forgets the staged turns and folds the log anew, from a snapshot where there is one.
    @inlinable
    public mutating func reload() throws {
        waiting.removeAll()
        revisions.removeAll()
        batch.restart(after: store.head.link)
        current = start.restore(store) ?? Folded()
        while !start.isCancelled() {
            let entries = try store.read(after: current.position, limit: 1_024)
            if entries.isEmpty { return }
            for encoded in entries { current.apply(try codec.decode(encoded)) }
        }
        throw CancellationError()
    }

    /// What the log has been folded into at a moment when nothing is staged.
    @usableFromInline
    struct Mark {
        @usableFromInline let folded: Folded<M>
        @usableFromInline let revisions: Revisions

        @inlinable
        init(folded: Folded<M>, revisions: Revisions) {
            self.folded = folded
            self.revisions = revisions
        }
    }

    /// Where to go back to. While it is kept, the next turn copies what it changes.
    @inlinable
    var mark: Mark {
        precondition(waiting.isEmpty, "staged turns are not on the log")
        return Mark(folded: current, revisions: revisions)
    }

    /// Forgets all turns since the mark, none of which may have been committed.
    @inlinable
    mutating func goBack(to mark: Mark) {
        let position = mark.folded.position
        precondition(position == store.head.position, "the log has gone on since position \(position)")
        current = mark.folded
        revisions = mark.revisions
        waiting.removeAll()
        batch.restart(after: store.head.link)
    }
}

// MARK: - One turn

extension Kernel {
    @inlinable
    mutating func run(
        _ message: M.Message, _ description: Description, cause: Position?, at moment: Timestamp
    ) throws(LogError) {
        try append(message, description, cause: cause, at: moment)
        guard !following.isEmpty else { return }
        defer { following.removeAll(keepingCapacity: true) }
        var next = 0
        while next < following.count {
            let (message, cause) = following[next]
            next += 1
            if next == Self.turnLimit {
                following.removeAll(keepingCapacity: true)
                guard let fault = M.fault(Text("a turn was cut off after \(Self.turnLimit) messages")) else { return }
                return try append(fault, M.describe(fault, in: current.state), cause: cause, at: moment)
            }
            try append(message, M.describe(message, in: current.state), cause: cause, at: moment)
        }
    }

    /// Appends, folds and decides; what is decided comes behind what follows already.
    @inlinable
    mutating func append(
        _ message: M.Message, _ description: Description, cause: Position?, at moment: Timestamp
    ) throws(LogError) {
        forgetRevisions()
        let log = store
        let revision = try revisions.advance(description.stream) { () throws(LogError) in
            try log.lastRevision(of: description.stream)
        }
        let position = current.position.next
        let recordedAt = max(moment, current.recordedAt ?? moment)
        let entry = Entry(
            position: position, recordedAt: recordedAt, stream: description.stream, revision: revision, cause: cause,
            kind: description.kind, message: message)
        batch.append(entry, by: codec)
        waiting.append(Recorded(entry: entry, role: description.role))
        for change in current.apply(entry, description.role) {
            for message in M.decide(change, entry, in: current.state) { following.append((message, position)) }
        }
    }

    @inlinable
    mutating func revision(of stream: Stream) throws(LogError) -> Revision {
        if let known = revisions[stream] { return known }
        let revision = try store.lastRevision(of: stream)
        forgetRevisions()
        revisions.set(revision, of: stream)
        return revision
    }

    /// Bounds the memory. Only while nothing is staged: staged revisions are not in the log yet.
    @inlinable
    mutating func forgetRevisions() {
        if revisions.count >= Self.revisionLimit, waiting.isEmpty { revisions.removeAll() }
    }
}
