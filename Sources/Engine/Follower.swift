public import Core
import Dispatch
import Foundation
public import Logging
import Synchronization

/// Folds the committed log beside the engine, on its own thread and connection, and serves every read.
public final class Follower<M: Machine, MessageCodec: Codec>: Sendable where MessageCodec.Message == M.Message {
    private struct Progress: Sendable {
        var passed = Position.start
        var waiters: [(position: Position, continuation: CheckedContinuation<Bool, Never>, id: UInt64)] = []
        var waiterCount: UInt64 = 0
        var failure: String?
        var hasBegun = false
        var isStopping = false
        var hasEnded = false
        var onEnd: [CheckedContinuation<Void, Never>] = []
    }

    /// What only the follower's own thread knows.
    private struct Cursor {
        /// The last entry that was read.
        var read: Position
        /// Up to where documents are stored. Only whole commits are, so that the link tells whose they are.
        var stored: CommitEnd
        /// Documents of a commit that is read in parts.
        var dirty: [DocumentKey: Document] = [:]
    }

    /// A reader waited too long for the follower, or it has stopped.
    public struct BehindError: Error, CustomStringConvertible {
        /// What was wrong and what to do.
        public let description: String
    }

    private let reader: any LogReader & Sendable
    private let codec: MessageCodec
    /// The tables it keeps.
    public let views: any Views
    private let projection: any Projection<M.Message>
    private let check: StateCheck<M>?
    private let folded = Mutex(Folded<M>())
    private let progress = Mutex(Progress())
    private let wakeUp = DispatchSemaphore(value: 0)
    private let logger: Logger
    private let onFailure: @Sendable (String) -> Void

    /// A follower that does nothing before ``start(from:)``.
    ///
    /// - Parameters:
    ///   - check: Is told when the follower is where the engine has left a copy of its fold.
    ///   - onFailure: Called once when it cannot go on. Whatever waits for it waits in vain from then on, so the process
    ///     should end.
    public init(
        reader: any LogReader & Sendable, codec: MessageCodec, views: any Views,
        projection: any Projection<M.Message>, check: StateCheck<M>? = nil, logger: Logger,
        onFailure: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.reader = reader
        self.codec = codec
        self.views = views
        self.projection = projection
        self.check = check
        self.logger = logger
        self.onFailure = onFailure
    }

    /// Begins to fold behind what has been folded already: by the engine at its start, which spares folding the log
    /// twice. Documents are made from where the views stand, however far the state is.
    public func start(from start: Folded<M> = Folded()) {
        folded.withLock { $0 = start }
        progress.withLock { $0.hasBegun = true }
        let thread = Thread { [self] in run() }
        thread.name = "follower"
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Ends the thread, where the engine has left its last fold or at once; those who wait get an error.
    public func stop() {
        progress.withLock { $0.isStopping = true }
        wakeUp.signal()
    }

    /// Waits until the thread has ended, with the last snapshot written. Returns at once when it was never started.
    public func ended() async {
        await withCheckedContinuation { continuation in
            let isOver = progress.withLock { progress in
                if progress.hasBegun, !progress.hasEnded {
                    progress.onEnd.append(continuation)
                    return false
                }
                return true
            }
            if isOver { continuation.resume() }
        }
    }

    /// There are new entries.
    public func wake() { wakeUp.signal() }

    /// The last position it has folded.
    public var passed: Position { progress.withLock { $0.passed } }

    /// Why it has stopped by itself; nil while it is well.
    public var failure: String? { progress.withLock { $0.failure } }

    /// Reads the folded state. The body must be quick: the follower waits for it.
    public func read<Value: Sendable>(_ body: (borrowing M.State) -> Value) -> Value {
        folded.withLock { body($0.state) }
    }

    /// The whole folded state with the position it belongs to. Costs one copy of its tables at the next entry.
    public func snapshot() -> (position: Position, state: M.State) {
        folded.withLock { ($0.position, $0.state) }
    }

    /// Waits until a position has been folded.
    ///
    /// - Throws: ``BehindError`` after the limit, `CancellationError` when the task is cancelled.
    public func wait(for position: Position, limit: Milliseconds = .seconds(5)) async throws {
        let id: UInt64? = progress.withLock { progress in
            guard progress.passed < position else { return nil }
            progress.waiterCount &+= 1
            return progress.waiterCount
        }
        guard let id else { return }
        let timer = Task {
            try await Task.sleep(nanoseconds: UInt64(max(0, limit.count)) * 1_000_000)
            giveUp(id)
        }
        let isThere = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = progress.withLock { progress in
                    if progress.passed >= position { return true }
                    if progress.isStopping || progress.failure != nil || Task.isCancelled { return false }
                    progress.waiters.append((position, continuation, id))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            giveUp(id)
        }
        timer.cancel()
        if !isThere { try Task.checkCancellation() }
        guard isThere else {
            throw BehindError(
                description: failure
                    ?? "reading is behind writing by more than \(limit.count) ms; what was asked for is stored, read it later"
            )
        }
    }

    private func giveUp(_ id: UInt64) {
        let waiter = progress.withLock { progress in
            progress.waiters.firstIndex { $0.id == id }.map { progress.waiters.remove(at: $0) }
        }
        waiter?.continuation.resume(returning: false)
    }

    private func run() {
        defer { end() }
        do {
            var cursor = try beginning()
            while true {
                let isStopping = progress.withLock { $0.isStopping }
                let entries = isStopping && !isAwaited ? [] : try reader.read(after: cursor.read, limit: 1_024)
                // Only now: what the engine has left before these entries were on the log must be compared before them.
                meetEngine()
                if !entries.isEmpty {
                    try follow(entries, &cursor)
                } else if isStopping {
                    return
                } else {
                    _ = wakeUp.wait(timeout: .now() + .seconds(1))
                }
            }
        } catch {
            logger.critical("the follower has stopped: \(error)")
            progress.withLock { $0.failure = "\(error)" }
            onFailure("\(error)")
        }
    }

    /// Whether the engine has left a fold ahead of this one.
    private var isAwaited: Bool { check?.awaited.map { $0 > folded.withLock { $0.position } } ?? false }

    private func meetEngine() {
        check?.compare(with: folded.withLock { $0 }, at: folded.withLock { $0.position })
    }

    /// Where to begin. Views of another log, such as the one that was there before a copy was restored, are made anew.
    private func beginning() throws -> Cursor {
        var stored = try views.checkpoint()
        let end = try reader.lastPosition()
        if try stored.position > end || reader.commit(upTo: stored.position) != stored {
            logger.warning(
                "the views are at position \(stored.position) of another log (this one ends at \(end)): they are made anew"
            )
            try withRoom { () throws(ViewsError) in try views.clear() }
            stored = .start
        }
        let read = min(stored.position, folded.withLock { $0.position })
        pass(read)
        return Cursor(read: read, stored: stored)
    }

    private func follow(_ page: [EncodedEntry], _ cursor: inout Cursor) throws {
        guard let last = page.last?.position else { return }
        let boundary = try reader.commit(upTo: last)
        let isWhole = boundary.position > cursor.read
        let awaited = check?.awaited
        for encoded in page where !isWhole || encoded.position <= boundary.position {
            let entry = try codec.decode(encoded)
            folded.withLock { if entry.position > $0.position { $0.apply(entry) } }
            if entry.position == awaited { meetEngine() }
            if entry.position > cursor.stored.position { try project(entry, &cursor) }
        }
        cursor.read = isWhole ? boundary.position : last
        guard isWhole else { return }
        if boundary.position > cursor.stored.position {
            let documents = cursor.dirty.values.sorted { ($0.position, $0.id) < ($1.position, $1.id) }
            try withRoom { () throws(ViewsError) in try views.store(documents, checkpoint: boundary) }
            cursor.dirty.removeAll()
            cursor.stored = boundary
        }
        pass(boundary.position)
    }

    private func project(_ entry: Entry<M.Message>, _ cursor: inout Cursor) throws {
        var failure: ViewsError?
        let documents = projection.project(entry) { collection, id in
            if let document = cursor.dirty[DocumentKey(collection: collection, id: id)] { return document }
            do throws(ViewsError) {
                return try views.document(id, in: collection)
            } catch {
                failure = error
                return nil
            }
        }
        // Without what it was, a document would be replaced by one that knows only this entry.
        if let failure { throw failure }
        for document in documents {
            cursor.dirty[DocumentKey(collection: document.collection, id: document.id)] = document
        }
    }

    private func pass(_ position: Position) {
        let reached = progress.withLock { progress in
            progress.passed = position
            let reached = progress.waiters.filter { $0.position <= position }
            progress.waiters.removeAll { $0.position <= position }
            return reached
        }
        for waiter in reached { waiter.continuation.resume(returning: true) }
    }

    /// Waits while there is no room. What was folded already must not be folded again, so it goes on just here.
    private func withRoom(_ write: () throws(ViewsError) -> Void) throws(ViewsError) {
        var isTold = false
        while true {
            do throws(ViewsError) {
                try write()
                if isTold { logger.notice("the views have room again") }
                return
            } catch {
                guard error.isFull, !progress.withLock({ $0.isStopping }) else { throw error }
                if !isTold { logger.error("\(error)") }
                isTold = true
                _ = wakeUp.wait(timeout: .now() + .seconds(1))
            }
        }
    }

    private func end() {
        check?.finish()
        let (waiters, onEnd) = progress.withLock { progress in
            progress.isStopping = true
            progress.hasEnded = true
            defer {
                progress.waiters = []
                progress.onEnd = []
            }
            return (progress.waiters, progress.onEnd)
        }
        for waiter in waiters { waiter.continuation.resume(returning: false) }
        for continuation in onEnd { continuation.resume() }
    }

    private struct DocumentKey: Hashable {
        var collection: String
        var id: String
    }
}
