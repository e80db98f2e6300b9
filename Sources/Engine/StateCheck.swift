public import Core
import Dispatch
public import Logging
import Synchronization

/// Compares, now and then, what the engine serves with what the follower has folded from the log: a live check of
/// invariant 3. Where both agree, the fold is kept as a snapshot.
///
/// The engine leaves a copy of its fold at the end of a commit; the follower, once there, adds its own. Both are
/// compared on a thread of their own, byte by byte: state, order of creation, timers, pending commands. All that it costs
/// the two is a copy of each table that they change meanwhile.
///
/// A difference means that what is in memory is not what the log says, in one of the two. It is told, and remembered
/// until the process ends; no more snapshots are written. Nothing is stopped: the engine's decisions are on the log, and
/// a restart folds that.
public final class StateCheck<M: Machine>: Sendable {
    /// Keeps a fold that both agree on. The bytes are its state as ``SnapshotBytes``.
    public typealias Saver = @Sendable (Folded<M>, [UInt8]) throws -> Void

    private struct Slot: Sendable {
        var offered: Folded<M>?
        var dueAt: Position
        var lastOffered = Position.start
        var isAtWork = false
        var difference: String?
    }

    /// From one comparison to the next, in entries.
    public static var defaultInterval: UInt64 { 100_000 }
    /// At the end of a process, fewer entries than this are rather folded again.
    private static var leastAtEnd: UInt64 { 100 }

    private let interval: UInt64
    private let save: Saver
    private let logger: Logger
    private let slot: Mutex<Slot>
    private let queue = DispatchQueue(label: "snapshot", qos: .utility)

    /// A check that waits for its first fold.
    ///
    /// - Parameters:
    ///   - interval: Entries from one comparison to the next.
    ///   - save: Keeps a fold that both agree on, on the check's own thread.
    public init(interval: UInt64 = StateCheck.defaultInterval, logger: Logger, save: @escaping Saver) {
        self.interval = max(1, interval)
        self.save = save
        self.logger = logger
        slot = Mutex(Slot(dueAt: Position(max(1, interval))))
    }

    /// There is a snapshot of this position already: the next is due as much later.
    public func restored(at position: Position) {
        slot.withLock { slot in
            slot.lastOffered = position
            slot.dueAt = Position(position.number &+ interval)
        }
    }

    /// How engine and follower differed; nil while they never did.
    public var difference: String? { slot.withLock { $0.difference } }

    /// The engine is at the end of a commit.
    ///
    /// - Parameter isLast: nothing will follow in this process.
    @usableFromInline
    func offer(at position: Position, isLast: Bool = false, _ folded: () -> Folded<M>) {
        slot.withLock { slot in
            guard slot.difference == nil else { return }
            let isDue = slot.offered == nil && !slot.isAtWork && position >= slot.dueAt
            let isWorthIt = isLast && position.number >= slot.lastOffered.number &+ min(interval, Self.leastAtEnd)
            guard isDue || isWorthIt else { return }
            slot.offered = folded()
            slot.lastOffered = position
            slot.dueAt = Position(position.number &+ interval)
        }
    }

    /// Where the follower is awaited.
    var awaited: Position? { slot.withLock { $0.offered?.position } }

    /// The follower is, or was, at the position of the offer. Nothing happens when it has gone beyond it.
    func compare(with follower: @autoclosure () -> Folded<M>, at position: Position) {
        let engine: Folded<M>? = slot.withLock { slot in
            guard let offered = slot.offered, offered.position <= position else { return nil }
            slot.offered = nil
            guard offered.position == position else {
                slot.dueAt = position  // missed: the next commit offers again
                return nil
            }
            slot.isAtWork = true
            return offered
        }
        guard let engine else { return }
        let own = follower()
        queue.async { [self] in
            judge(engine, own)
            slot.withLock { $0.isAtWork = false }
        }
    }

    /// Waits for the comparison and the writing that are under way.
    func finish() { queue.sync {} }

    private func judge(_ engine: Folded<M>, _ follower: Folded<M>) {
        let bytes = SnapshotBytes.fields(of: follower.state)
        if let difference = Self.difference(engine, follower, bytes) {
            let text = "engine and follower differ at position \(follower.position): \(difference)"
            let advice =
                "What is served may not be what the log says: stop the server, delete the snapshots beside the log, and "
                + "start it, which folds the log anew"
            logger.critical("\(text). \(advice)")
            slot.withLock { $0.difference = text }
            return
        }
        do {
            try save(follower, bytes)
        } catch {
            logger.warning("no snapshot was written at position \(follower.position): \(error)")
        }
    }

    private static func difference(_ engine: Folded<M>, _ follower: Folded<M>, _ bytes: [UInt8]) -> String? {
        if engine.recordedAt != follower.recordedAt { return "in the time of the last entry" }
        if engine.outbox != follower.outbox { return "in the pending commands" }
        if SnapshotBytes.fields(of: engine.state) == bytes { return nil }
        let (left, right) = (StateDigest(of: engine.state), StateDigest(of: follower.state))
        let first = EntityDigests.firstDifference(engine.state, follower.state)
        if left == right { return "in the order of creation or in timers, under the one digest \(left)" }
        return "\(left) and \(right)" + (first.map { ", first in \($0)" } ?? "")
    }
}
