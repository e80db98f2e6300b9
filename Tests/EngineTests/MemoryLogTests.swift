import Core
import Engine
import Testing

/// What other logs do too is tested with them, in `EventLogBehaviourTests`.
@Suite("The log in memory")
struct MemoryLogTests {
    private func batch(after head: LogHead, body: UInt8) -> Batch {
        var batch = Batch(after: head.link)
        batch.append(
            EncodedEntry(
                position: head.position.next, recordedAt: Timestamp(milliseconds: 1), stream: .engine,
                revision: Revision(head.position.number + 1), cause: nil, kind: "test", body: [body]))
        return batch
    }

    @Test(
        "A planned failure happens once, and stores what its fate says", arguments: [MemoryDisk.Fate.dropped, .stored])
    func plannedFailure(fate: MemoryDisk.Fate) throws {
        let disk = MemoryDisk()
        let error = LogError.failed(path: "memory", code: 10, operation: "commit")
        do {
            let log = try MemoryLog(disk: disk)
            disk.failCommit(2, with: error, fate: fate)
            try log.commit(batch(after: log.head, body: 1))
            let before = log.head
            #expect(throws: error) { try log.commit(batch(after: log.head, body: 2)) }
            #expect(log.head == before)
            #expect(log.lastPosition() == Position(fate == .stored ? 2 : 1))
        }
        let log = try MemoryLog(disk: disk)
        #expect(log.head.position == Position(fate == .stored ? 2 : 1))
        try log.commit(batch(after: log.head, body: 3))
        #expect(disk.commitCount == (fate == .stored ? 3 : 2))
    }

    @Test("The link depends on every entry and on the link before")
    func links() {
        let start = LogHead(position: .start, recordedAt: nil, link: Batch.linkBeforeFirst)
        let one = batch(after: start, body: 1).link()
        #expect(one == batch(after: start, body: 1).link())
        #expect(one != batch(after: start, body: 2).link())
        #expect(one != batch(after: LogHead(position: .start, recordedAt: nil, link: one), body: 1).link())
    }
}
