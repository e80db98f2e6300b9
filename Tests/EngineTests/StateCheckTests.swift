import Core
import Logging
import Synchronization
import Testing

@testable import Engine

@Suite("The engine's state is compared with the follower's")
struct StateCheckTests {
    private let disk = MemoryDisk()
    private let told = Told()
    private let saved = Saved()

    private final class Saved: Sendable {
        let positions = Mutex<[Position]>([])
        func add(_ position: Position) { positions.withLock { $0.append(position) } }
        var all: [Position] { positions.withLock { $0 } }
    }

    private func check(interval: UInt64) -> StateCheck<Stock> {
        StateCheck(interval: interval, logger: told.logger) { [saved] folded, bytes in
            #expect(bytes == SnapshotBytes.fields(of: folded.state))
            saved.add(folded.position)
        }
    }

    private func follower(_ check: StateCheck<Stock>) throws -> Follower<Stock, JSONCodec<Stock.Message>> {
        Follower(
            reader: try MemoryLog(disk: disk).makeReader(), codec: JSONCodec(), views: NoViews(),
            projection: NoProjection(), check: check, logger: told.logger)
    }

    private func engine(
        _ check: StateCheck<Stock>, _ follower: Follower<Stock, JSONCodec<Stock.Message>>
    ) -> Engine<Stock, MemoryLog, JSONCodec<Stock.Message>> {
        Engine(
            clock: HandClock(), voice: EngineVoice(), worker: IdleStockWorker(), logger: told.logger, check: check,
            observer: { _ in follower.wake() }, onFailure: { _ in })
    }

    @Test("both agree while they run, each interval and at the end, and the fold is saved")
    func agrees() async throws {
        let check = check(interval: 10)
        let follower = try follower(check)
        let engine = engine(check, follower)
        follower.start(from: try engine.start(log: MemoryLog(disk: disk), codec: JSONCodec()))
        var last = Position.start
        for number in 0..<95 {
            last = try await engine.submit(.arrived(item: Text("i\(number % 9)"), count: 1)).end
            // The follower is there before the next entry, so that each interval is met.
            try await follower.wait(for: last)
        }
        await engine.shutdown()
        follower.stop()
        await follower.ended()
        #expect(check.difference == nil)
        #expect(saved.all.first == Position(10))
        // One that is due while another is being saved waits for it. The last entries are fewer than an interval, but the
        // process ends there.
        let spans = zip(saved.all, saved.all.dropFirst()).map { $1.number - $0.number }
        #expect(spans.dropLast().allSatisfy { $0 >= 10 } && saved.all.allSatisfy { $0 <= last })
        #expect(saved.all.count > 2)
    }

    @Test("the follower's last word waits for the engine's last commit")
    func last() async throws {
        let check = check(interval: 100)
        let follower = try follower(check)
        let engine = engine(check, follower)
        follower.start(from: try engine.start(log: MemoryLog(disk: disk), codec: JSONCodec()))
        for number in 0..<150 {
            engine.submit(.arrived(item: Text("i\(number % 9)"), count: 1)) { _ in }
        }
        await engine.shutdown()
        follower.stop()
        await follower.ended()
        #expect(saved.all.last == MemoryLogReader(disk: disk).lastPosition())
    }

    @Test(
        "a difference is told by its place, saves nothing and stops nothing", arguments: ["count", "order", "outbox"])
    func differs(kind: String) throws {
        let check = check(interval: 1)
        _ = try stockLog(8, on: disk)
        let log = try MemoryLog(disk: disk)
        let folded = try StockKernel(log: log, codec: JSONCodec()).folded
        var other = folded
        switch kind {
        case "count": other.state.counts["i3"]?.number += 1
        case "order":
            let former = other.state.counts["i0"]
            other.state.counts["i0"] = nil
            other.state.counts["i0"] = former
        default: other.outbox.removeAll()
        }
        check.offer(at: folded.position) { folded }
        #expect(check.awaited == folded.position)
        check.compare(with: other, at: other.position)
        check.finish()
        let difference = try #require(check.difference)
        switch kind {
        case "count": #expect(difference.contains("counts/i3"), "\(difference)")
        case "order": #expect(difference.contains("order of creation"), "\(difference)")
        default: #expect(difference.contains("pending commands"), "\(difference)")
        }
        #expect(saved.all.isEmpty)
        #expect(told.lines.contains { $0.hasPrefix("critical") && $0.contains("position \(folded.position)") })
        check.offer(at: folded.position.next) { folded }
        #expect(check.awaited == nil)
    }

    @Test("a follower that is ahead of what was left there compares nothing")
    func ahead() throws {
        let check = check(interval: 1)
        _ = try stockLog(8, on: disk)
        let folded = try StockKernel(log: MemoryLog(disk: disk), codec: JSONCodec()).folded
        check.offer(at: folded.position) { folded }
        check.compare(with: folded, at: Position(3))
        #expect(check.awaited == folded.position)
        check.compare(with: folded, at: folded.position.next)
        check.finish()
        #expect(check.awaited == nil && saved.all.isEmpty && check.difference == nil)
    }
}

/// Keeps nothing but where it stands.
private final class NoViews: Views {
    private let stored = Mutex(CommitEnd.start)
    func document(_ id: String, in collection: String) -> Document? { nil }
    func documents(_ query: DocumentQuery) -> [Document] { [] }
    func checkpoint() -> CommitEnd { stored.withLock { $0 } }
    func store(_ documents: [Document], checkpoint: CommitEnd) { stored.withLock { $0 = checkpoint } }
    func clear() { stored.withLock { $0 = .start } }
}

private struct NoProjection: Projection {
    let collections: [CollectionSchema] = []
    func project(_ entry: Entry<Stock.Message>, lookup: (String, String) -> Document?) -> [Document] { [] }
}

private struct IdleStockWorker: Worker {
    func lane(for command: Stock.Message) -> Text? { nil }
    func perform(
        _ delivery: Delivery<Stock.Message>, report: @escaping @Sendable (Stock.Message) -> Void
    ) async throws(CancellationError) -> Stock.Message { throw CancellationError() }
}
