import Core
import Engine

/// The streams of the entries behind the last block, in memory.
///
/// An index on (stream, revision) that SQLite keeps with each insert makes a commit of 1000 entries 20 times slower: each
/// entry's stream lies on another page of 8 KiB, and every page touched goes through the WAL. So the index is made for
/// 16 384 entries and more at a time, and those behind it are known here.
struct LogTail {
    /// One stream within the tail.
    struct Run {
        var first: Revision
        var last: Revision
        /// The place of the last entry; the earlier ones are chained to it.
        var lastPlace: Int32
    }

    /// From so many entries on, the next commit first turns them into a block.
    static let blockEntryCount = 16_384

    private(set) var runs: [Stream: Run] = [:]
    // For each entry the place of the one before it in its stream, or -1: cheaper than a list a stream.
    private var previousPlaces: [Int32] = []
    /// The streams in the order of their first entry here: the order of a dictionary differs in every process.
    private(set) var streams: [Stream] = []
    private(set) var start: Position

    /// Nothing behind this position.
    init(start: Position) { self.start = start }

    var count: Int { previousPlaces.count }

    /// The position of the last entry here; the start when there is none.
    var end: Position { Position(start.number + UInt64(count)) }

    /// Adds the entry that follows.
    mutating func append(stream: Stream, revision: Revision) {
        let place = Int32(truncatingIfNeeded: previousPlaces.count)
        let previous = Self.extend(
            &runs[stream, default: Run(first: revision, last: .none, lastPlace: -1)], to: revision, at: place)
        if previous < 0 { streams.append(stream) }
        previousPlaces.append(previous)
    }

    /// Makes the entry the last of its run; gives the place of the one before it.
    private static func extend(_ run: inout Run, to revision: Revision, at place: Int32) -> Int32 {
        precondition(
            run.lastPlace < 0 || revision == run.last.next, "revision \(revision) where \(run.last.next) follows")
        let previous = run.lastPlace
        run.last = revision
        run.lastPlace = place
        return previous
    }

    /// The positions of a run's entries, oldest first.
    func positions(of run: Run) -> [Position] {
        var reversed: [Position] = []
        var place = run.lastPlace
        while place >= 0 {
            reversed.append(Position(start.number + UInt64(place) + 1))
            place = previousPlaces[Int(place)]
        }
        return reversed.reversed()
    }

    /// Forgets the entries, since a block now has them.
    mutating func clear() {
        start = end
        runs.removeAll(keepingCapacity: true)
        streams.removeAll(keepingCapacity: true)
        previousPlaces.removeAll(keepingCapacity: true)
    }
}
