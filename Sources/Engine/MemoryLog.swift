public import Core
import Digests
import Synchronization

/// What a ``MemoryLog`` is kept on: survives the log object, as a disk survives a process.
public final class MemoryDisk: Sendable {
    /// What the disk does with the commit that it was told to fail.
    public enum Fate: Hashable, Sendable {
        /// Nothing of it is stored.
        case dropped
        /// All of it is stored, although the writer is told otherwise.
        case stored
    }

    struct State {
        var entries: [EncodedEntry] = []
        var places: [Stream: [Int]] = [:]
        var head = LogHead(position: .start, recordedAt: nil, link: Batch.linkBeforeFirst)
        var commits: [CommitEnd] = [.start]
        var commitCount = 0
        var isOpen = false
        var failure: (commit: Int, error: LogError, fate: Fate)?
    }

    let state = Mutex(State())
    /// What errors name as the path.
    static let path = "memory"

    /// An empty disk.
    public init() {}

    /// How many commits it holds.
    public var commitCount: Int { state.withLock { $0.commitCount } }

    /// Makes one later commit fail: 1 is the next one. Only one failure waits at a time; it happens once.
    public func failCommit(_ number: Int, with error: LogError, fate: Fate = .dropped) {
        state.withLock { $0.failure = ($0.commitCount + number, error, fate) }
    }
}

/// A log in memory, for tests and simulation. Durable as far as its ``MemoryDisk`` lives.
public final class MemoryLog: EventLog {
    private let disk: MemoryDisk
    private var known: LogHead

    /// Opens what is on the disk.
    ///
    /// - Throws: ``LogError/locked(path:)`` while another log object has the disk.
    public init(disk: MemoryDisk = MemoryDisk()) throws(LogError) {
        let head = disk.state.withLock { state -> LogHead? in
            guard !state.isOpen else { return nil }
            state.isOpen = true
            return state.head
        }
        guard let head else { throw .locked(path: MemoryDisk.path) }
        self.disk = disk
        known = head
    }

    deinit { disk.state.withLock { $0.isOpen = false } }

    /// Where the log stood after the last commit that succeeded.
    public var head: LogHead { known }

    /// Stores the batch, or fails as the disk was told to. Traps when positions or revisions leave a hole: that is a
    /// mistake of the writer's.
    public func commit(_ batch: borrowing Batch) throws(LogError) {
        let entries = batch.entries
        let link = batch.link()
        precondition(!entries.isEmpty, "a commit without entries")
        try disk.state.withLock { state throws(LogError) in
            var failure: (error: LogError, fate: MemoryDisk.Fate)?
            if let planned = state.failure, planned.commit == state.commitCount + 1 {
                failure = (planned.error, planned.fate)
                state.failure = nil
            }
            if failure?.fate != .dropped { state.append(entries, link: link) }
            if let failure { throw failure.error }
        }
        known = LogHead(position: entries[entries.count - 1].position, recordedAt: entries.last?.recordedAt, link: link)
    }

    /// The last revision of a stream.
    public func lastRevision(of stream: Stream) -> Revision {
        disk.state.withLock { Revision(UInt64($0.places[stream]?.count ?? 0)) }
    }

    /// A reader of the same disk.
    public func makeReader() -> any LogReader & Sendable { MemoryLogReader(disk: disk) }

    /// Entries behind a position, oldest first.
    public func read(after position: Position, limit: Int) -> [EncodedEntry] {
        MemoryLogReader(disk: disk).read(after: position, limit: limit)
    }

    /// Entries of one stream behind a position, oldest first.
    public func read(stream: Stream, after position: Position, limit: Int) -> [EncodedEntry] {
        MemoryLogReader(disk: disk).read(stream: stream, after: position, limit: limit)
    }

    /// The last committed position.
    public func lastPosition() -> Position { MemoryLogReader(disk: disk).lastPosition() }

    /// The last commit that ends at or before a position.
    public func commit(upTo position: Position) -> CommitEnd { MemoryLogReader(disk: disk).commit(upTo: position) }
}

extension MemoryDisk.State {
    fileprivate mutating func append(_ added: [EncodedEntry], link: Digest) {
        for entry in added {
            let expected = Position(UInt64(entries.count)).next
            precondition(entry.position == expected, "position \(entry.position) where \(expected) follows")
            let revision = Revision(UInt64(places[entry.stream]?.count ?? 0)).next
            precondition(
                entry.revision == revision, "revision \(entry.revision) of \(entry.stream) where \(revision) follows")
            precondition(
                head.recordedAt.map { $0 <= entry.recordedAt } ?? true, "recordedAt decreases at \(entry.position)")
            head.recordedAt = entry.recordedAt
            places[entry.stream, default: []].append(entries.count)
            entries.append(entry)
        }
        head.position = Position(UInt64(entries.count))
        head.link = link
        commits.append(CommitEnd(position: head.position, link: link))
        commitCount += 1
    }
}

/// Reads a ``MemoryDisk`` from any thread.
struct MemoryLogReader: LogReader, Sendable {
    let disk: MemoryDisk

    func read(after position: Position, limit: Int) -> [EncodedEntry] {
        disk.state.withLock { state in
            guard let start = Int(exactly: position.number), start < state.entries.count else { return [] }
            return Self.page(state.entries.indices[start...].prefix(max(0, limit)), in: state)
        }
    }

    func read(stream: Stream, after position: Position, limit: Int) -> [EncodedEntry] {
        disk.state.withLock { state in
            // A place is one less than the position.
            let places = (state.places[stream] ?? []).drop { UInt64($0) < position.number }
            return Self.page(places.prefix(max(0, limit)), in: state)
        }
    }

    /// As many as ``LogReadLimit`` allows.
    private static func page(_ places: some Sequence<Int>, in state: MemoryDisk.State) -> [EncodedEntry] {
        var page: [EncodedEntry] = []
        var byteCount = 0
        for place in places {
            page.append(state.entries[place])
            byteCount += state.entries[place].body.count
            if byteCount >= LogReadLimit.bodyByteCount { break }
        }
        return page
    }

    func lastPosition() -> Position { disk.state.withLock { $0.head.position } }

    func commit(upTo position: Position) -> CommitEnd {
        disk.state.withLock { $0.commits.last { $0.position <= position } ?? .start }
    }
}
