import Core
import Engine
import Logging
import Synchronization
import Testing

extension Stock.State: Restorable {
    init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        self.init(counts: try decoder.decode("counts") { $0 })
    }
}

extension Stock.Count: Restorable {
    init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        self.init(number: try decoder.decode("number"))
    }
}

typealias StockKernel = Kernel<Stock, MemoryLog, JSONCodec<Stock.Message>>
typealias StockSnapshots = Snapshots<Stock, JSONCodec<Stock.Message>>

/// A log of so many commits, with commands that have no outcome, and the fold at the end of each.
func stockLog(_ commitCount: Int, on disk: MemoryDisk) throws -> [Folded<Stock>] {
    var kernel = try StockKernel(log: MemoryLog(disk: disk), codec: JSONCodec())
    var folds: [Folded<Stock>] = []
    for number in 0..<commitCount {
        for step in 0..<3 {
            let item = Text("i\((number + step) % 5)")
            let message: Stock.Message =
                number % 3 == 2 ? .taken(item: item, count: 20) : .arrived(item: item, count: UInt64(step + 8))
            _ = try kernel.turn(message, at: Timestamp(milliseconds: Int64(number * 10 + step)))
        }
        if number % 4 == 3, let open = kernel.pending.first {
            _ = try kernel.turn(.ordered(item: "i0", command: open.position.number), at: Timestamp(milliseconds: 0))
        }
        _ = try kernel.commit()
        folds.append(kernel.folded)
    }
    return folds
}

@Suite("Snapshots")
struct SnapshotTests {
    private let disk = MemoryDisk()
    private let store = MemorySnapshots()
    private var snapshots: StockSnapshots { StockSnapshots(store: store, codec: JSONCodec()) }

    @Test("a snapshot of any commit and the entries behind it give what the whole log gives")
    func everyCut() throws {
        let folds = try stockLog(60, on: disk)
        let whole = try #require(folds.last)
        #expect(whole.outbox.count > 1)
        for fold in folds {
            let log = try MemoryLog(disk: disk)
            try snapshots.save(fold, in: log)
            let restored = try #require(snapshots.restore(from: log))
            #expect(restored.position == fold.position && restored.outbox == fold.outbox)
            #expect(restored.recordedAt == fold.recordedAt)
            var kernel = try StockKernel(log: log, codec: JSONCodec(), start: FoldStart { _ in restored })
            #expect(SnapshotBytes.fields(of: kernel.state) == SnapshotBytes.fields(of: whole.state))
            #expect(kernel.outbox == whole.outbox && kernel.folded.position == whole.position)
            #expect(kernel.recordedAt == whole.recordedAt)
            // What happens next is the same, too: position, revision, time, decisions.
            _ = try kernel.turn(.taken(item: "i1", count: 90), at: Timestamp(milliseconds: 0))
            _ = try kernel.turn(
                .ordered(item: "i", command: whole.outbox.keys.min()?.number ?? 0), at: .init(milliseconds: 9_999))
            var other = try StockKernel(log: MemoryLog(disk: copy()), codec: JSONCodec())
            _ = try other.turn(.taken(item: "i1", count: 90), at: Timestamp(milliseconds: 0))
            _ = try other.turn(
                .ordered(item: "i", command: whole.outbox.keys.min()?.number ?? 0), at: .init(milliseconds: 9_999))
            #expect(kernel.staged == other.staged)
            #expect(kernel.staged.count > 1)
        }
        #expect(store.positions().count == 2)
    }

    /// The same log on another disk, so that two logs can be open at once.
    private func copy() throws -> MemoryDisk {
        let other = MemoryDisk()
        _ = try stockLog(60, on: other)
        return other
    }

    @Test(
        "a snapshot that does not fit is passed over for the older one, and told",
        arguments: [
            "magic", "byte", "checksum", "length", "version", "rules", "time", "link", "end", "digest",
        ])
    func unfit(damage: String) throws {
        let folds = try stockLog(9, on: disk)
        let log = try MemoryLog(disk: disk)
        try snapshots.save(folds[3], in: log)
        let older = folds[3].position
        try snapshots.save(folds[6], in: log)
        let newer = folds[6].position
        #expect(store.positions() == [newer, older])
        let told = Told()
        let listening = StockSnapshots(store: store, codec: JSONCodec(), logger: told.logger)
        #expect(listening.restore(from: log)?.position == newer)
        let (whole, kept) = (store.read(newer), store.read(older))
        // Places of the header: magic 0, layout 8, state version 12, rules 16, position 20, time 28, link 36, digest 68.
        switch damage {
        case "magic": store.damage(newer) { $0[0] ^= 1 }
        case "byte": store.damage(newer) { $0[$0.count / 2] ^= 1 }
        // The time is in no digest but the checksum's.
        case "checksum": store.damage(newer) { $0[35] ^= 1 }
        case "length": store.damage(newer) { $0.removeLast(40) }
        case "version": store.damage(newer) { reseal(&$0) { $0[15] = 99 } }
        case "rules": store.damage(newer) { reseal(&$0) { $0[19] ^= 0xFF } }
        case "time": store.damage(newer) { reseal(&$0) { $0[35] ^= 1 } }
        case "link": store.damage(newer) { reseal(&$0) { $0[36] ^= 1 } }
        case "end":
            store.damage(newer) { $0 = [] }
            store.write(resealed(whole) { $0[27] = 200 }, at: Position(200))
            store.write(kept, at: older)  // keeps only what is before it
            store.write(resealed(whole) { $0[27] = 200 }, at: Position(200))
        default: store.damage(newer) { reseal(&$0) { $0[68] ^= 1 } }
        }
        #expect(listening.restore(from: log)?.position == older)
        #expect(told.lines.contains { $0.contains("is not used") }, "\(told.lines)")
        store.damage(older) { $0 = [] }
        #expect(listening.restore(from: log) == nil)
    }

    @Test("a snapshot of another log with the same positions is passed over")
    func otherLog() throws {
        let folds = try stockLog(9, on: disk)
        try snapshots.save(folds[5], in: MemoryLog(disk: disk))
        let other = MemoryDisk()
        var kernel = try StockKernel(log: MemoryLog(disk: other), codec: JSONCodec())
        for number in 0..<60 {
            _ = try kernel.turn(.arrived(item: "x", count: 1), at: Timestamp(milliseconds: Int64(number)))
            _ = try kernel.commit()
        }
        #expect(snapshots.restore(from: kernel.log) == nil)
        #expect(throws: SnapshotError.self) {
            try Snapshot(store.read(folds[5].position)).check(Stock.self, at: folds[5].position, in: kernel.log)
        }
    }

    @Test("a fold that no commit ends with is not kept")
    func betweenCommits() throws {
        _ = try stockLog(3, on: disk)
        var kernel = try StockKernel(log: MemoryLog(disk: disk), codec: JSONCodec())
        _ = try kernel.turn(.arrived(item: "x", count: 1), at: Timestamp(milliseconds: 0))
        #expect(throws: SnapshotError.self) { try snapshots.save(kernel.folded, in: kernel.log) }
        #expect(store.positions().isEmpty)
    }

    @Test("folding stops when it is no longer wanted")
    func cancelled() throws {
        _ = try stockLog(1_500, on: disk)
        let asked = Atomic(0)
        #expect(throws: CancellationError.self) {
            _ = try StockKernel(
                log: MemoryLog(disk: disk), codec: JSONCodec(),
                start: FoldStart(isCancelled: { asked.add(1, ordering: .relaxed).newValue > 2 }))
        }
        #expect(asked.load(ordering: .relaxed) == 3)
    }

    @Test("any bytes in the place of a snapshot give an error, never a trap")
    func hostile() throws {
        let folds = try stockLog(6, on: disk)
        try snapshots.save(folds[5], in: MemoryLog(disk: disk))
        let whole = store.read(folds[5].position)
        for place in whole.indices {
            #expect(throws: SnapshotError.self) { try Snapshot(Array(whole[..<place])) }
            // A good checksum over what is wrong.
            store.damage(folds[5].position) { $0 = resealed(whole) { $0[place] ^= 0xFF } }
            _ = snapshots.restore(from: try MemoryLog(disk: disk))
        }
    }

    private func reseal(_ bytes: inout [UInt8], _ change: (inout [UInt8]) -> Void) { bytes = resealed(bytes, change) }

    private func resealed(_ bytes: [UInt8], _ change: (inout [UInt8]) -> Void) -> [UInt8] {
        var inner = Array(bytes.dropLast(32))
        if inner.isEmpty { return bytes }
        var whole = bytes
        change(&whole)
        inner = Array(whole.dropLast(32))
        return inner + SnapshotChecksum.of(inner)
    }
}
