import Core
import Dispatch
import Logging
import Synchronization
import Testing

@testable import Engine

/// Orders stock, or waits for ever so that the command stays pending.
private final class Orderer: Worker {
    struct Seen: Sendable {
        var deliveries: [Delivery<Stock.Message>] = []
        var isAnswering: Bool
        var running = 0
        var mostRunning = 0
    }
    let seen: Mutex<Seen>

    init(isAnswering: Bool = true) { seen = Mutex(Seen(isAnswering: isAnswering)) }

    func lane(for command: Stock.Message) -> Text? { "orders" }

    func perform(
        _ delivery: Delivery<Stock.Message>, report: @escaping @Sendable (Stock.Message) -> Void
    ) async throws(CancellationError) -> Stock.Message {
        let isAnswering = seen.withLock { seen in
            seen.deliveries.append(delivery)
            seen.running += 1
            seen.mostRunning = max(seen.mostRunning, seen.running)
            return seen.isAnswering
        }
        defer { seen.withLock { $0.running -= 1 } }
        guard case .order(let item) = delivery.message, isAnswering else {
            // Until the engine shuts down.
            let (stream, continuation) = AsyncStream<Never>.makeStream()
            await withTaskCancellationHandler {
                for await _ in stream {}
            } onCancel: {
                continuation.finish()
            }
            throw CancellationError()
        }
        return .ordered(item: item, command: delivery.position.number)
    }
}

@Suite("Engine")
struct EngineTests {
    private typealias StockEngine = Engine<Stock, MemoryLog, JSONCodec<Stock.Message>>

    private struct Still: Clock {
        func wallTime() -> Timestamp { Timestamp(milliseconds: 1_800_000_000_000) }
        func monotonicNanoseconds() -> UInt64 { 1 }
    }

    private func engine(
        _ disk: MemoryDisk, worker: Orderer, observer: @escaping StockEngine.Observer = { _ in }
    ) throws -> StockEngine {
        let engine = StockEngine(
            clock: Still(), voice: EngineVoice(), worker: worker, logger: Logger(label: "test"),
            pace: Pace(probeInterval: .nanoseconds(0)), observer: observer,
            onFailure: { Issue.record("the engine failed: \($0)") })
        try engine.start(log: MemoryLog(disk: disk), codec: JSONCodec())
        return engine
    }

    @Test("what was answered is on the log, with what followed; the worker's outcome comes back as an entry")
    func turn() async throws {
        let disk = MemoryDisk()
        let (outcomes, continuation) = AsyncStream<Entry<Stock.Message>>.makeStream()
        let engine = try engine(disk, worker: Orderer()) { recorded in
            for item in recorded where item.entry.kind == "ordered" { continuation.yield(item.entry) }
        }
        try await engine.submit(.arrived(item: "bolt", count: 12))
        let turn = try await engine.submit(.taken(item: "bolt", count: 5))
        #expect(turn.entries.map(\.kind) == ["taken", "order"])
        var iterator = outcomes.makeAsyncIterator()
        #expect(await iterator.next()?.cause == turn.end)
        await engine.shutdown()
        let kernel = try Kernel<Stock, MemoryLog, JSONCodec<Stock.Message>>(
            log: MemoryLog(disk: disk), codec: JSONCodec())
        #expect(kernel.state.counts["bolt"]?.number == 7)
        #expect(kernel.pending.isEmpty)
    }

    @Test("a command without an outcome goes out again at the next start, marked so")
    func redelivery() async throws {
        let disk = MemoryDisk()
        let first = try engine(disk, worker: Orderer(isAnswering: false))
        try await first.submit(.arrived(item: "bolt", count: 12))
        let turn = try await first.submit(.taken(item: "bolt", count: 5))
        await first.shutdown()
        let (done, continuation) = AsyncStream<Void>.makeStream()
        let worker = Orderer()
        let second = try engine(disk, worker: worker) { recorded in
            if recorded.contains(where: { $0.entry.kind == "ordered" }) { continuation.yield() }
        }
        try await second.submit(.arrived(item: "nut", count: 1))
        var iterator = done.makeAsyncIterator()
        await iterator.next()
        await second.shutdown()
        let deliveries = worker.seen.withLock { $0.deliveries }
        #expect(deliveries.map(\.position) == [turn.end])
        #expect(deliveries.map(\.isRedelivered) == [true])
    }

    @Test("commands of one lane are carried out one after the other, in the order of the log")
    func lanes() async throws {
        let (done, continuation) = AsyncStream<Void>.makeStream()
        let worker = Orderer()
        let engine = try engine(MemoryDisk(), worker: worker) { recorded in
            for item in recorded where item.entry.kind == "ordered" { continuation.yield() }
        }
        for number in 0..<500 { try await engine.submit(.arrived(item: Text("i\(number)"), count: 10)) }
        for number in 0..<500 {
            engine.submit(.taken(item: Text("i\(number)"), count: 1)) { _ in }
        }
        var iterator = done.makeAsyncIterator()
        for _ in 0..<500 { await iterator.next() }
        await engine.shutdown()
        worker.seen.withLock { seen in
            #expect(seen.mostRunning == 1)
            #expect(seen.deliveries.map(\.position) == seen.deliveries.map(\.position).sorted())
        }
    }

    @Test("many writers share commits, and each gets its own turn")
    func groupCommit() async throws {
        let disk = MemoryDisk()
        let engine = try engine(disk, worker: Orderer())
        try await withThrowingTaskGroup(of: (Text, Turn<Stock.Message>).self) { group in
            for number in 0..<500 {
                group.addTask {
                    let item = Text("i\(number)")
                    return (item, try await engine.submit(.arrived(item: item, count: 1)))
                }
            }
            for try await (item, turn) in group {
                #expect(turn.entries.map(\.message) == [.arrived(item: item, count: 1)])
            }
        }
        await engine.shutdown()
        #expect(disk.commitCount < 500)
    }

    @Test("a full disk fails those who waited for it, and the next commit works")
    func full() async throws {
        let disk = MemoryDisk()
        let engine = try engine(disk, worker: Orderer())
        try await engine.submit(.arrived(item: "bolt", count: 1))
        disk.failCommit(1, with: .full(path: "disk"))
        await #expect(throws: SubmitError.log(.full(path: "disk"))) {
            try await engine.submit(.arrived(item: "bolt", count: 5))
        }
        try await engine.submit(.arrived(item: "bolt", count: 2))
        await engine.shutdown()
        let kernel = try Kernel<Stock, MemoryLog, JSONCodec<Stock.Message>>(
            log: MemoryLog(disk: disk), codec: JSONCodec())
        #expect(kernel.state.counts["bolt"]?.number == 3)
        await #expect(throws: SubmitError.stopped) { try await engine.submit(.arrived(item: "bolt", count: 2)) }
    }

    @Test("an outcome that finds the disk full is kept, since nobody would report it again")
    func outcomeOnFullDisk() async throws {
        let disk = MemoryDisk()
        let (done, continuation) = AsyncStream<Void>.makeStream()
        let engine = try engine(disk, worker: Orderer()) { recorded in
            if recorded.contains(where: { $0.entry.kind == "ordered" }) { continuation.yield() }
        }
        try await engine.submit(.arrived(item: "bolt", count: 12))
        disk.failCommit(2, with: .full(path: "disk"))
        try await engine.submit(.taken(item: "bolt", count: 5))
        var iterator = done.makeAsyncIterator()
        await iterator.next()
        await engine.shutdown()
        let kernel = try Kernel<Stock, MemoryLog, JSONCodec<Stock.Message>>(
            log: MemoryLog(disk: disk), codec: JSONCodec())
        #expect(kernel.pending.isEmpty)
    }
}
