import Core
import Engine
import Testing

/// Counts down: each deadline arms the next until none is left. Also a machine whose turn never ends.
enum Countdown: Machine {
    enum Message: Hashable, Sendable, Codable {
        case begin(UInt64)
        case tick
        case loop
        case fault(Text)
    }
    struct State: Canonical {
        var left: UInt64 = 0
        var due: Timestamp?
        var armedBy = Position.start
        func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) { encoder.encode("left", left) }
    }
    static let rules: UInt32 = 1
    static var initial: State { State() }
    static func fold(_ entry: Entry<Message>, into state: inout State) -> [Bool] {
        switch entry.message {
        case .begin(let count): state.left = count
        case .tick: state.left -= min(1, state.left)
        case .loop: return [true]
        case .fault: return []
        }
        state.due = state.left > 0 ? entry.recordedAt + .seconds(10) : nil
        state.armedBy = entry.position
        return []
    }
    static func decide(_ change: Bool, _ entry: Entry<Message>, in state: borrowing State) -> [Message] { [.loop] }
    static func describe(_ message: Message, in state: borrowing State) -> Description {
        switch message {
        case .begin: Description(stream: .engine, kind: "begin", role: .fact)
        case .tick: Description(stream: .engine, kind: "tick", role: .deadline)
        case .loop: Description(stream: .engine, kind: "loop", role: .decision)
        case .fault: Description(stream: .engine, kind: "fault", role: .fact)
        }
    }
    static func nextDeadline(in state: borrowing State) -> Deadline<Message>? {
        guard let due = state.due else { return nil }
        return Deadline(due: due, message: .tick, armedBy: state.armedBy)
    }
    static func fault(_ text: Text) -> Message? { .fault(text) }
}

@Suite("Kernel")
struct KernelTests {
    private typealias StockKernel = Kernel<Stock, MemoryLog, JSONCodec<Stock.Message>>
    private typealias CountdownKernel = Kernel<Countdown, MemoryLog, JSONCodec<Countdown.Message>>
    private let noon = Timestamp(milliseconds: 1_800_000_000_000)

    private func stock(_ disk: MemoryDisk = MemoryDisk()) throws -> StockKernel {
        try StockKernel(log: MemoryLog(disk: disk), codec: JSONCodec())
    }

    @Test("a turn is the entry and all that follows, with causes, positions and revisions without holes")
    func turn() throws {
        var kernel = try stock()
        _ = try kernel.turn(.arrived(item: "bolt", count: 12), at: noon)
        _ = try kernel.turn(.taken(item: "bolt", count: 5), at: noon)
        let recorded = try kernel.commit()
        #expect(recorded.map(\.entry.position.number) == [1, 2, 3])
        #expect(recorded.map(\.entry.revision.number) == [1, 2, 3])
        #expect(recorded.map(\.entry.cause) == [nil, nil, Position(2)])
        #expect(recorded.map(\.role) == [.fact, .fact, .command])
        #expect(kernel.pending.map(\.position) == [Position(3)])
    }

    @Test("nothing is on the log before the commit, and all of it after")
    func commit() throws {
        let disk = MemoryDisk()
        do {
            var kernel = try stock(disk)
            _ = try kernel.turn(.arrived(item: "bolt", count: 12), at: noon)
        }
        do {
            var kernel = try stock(disk)
            #expect(kernel.recordedAt == nil)
            #expect(kernel.state.counts.isEmpty)
            _ = try kernel.turn(.arrived(item: "nut", count: 3), at: noon)
            _ = try kernel.commit()
        }
        let kernel = try stock(disk)
        #expect(kernel.state.counts["nut"]?.number == 3)
        #expect(kernel.recordedAt == noon)
    }

    @Test("a command is pending until its outcome, which names it as its cause and comes once")
    func outbox() throws {
        let disk = MemoryDisk()
        do {
            var kernel = try stock(disk)
            _ = try kernel.turn(.arrived(item: "bolt", count: 12), at: noon)
            _ = try kernel.turn(.taken(item: "bolt", count: 5), at: noon)
            _ = try kernel.commit()
        }
        var kernel = try stock(disk)
        let delivery = try #require(kernel.pending.first)
        #expect(delivery.isRedelivered)
        #expect(delivery.message == .order(item: "bolt"))
        let outcome = Stock.Message.ordered(item: "bolt", command: delivery.position.number)
        _ = try kernel.turn(outcome, at: noon)
        #expect(try kernel.commit().first?.entry.cause == delivery.position)
        #expect(kernel.pending.isEmpty)
        guard case .notPending = try kernel.turn(outcome, at: noon) else {
            Issue.record("a second outcome was staged")
            return
        }
    }

    @Test("a writer that believed another revision is told, and nothing is staged")
    func conflict() throws {
        var kernel = try stock()
        let message = Stock.Message.arrived(item: "bolt", count: 1)
        _ = try kernel.turn(message, expecting: .noStream, at: noon)
        guard case .conflict(Revision(1)) = try kernel.turn(message, expecting: .noStream, at: noon) else {
            Issue.record("a conflict was not seen")
            return
        }
        guard case .staged = try kernel.turn(message, expecting: .exactly(Revision(1)), at: noon) else {
            Issue.record("the right revision was refused")
            return
        }
        #expect(kernel.staged.count == 2)
    }

    @Test("recordedAt never decreases")
    func time() throws {
        var kernel = try stock()
        _ = try kernel.turn(.arrived(item: "a", count: 1), at: noon)
        _ = try kernel.turn(.arrived(item: "a", count: 1), at: noon + .seconds(-5))
        #expect(try kernel.commit().map(\.entry.recordedAt) == [noon, noon])
    }

    @Test("a deadline becomes an entry whose cause is the entry that armed it")
    func deadlines() throws {
        var kernel = try CountdownKernel(log: MemoryLog(), codec: JSONCodec())
        _ = try kernel.turn(.begin(2), at: noon)
        try kernel.passDeadlines(at: noon + .seconds(9))
        #expect(kernel.staged.count == 1)
        try kernel.passDeadlines(at: noon + .seconds(10))
        try kernel.passDeadlines(at: noon + .seconds(25))
        let recorded = try kernel.commit()
        #expect(recorded.map(\.entry.cause) == [nil, Position(1), Position(2)])
        #expect(kernel.nextDue == nil)
    }

    @Test("a turn that will not end is cut off, and the fault is recorded")
    func fault() throws {
        var kernel = try CountdownKernel(log: MemoryLog(), codec: JSONCodec())
        _ = try kernel.turn(.loop, at: noon)
        #expect(kernel.staged.count == CountdownKernel.turnLimit + 1)
        #expect(kernel.staged.last?.entry.kind == "fault")
    }

    @Test("after a full disk the staged turns are gone from the state too, and writing goes on")
    func full() throws {
        let disk = MemoryDisk()
        var kernel = try stock(disk)
        _ = try kernel.turn(.arrived(item: "bolt", count: 1), at: noon)
        _ = try kernel.commit()
        disk.failCommit(1, with: .full(path: "disk"))
        _ = try kernel.turn(.arrived(item: "bolt", count: 5), at: noon)
        #expect(throws: LogError.full(path: "disk")) { try kernel.commit() }
        try kernel.reload()
        #expect(kernel.state.counts["bolt"]?.number == 1)
        _ = try kernel.turn(.arrived(item: "bolt", count: 2), at: noon)
        _ = try kernel.commit()
        #expect(kernel.state.counts["bolt"]?.number == 3)
    }

    @Test("a body that no codec wrote is an error that names the kind")
    func undecodable() throws {
        #expect(throws: CodecError.self) { try JSONCodec<Stock.Message>().decode([1, 2], kind: "arrived") }
    }
}

private final class SetClock: Clock, @unchecked Sendable {  // used by one test at a time
    var wall = Timestamp(milliseconds: 1_000_000)
    var monotonic: UInt64 = 5_000_000_000
    func wallTime() -> Timestamp { wall }
    func monotonicNanoseconds() -> UInt64 { monotonic }
    func move(wall: Int64, monotonic: Int64) {
        self.wall = self.wall + Milliseconds(wall)
        self.monotonic += UInt64(monotonic) * 1_000_000
    }
}

@Suite("The clock of entries")
struct RecordingClockTests {
    @Test("follows the wall clock, and tells a jump beyond 2 s")
    func forwards() {
        let clock = SetClock()
        var time = RecordingClock(notBefore: nil, clock: clock)
        clock.move(wall: 500, monotonic: 500)
        #expect(time.read(clock) == (Timestamp(milliseconds: 1_000_500), nil))
        clock.move(wall: 10_000, monotonic: 1_000)
        #expect(time.read(clock) == (Timestamp(milliseconds: 1_010_500), Milliseconds(9_000)))
    }

    @Test("behind a wall clock that was set back it runs at half speed until they meet")
    func backwards() {
        let clock = SetClock()
        var time = RecordingClock(notBefore: nil, clock: clock)
        clock.move(wall: -10_000, monotonic: 0)
        #expect(time.read(clock) == (Timestamp(milliseconds: 1_000_000), Milliseconds(-10_000)))
        clock.move(wall: 4_000, monotonic: 4_000)
        #expect(time.read(clock) == (Timestamp(milliseconds: 1_002_000), nil))
        clock.move(wall: 16_000, monotonic: 16_000)
        #expect(time.read(clock) == (Timestamp(milliseconds: 1_010_000), nil))
        clock.move(wall: 1_000, monotonic: 1_000)
        #expect(time.read(clock) == (Timestamp(milliseconds: 1_011_000), nil))
    }

    @Test("never before the log's last entry, and never standing still")
    func behind() {
        let clock = SetClock()
        let last = Timestamp(milliseconds: 2_000_000)
        var time = RecordingClock(notBefore: last, clock: clock)
        var now = last
        for step in 0..<1_000 {
            clock.monotonic += 700_000
            clock.wall = clock.wall + Milliseconds(Int64(step % 2))
            let (next, _) = time.read(clock)
            #expect(next >= now)
            now = next
        }
        #expect(now.milliseconds - last.milliseconds >= 300)
    }
}
