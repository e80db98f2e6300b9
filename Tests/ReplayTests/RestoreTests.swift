import Core
import Engine
import Recordings
import Testing
import Wire

@Suite("A capture, restored anywhere, folds on as before")
struct RestoreTests {
    @Test("Restored at every entry: the same changes, decisions and deadlines", arguments: CaptureFiles.names)
    func everyCut(name: String) throws {
        let log = try CaptureFiles.log(of: name)
        var (folded, restored) = (Fleet.initial, Fleet.initial)
        var last = Position.start
        while case let page = log.read(after: last, limit: 1_024), let end = page.last?.position {
            last = end
            for encoded in page {
                restored = try SnapshotDecoder.value(of: SnapshotBytes.fields(of: restored)[...])
                let entry = try FleetCodec().decode(encoded)
                let changes = Fleet.fold(entry, into: &folded)
                try #require(Fleet.fold(entry, into: &restored) == changes, "at \(entry.position)")
                for change in changes {
                    let decided = Fleet.decide(change, entry, in: folded)
                    try #require(Fleet.decide(change, entry, in: restored) == decided, "at \(entry.position)")
                }
                try #require(Fleet.nextDeadline(in: restored) == Fleet.nextDeadline(in: folded))
            }
        }
        #expect(try StateDigest(of: restored) == ReplaySummary(of: log).digest)
    }

    @Test("From a snapshot of every commit and the entries behind it: the same state", arguments: CaptureFiles.names)
    func everyCommit(name: String) throws {
        let log = try CaptureFiles.log(of: name)
        let whole = SnapshotBytes.fields(of: try folded(log, upTo: log.lastPosition()).state)
        var ends: [CommitEnd] = []
        var position = log.lastPosition()
        while position > .start {
            let end = log.commit(upTo: position)
            guard end.position > .start else { break }
            ends.append(end)
            position = Position(end.position.number - 1)
        }
        #expect(!ends.isEmpty)
        let store = MemorySnapshots()
        let snapshots = Snapshots<Fleet, FleetCodec>(store: store, codec: FleetCodec())
        for end in ends.reversed() {
            try snapshots.save(folded(log, upTo: end.position), in: log)
            let restored = try #require(snapshots.restore(from: log))
            #expect(restored.position == end.position)
            let tail = try Kernel<Fleet, MemoryLog, FleetCodec>(
                log: log, codec: FleetCodec(), start: FoldStart { _ in restored })
            #expect(SnapshotBytes.fields(of: tail.state) == whole)
        }
    }

    /// The fold of the log up to a commit.
    private func folded(_ log: MemoryLog, upTo end: Position) throws -> Folded<Fleet> {
        var folded = Folded<Fleet>()
        for encoded in log.read(after: .start, limit: Int(end.number)) {
            folded.apply(try FleetCodec().decode(encoded))
        }
        return folded
    }
}
