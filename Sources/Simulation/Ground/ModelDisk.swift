import Core
import Digests
import Engine
import Synchronization

/// What a write to a model disk meets.
enum WriteFault: Hashable, Sendable {
    /// There is no room; nothing is written.
    case full
    /// The process dies before the write.
    case diesBefore
    /// The process dies while it writes: only so many thousandths of the bytes are there.
    case tears(thousandths: Int)
    /// The process dies when all is written and nothing is synced.
    case diesBeforeSync
    /// The sync fails. What was written can be read until the power fails.
    case failsToSync
}

/// The disk of one process: commits in the log's own encoding, and snapshots. Outlives the process.
///
/// A commit is written, then synced. What was not synced survives the end of a process, and is at the mercy of a power
/// failure. A reader trusts nothing: it parses the bytes and compares their checksums.
final class ModelDisk: Sendable {
    /// One commit as it lies there.
    struct Record: Sendable {
        var first: Position
        var end: CommitEnd
        var recordedAt: Timestamp
        var previousLink: Digest
        var bytes: [UInt8]
        /// Where each entry ends.
        var ends: [Int]
        var checksums: [UInt32]
        var places: [Batch.Place]
    }

    fileprivate struct State {
        var records: [Record] = []
        /// So many of them are synced.
        var syncedCount = 0
        /// What precedes the first record that is kept.
        var base = CommitEnd.start
        var baseRecordedAt: Timestamp?
        var revisions: [Stream: Revision] = [:]
        var fault: WriteFault?
        var flipped: (record: Int, byte: Int, mask: UInt8)?
        var flippedSnapshot: (position: Position, bits: UInt64)?
    }

    private let state: Mutex<State>
    let snapshots = MemorySnapshots()

    init() { state = Mutex(State()) }

    private init(_ state: State) { self.state = Mutex(state) }

    /// Another disk with the same log.
    var copied: ModelDisk {
        let copy = ModelDisk(state.withLock { $0 })
        for position in snapshots.positions().reversed() {
            copy.snapshots.write(snapshots.read(position), at: position)
        }
        return copy
    }

    /// What the next write meets.
    func plan(_ fault: WriteFault) { state.withLock { $0.fault = fault } }

    /// The end of the last commit that can be read.
    var end: CommitEnd { state.withLock { $0.records.last?.end ?? $0.base } }

    /// What precedes the entries that are kept.
    var base: Position { state.withLock { $0.base.position } }

    var head: LogHead {
        state.withLock { state in
            let end = state.records.last?.end ?? state.base
            let recordedAt = state.records.last?.recordedAt ?? state.baseRecordedAt
            return LogHead(position: end.position, recordedAt: recordedAt, link: end.link)
        }
    }

    func lastRevision(of stream: Stream) -> Revision { state.withLock { $0.revisions[stream] ?? .none } }

    /// Writes a commit and syncs it.
    func commit(_ batch: borrowing Batch) throws(LogError) {
        guard let first = batch.first, let last = batch.last else { preconditionFailure("a commit without entries") }
        let link = batch.link()
        let places = batch.places
        var record = batch.withEncodings { bytes, checksums in
            Record(
                first: first, end: CommitEnd(position: last.position, link: link), recordedAt: last.recordedAt,
                previousLink: Batch.linkBeforeFirst, bytes: Array(bytes), ends: EntryBytes.ends(in: bytes),
                checksums: Array(checksums), places: places)
        }
        try state.withLock { state throws(LogError) in
            let former = state.records.last?.end ?? state.base
            precondition(first == former.position.next, "position \(first) where \(former.position.next) follows")
            record.previousLink = former.link
            let fault = state.fault
            state.fault = nil
            switch fault {
            case .full: throw .full(path: Self.path)
            case .diesBefore: throw Self.failure("write")
            case .tears(let thousandths):
                record.bytes.removeLast(record.bytes.count - record.bytes.count * thousandths / 1_000)
                state.append(record)
                throw Self.failure("write")
            case .diesBeforeSync, .failsToSync:
                state.append(record)
                throw Self.failure("fsync")
            case nil:
                state.append(record)
                state.syncedCount = state.records.count
            }
        }
    }

    /// The first synced commit whose link is not made of the one before it and its own bytes; nil when all are chained.
    var unchained: Position? {
        state.withLock { state in
            state.records.prefix(state.syncedCount).first { !$0.isWhole }?.first
        }
    }

    /// What a process does with the log when it starts: a commit that is not whole goes, with all behind it, and what is
    /// whole is written anew and synced, since a sync that once failed may have left it in memory only.
    func recover() {
        state.withLock { state in
            while let damaged = state.records.indices.dropFirst(state.syncedCount).first(where: {
                !state.records[$0].isWhole
            }) {
                state.cut(to: damaged)
            }
            state.syncedCount = state.records.count
        }
    }

    /// The power fails: of what was not synced, so many commits are there, and the next one in part.
    func losePower(keeping count: Int, tearingAt thousandths: Int?) {
        state.withLock { state in
            let kept = min(state.records.count, state.syncedCount + count)
            guard let thousandths, kept < state.records.count else { return state.cut(to: kept) }
            var torn = state.records[kept]
            torn.bytes.removeLast(torn.bytes.count - torn.bytes.count * thousandths / 1_000)
            state.cut(to: kept)
            state.append(torn)
        }
    }

    /// How many commits are written and not synced.
    var unsyncedCount: Int { state.withLock { $0.records.count - $0.syncedCount } }

    /// Turns one bit of what is stored.
    ///
    /// - Returns: The commit's positions; nil on an empty disk.
    func flipBit(_ bits: UInt64) -> ClosedRange<Position>? {
        state.withLock { state in
            guard !state.records.isEmpty else { return nil }
            let record = Int(bits % UInt64(state.records.count))
            let byte = Int((bits >> 8) % UInt64(state.records[record].bytes.count))
            let mask = 1 << UInt8(bits >> 61)
            state.records[record].bytes[byte] ^= UInt8(mask)
            state.flipped = (record, byte, UInt8(mask))
            return state.records[record].first...state.records[record].end.position
        }
    }

    /// Turns the bit back, as somebody does who has a copy of the file.
    func repair() {
        state.withLock { state in
            guard let (record, byte, mask) = state.flipped else { return }
            state.records[record].bytes[byte] ^= mask
            state.flipped = nil
        }
    }

    /// Turns one bit of the newest snapshot, if there is one.
    func flipSnapshotBit(_ bits: UInt64) {
        guard let newest = snapshots.positions().first else { return }
        state.withLock { $0.flippedSnapshot = (newest, bits) }
        turnSnapshotBit(newest, bits)
    }

    /// Turns it back, so that no two snapshots are ever damaged at the same time.
    func repairSnapshot() {
        let flipped = state.withLock { state in
            defer { state.flippedSnapshot = nil }
            return state.flippedSnapshot
        }
        if let flipped, snapshots.positions().contains(flipped.position) {
            turnSnapshotBit(flipped.position, flipped.bits)
        }
    }

    private func turnSnapshotBit(_ position: Position, _ bits: UInt64) {
        snapshots.damage(position) { $0[Int((bits >> 8) % UInt64($0.count))] ^= 1 << UInt8(bits >> 61) }
    }

    /// Drops commits up to a position: they are behind a snapshot, and a long world has no room for them.
    func forget(upTo position: Position) {
        state.withLock { state in
            let count = state.records.prefix { $0.end.position <= position }.count
            guard count > 0, count <= state.syncedCount else { return }
            state.base = state.records[count - 1].end
            state.baseRecordedAt = state.records[count - 1].recordedAt
            state.records.removeFirst(count)
            state.syncedCount -= count
        }
    }

    /// All commits that are kept, for a recording.
    var records: [Record] { state.withLock { $0.records } }

    static let path = "model disk"

    private static func failure(_ operation: String) -> LogError { .failed(path: path, code: 10, operation: operation) }
}

extension ModelDisk: LogReader {
    func read(after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        try state.withLock { state throws(LogError) in
            var page: [EncodedEntry] = []
            var byteCount = 0
            for record in state.records[state.place(after: position)...] {
                for entry in try record.entries(after: position) {
                    guard page.count < limit, byteCount < LogReadLimit.bodyByteCount else { return page }
                    byteCount += entry.body.count
                    page.append(entry)
                }
            }
            return page
        }
    }

    func read(stream: Stream, after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        Array(try read(after: position, limit: .max).filter { $0.stream == stream }.prefix(limit))
    }

    func lastPosition() -> Position { end.position }

    func commit(upTo position: Position) -> CommitEnd {
        state.withLock { state in
            let next = state.place(after: position)
            return next == 0 ? state.base : state.records[next - 1].end
        }
    }
}

extension ModelDisk.State {
    fileprivate mutating func append(_ record: ModelDisk.Record) {
        for place in record.places { revisions[place.stream] = place.revision }
        records.append(record)
    }

    fileprivate mutating func cut(to count: Int) {
        for record in records[count...].reversed() {
            for place in record.places.reversed() {
                revisions[place.stream] = Revision(place.revision.number - 1)
            }
        }
        records.removeLast(records.count - count)
        syncedCount = min(syncedCount, count)
    }

    /// The first record with an entry behind a position.
    fileprivate func place(after position: Position) -> Int {
        var (low, high) = (0, records.count)
        while low < high {
            let middle = (low + high) / 2
            if records[middle].end.position > position { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

extension ModelDisk.Record {
    /// Whether all of it was written: the link says so.
    var isWhole: Bool {
        var hash = SHA256()
        previousLink.withUnsafeBytes { hash.update($0) }
        hash.update(bytes)
        return hash.finalize() == end.link
    }

    /// Its entries behind a position, each one parsed from its bytes.
    func entries(after position: Position) throws(LogError) -> [EncodedEntry] {
        var entries: [EncodedEntry] = []
        var number = first
        var start = 0
        for (end, checksum) in zip(ends, checksums) {
            defer {
                number = number.next
                start = end
            }
            guard number > position else { continue }
            let entry = end <= bytes.count ? EntryBytes.entry(in: bytes, start..<end, checksum: checksum) : nil
            guard let entry, entry.position == number else {
                throw .damaged(path: ModelDisk.path, position: number, problem: "its bytes are not what was written")
            }
            entries.append(entry)
        }
        return entries
    }
}
