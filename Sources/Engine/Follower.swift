public import Core
import Dispatch
import Foundation
public import Logging
import Synchronization

/// Folds the committed log beside the engine, on its own thread and connection, and serves every read.
public final class Follower<M: Machine, MessageCodec: Codec>: Sendable where MessageCodec.Message == M.Message {
    private struct Folded: Sendable {
        var state = M.initial
        var position = Position.start
    }

    private struct Progress: Sendable {
        var passed = Position.start
        var waiters: [(position: Position, continuation: CheckedContinuation<Bool, Never>, id: UInt64)] = []
        var waiterCount: UInt64 = 0
        var failure: String?
        var isStopping = false
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
    private let folded = Mutex(Folded())
    private let progress = Mutex(Progress())
    private let wakeUp = DispatchSemaphore(value: 0)
    private let logger: Logger

    /// A follower that does nothing before ``start()``.
    public init(
        reader: any LogReader & Sendable, codec: MessageCodec, views: any Views,
        projection: any Projection<M.Message>, logger: Logger
    ) {
        self.reader = reader
        self.codec = codec
        self.views = views
        self.projection = projection
        self.logger = logger
    }

    /// Begins to fold from the start of the log.
    public func start() {
        let thread = Thread { [self] in run() }
        thread.name = "follower"
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Ends the thread; those who wait get an error.
    public func stop() {
        progress.withLock { $0.isStopping = true }
        wakeUp.signal()
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
    /// - Throws: ``BehindError`` after the limit.
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
        let isThere = await withCheckedContinuation { continuation in
            let answer: Bool? = progress.withLock { progress in
                if progress.passed >= position { return true }
                if progress.isStopping || progress.failure != nil { return false }
                progress.waiters.append((position, continuation, id))
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
        timer.cancel()
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
            let checkpoint = try usableCheckpoint()
            while !progress.withLock({ $0.isStopping }) {
                let entries = try reader.read(after: passed, limit: 1_024)
                if entries.isEmpty {
                    _ = wakeUp.wait(timeout: .now() + .seconds(1))
                    continue
                }
                try follow(entries, storedUpTo: checkpoint)
            }
        } catch {
            logger.critical("the follower has stopped: \(error)")
            progress.withLock { $0.failure = "\(error)" }
        }
    }

    /// Where the views stand. Views that know more than the log belong to another one, such as the log that was there
    /// before a copy was restored: they are made anew.
    private func usableCheckpoint() throws -> Position {
        let checkpoint = try views.checkpoint()
        let end = try reader.lastPosition()
        guard checkpoint > end else { return checkpoint }
        logger.warning("the views are at position \(checkpoint) and the log ends at \(end): they are made anew")
        try views.clear()
        return .start
    }

    private func follow(_ encoded: [EncodedEntry], storedUpTo checkpoint: Position) throws {
        var dirty: [DocumentKey: Document] = [:]
        for encoded in encoded {
            let entry = try codec.decode(encoded)
            folded.withLock { folded in
                _ = M.fold(entry, into: &folded.state)
                folded.position = entry.position
            }
            guard entry.position > checkpoint else { continue }
            var failure: ViewsError?
            let documents = projection.project(entry) { collection, id in
                if let document = dirty[DocumentKey(collection: collection, id: id)] { return document }
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
                dirty[DocumentKey(collection: document.collection, id: document.id)] = document
            }
        }
        guard let end = encoded.last?.position else { return }
        if end > checkpoint {
            let documents = dirty.values.sorted { ($0.position, $0.id) < ($1.position, $1.id) }
            try store(documents, checkpoint: end)
        }
        let reached = progress.withLock { progress in
            progress.passed = end
            let reached = progress.waiters.filter { $0.position <= end }
            progress.waiters.removeAll { $0.position <= end }
            return reached
        }
        for waiter in reached { waiter.continuation.resume(returning: true) }
    }

    /// Waits while there is no room. What was folded already must not be folded again, so it goes on just here.
    private func store(_ documents: [Document], checkpoint: Position) throws(ViewsError) {
        var isTold = false
        while true {
            do throws(ViewsError) {
                try views.store(documents, checkpoint: checkpoint)
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
        let waiters = progress.withLock { progress in
            progress.isStopping = true
            defer { progress.waiters = [] }
            return progress.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: false) }
    }

    private struct DocumentKey: Hashable {
        var collection: String
        var id: String
    }
}
