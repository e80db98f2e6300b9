import Core
import Engine
import Logging
import Synchronization
import Testing

/// Documents in memory.
private final class MemoryViews: Views {
    struct Stored: Sendable {
        var documents: [String: Document] = [:]
        var checkpoint = CommitEnd.start
        var storeCount = 0
        /// From this position on, documents cannot be read.
        var failsFrom: Position?
        /// How many writes will find no room.
        var fullCount = 0

        /// One more write, which there may be no room for.
        mutating func needsRoom() throws(ViewsError) {
            guard fullCount > 0 else { return }
            fullCount -= 1
            throw ViewsError(path: "views", problem: "no room", isFull: true)
        }
    }
    let stored = Mutex(Stored())

    func document(_ id: String, in collection: String) throws(ViewsError) -> Document? {
        try stored.withLock { stored throws(ViewsError) in
            if let position = stored.failsFrom, stored.checkpoint.position >= position {
                throw ViewsError(path: "views", problem: "cannot be read")
            }
            return stored.documents[id]
        }
    }
    func clear() throws(ViewsError) {
        try stored.withLock { stored throws(ViewsError) in
            try stored.needsRoom()
            stored = Stored()
        }
    }
    func documents(_ query: DocumentQuery) -> [Document] { [] }
    func checkpoint() -> CommitEnd { stored.withLock { $0.checkpoint } }
    func store(_ documents: [Document], checkpoint: CommitEnd) throws(ViewsError) {
        try stored.withLock { stored throws(ViewsError) in
            try stored.needsRoom()
            for document in documents { stored.documents[document.id] = document }
            stored.checkpoint = checkpoint
            stored.storeCount += 1
        }
    }
}

/// One document an item: how many entries spoke of it.
private struct ItemProjection: Projection {
    let collections = [CollectionSchema(name: "items", indexed: [])]
    func project(_ entry: Entry<Stock.Message>, lookup: (String, String) -> Document?) -> [Document] {
        let id = entry.stream.name.string
        let former = lookup("items", id)
        let count = former.flatMap { Int(String(decoding: $0.json, as: UTF8.self)) } ?? 0
        return [
            Document(
                collection: "items", id: id, position: former?.position ?? entry.position,
                json: Array(String(count + 1).utf8))
        ]
    }
}

@Suite("Follower")
struct FollowerTests {
    private func log(_ entryCount: Int, commitSize: Int = 64) throws -> MemoryDisk {
        let disk = MemoryDisk()
        var kernel = try Kernel<Stock, MemoryLog, JSONCodec<Stock.Message>>(
            log: MemoryLog(disk: disk), codec: JSONCodec())
        for number in 0..<entryCount {
            _ = try kernel.turn(
                .arrived(item: Text("i\(number % 7)"), count: 1), at: Timestamp(milliseconds: Int64(number)))
            if kernel.staged.count == commitSize { _ = try kernel.commit() }
        }
        _ = try kernel.commit()
        return disk
    }

    private func follower(
        _ disk: MemoryDisk, _ views: MemoryViews
    ) throws -> Follower<Stock, JSONCodec<Stock.Message>> {
        Follower(
            reader: try MemoryLog(disk: disk).makeReader(), codec: JSONCodec(), views: views,
            projection: ItemProjection(), logger: Logger(label: "test"))
    }

    @Test("folds the log as the engine does, and makes each document once", arguments: [1, 64, 700, 3_000, 10_000])
    func folds(commitSize: Int) async throws {
        let disk = try log(5_000, commitSize: commitSize)
        let views = MemoryViews()
        let follower = try follower(disk, views)
        follower.start()
        try await follower.wait(for: Position(5_000), limit: .minutes(1))
        let kernel = try Kernel<Stock, MemoryLog, JSONCodec<Stock.Message>>(
            log: MemoryLog(disk: disk), codec: JSONCodec())
        let (position, state) = follower.snapshot()
        #expect(position == Position(5_000))
        #expect(StateDigest(of: state) == StateDigest(of: kernel.state))
        #expect(follower.read { $0.counts["i0"]?.number } == 715)
        #expect(try views.document("item/i0", in: "items")?.json == Array("715".utf8))
        #expect(try views.document("item/i0", in: "items")?.position == Position(1))
        follower.stop()
    }

    @Test("does not make documents anew that are behind its checkpoint")
    func checkpoint() async throws {
        let disk = try log(100)
        let views = MemoryViews()
        try views.store([], checkpoint: try MemoryLog(disk: disk).commit(upTo: Position(100)))
        let follower = try follower(disk, views)
        follower.start()
        try await follower.wait(for: Position(100), limit: .minutes(1))
        #expect(follower.read { $0.counts["i0"]?.number } == 15)
        #expect(views.stored.withLock { $0.documents.isEmpty && $0.storeCount == 1 })
        follower.stop()
    }

    @Test("views of another log, longer or with another link, are made anew", arguments: [true, false])
    func otherLog(isLonger: Bool) async throws {
        let disk = try log(100)
        let views = MemoryViews()
        let foreign = Document(collection: "items", id: "item/foreign", position: Position(9), json: [])
        var checkpoint = try MemoryLog(disk: disk).commit(upTo: Position(64))
        if isLonger { checkpoint.position = Position(101) } else { checkpoint.link = Batch.linkBeforeFirst }
        try views.store([foreign], checkpoint: checkpoint)
        let follower = try follower(disk, views)
        follower.start()
        try await follower.wait(for: Position(100), limit: .minutes(1))
        #expect(try views.document("item/foreign", in: "items") == nil)
        #expect(try views.document("item/i0", in: "items")?.json == Array("15".utf8))
        #expect(views.checkpoint().position == Position(100))
        follower.stop()
    }

    @Test("where there is no room, clearing waits for it as storing does")
    func noRoom() async throws {
        let disk = try log(100)
        let views = MemoryViews()
        var checkpoint = try MemoryLog(disk: disk).commit(upTo: Position(100))
        checkpoint.position = Position(101)
        try views.store([], checkpoint: checkpoint)
        views.stored.withLock { $0.fullCount = 1 }
        let follower = try follower(disk, views)
        follower.start()
        try await follower.wait(for: Position(100), limit: .minutes(1))
        #expect(follower.failure == nil)
        #expect(views.checkpoint().position == Position(100))
        follower.stop()
    }

    @Test("a document that cannot be read stops the follower before it is overwritten")
    func unreadable() async throws {
        let views = MemoryViews()
        views.stored.withLock { $0.failsFrom = Position(1_024) }
        let follower = try follower(log(5_000), views)
        follower.start()
        await #expect(throws: (any Error).self) {
            try await follower.wait(for: Position(5_000), limit: .minutes(1))
        }
        #expect(follower.failure?.contains("views: cannot be read") == true)
        #expect(views.checkpoint().position == Position(1_024))
    }

    @Test("who waits for a position that does not come is told so")
    func behind() async throws {
        let follower = try follower(log(1), MemoryViews())
        follower.start()
        await #expect(throws: (any Error).self) { try await follower.wait(for: Position(2), limit: Milliseconds(1)) }
        follower.stop()
    }
}
