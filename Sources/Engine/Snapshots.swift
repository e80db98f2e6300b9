public import Core
import Digests
public import Logging

/// The snapshots of one log: saved folds, to start faster. All of them may be deleted at any time.
public struct Snapshots<M: Machine, MessageCodec: Codec>: Sendable
where MessageCodec.Message == M.Message, M.State: Restorable {
    private let store: any SnapshotStore
    private let codec: MessageCodec
    private let logger: Logger?

    /// Snapshots in a store.
    ///
    /// - Parameter logger: Is told which one is taken up, and which are passed over and why.
    public init(store: any SnapshotStore, codec: MessageCodec, logger: Logger? = nil) {
        self.store = store
        self.codec = codec
        self.logger = logger
    }

    /// The newest fold that this log could have given; nil: fold it from its first entry. What does not fit is told to
    /// the log file and passed over.
    public func restore(from log: some LogReader) -> Folded<M>? {
        let positions: [Position]
        do throws(SnapshotError) {
            positions = try store.positions()
        } catch {
            logger?.warning("snapshots cannot be read, the log is folded from its start: \(error)")
            return nil
        }
        for position in positions {
            do {
                let folded = try restore(position, from: log)
                logger?.info("the snapshot at position \(position) is taken up; only the entries behind it are folded")
                return folded
            } catch {
                logger?.warning("the snapshot at position \(position) is not used: \(error)")
            }
        }
        return nil
    }

    /// The fold that the snapshot of a position holds, if this log could have given it.
    private func restore(_ position: Position, from log: some LogReader) throws -> Folded<M> {
        let snapshot = try Snapshot(try store.read(position))
        try snapshot.check(M.self, at: position, in: log)
        let state: M.State
        do throws(CanonicalError) {
            state = try SnapshotDecoder.value(of: snapshot.state)
        } catch {
            throw SnapshotError("\(error)")
        }
        guard StateDigest(of: state).digest == snapshot.header.digest else {
            throw SnapshotError("its state has another digest than its header says")
        }
        var outbox: [Position: M.Message] = [:]
        for position in snapshot.pending {
            guard position <= snapshot.header.end.position, let entry = try log.entry(at: position) else {
                throw SnapshotError("a pending command is not on the log")
            }
            outbox[position] = try codec.decode(entry).message
        }
        return Folded(
            state: state, outbox: outbox, position: snapshot.header.end.position, recordedAt: snapshot.header.recordedAt
        )
    }

    /// What a ``StateCheck`` saves with: the link comes from the log.
    public func saver(of log: any LogReader & Sendable) -> StateCheck<M>.Saver {
        { folded, state in try save(folded, state: state, in: log) }
    }

    /// Keeps a fold that ends with a commit of the log.
    ///
    /// - Throws: ``SnapshotError``, and ``LogError`` when the log cannot be read.
    public func save(_ folded: Folded<M>, in log: some LogReader) throws {
        try save(folded, state: SnapshotBytes.fields(of: folded.state), in: log)
    }

    private func save(_ folded: Folded<M>, state: [UInt8], in log: some LogReader) throws {
        let end = try log.commit(upTo: folded.position)
        guard end.position == folded.position else { throw SnapshotError("no commit ends there") }
        let bytes = Snapshot(of: folded, at: end, state: state).encoded
        try store.write(bytes, at: end.position)
        logger?.debug("wrote a snapshot of \(bytes.count) bytes at position \(end.position)")
    }
}

extension Snapshot {
    /// Whether it belongs to this build and to this log.
    ///
    /// - Parameter position: what its name says.
    /// - Throws: ``SnapshotError``, and ``LogError`` when the log cannot be read.
    public func check<M: Machine>(_ machine: M.Type, at position: Position, in log: some LogReader) throws {
        guard header.end.position == position else {
            throw SnapshotError("it holds position \(header.end.position)")
        }
        guard header.stateVersion == UInt32(StateDigest.version) else {
            throw SnapshotError("it has state version \(header.stateVersion), and this build \(StateDigest.version)")
        }
        guard header.rules == M.rules else {
            throw SnapshotError("it was folded under rules \(header.rules), and this build has \(M.rules)")
        }
        let last = try log.lastPosition()
        guard position <= last else { throw SnapshotError("the log ends before it, at position \(last)") }
        guard try log.commit(upTo: position) == header.end else {
            throw SnapshotError("the log has another commit there: it is another log, or was an older copy")
        }
        // No link covers it in this file, and the engine's time goes on from it.
        guard let end = try log.entry(at: position), end.recordedAt == header.recordedAt else {
            throw SnapshotError("it says another time than the log has there")
        }
    }
}
