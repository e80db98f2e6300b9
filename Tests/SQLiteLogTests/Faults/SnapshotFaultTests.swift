import Core
import Engine
import Foundation
import Testing

@testable import SQLiteLog

@Suite("Snapshots on storage that fails")
struct SnapshotFaultTests {
    private typealias Snapshot = (position: Position, bytes: [UInt8])

    /// One at a position that has one already, and one before others, which were another log's.
    private static let snapshots: [Snapshot] = [
        (10, 3), (20, 700), (20, 2_500), (35, 1), (15, 1_800), (40, 6_000), (50, 40),
    ].enumerated().map { number, step in
        (Position(step.0), (0..<step.1).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) | 1 })
    }

    /// What was answered, and what must be there because of it.
    private struct Witness {
        /// The last one that was answered.
        var newest: Snapshot?
        /// The one before it, unless one between them came to be although its write failed.
        var former: Position?
        /// The last one that failed, if none was answered after it.
        var doubt: Snapshot?
        /// How many failed.
        var errorCount = 0

        mutating func answered(_ snapshot: Snapshot) {
            former = [newest?.position, former].compactMap { $0 }.filter { $0 < snapshot.position }.max()
            newest = snapshot
            doubt = nil
        }
    }

    private static let cuts: [SnapshotDisk.Fate] = [.nothing, .all, .names, .bytes]

    /// Some fates of what is in pieces, others at each operation.
    private func parts(_ operation: Int) -> [SnapshotDisk.Fate] {
        (0..<(Thoroughness.isNightly ? 40 : 3) as Range<UInt64>).map { .parts(seed: UInt64(operation) * 1_000 + $0) }
    }

    /// Writes all of them, one after another, and looks at the disk whenever something was answered since the fault,
    /// until a write has worked again, and at the end.
    ///
    /// - Parameter isRetrying: whether what failed is written again before the next one is.
    @discardableResult
    private func run(_ disk: SnapshotDisk, _ fates: [SnapshotDisk.Fate], isRetrying: Bool = false) throws -> Witness {
        var witness = Witness()
        var isOver = false
        for snapshot in Self.snapshots {
            var isAsked = true
            while isAsked, disk.hasPower {
                isAsked = false
                do {
                    try disk.store.write(snapshot.bytes, at: snapshot.position)
                    witness.answered(snapshot)
                } catch {
                    witness.errorCount += 1
                    witness.doubt = snapshot
                    isAsked = isRetrying && witness.errorCount == 1
                }
                #expect(disk.openCount == 0 || !disk.hasPower, "\(disk.firedAt ?? "no fault")")
                if disk.firedAt != nil, !isOver {
                    for fate in fates { try inspect(disk, fate, witness) }
                    isOver = witness.doubt == nil
                    disk.makeRoom()
                }
            }
        }
        #expect(witness.errorCount <= 1, "one fault, and more than one error: \(disk.firedAt ?? "")")
        for fate in fates { try inspect(disk, fate, witness) }
        return witness
    }

    /// Reads what there is with the calls of the system, and writes one more.
    private func inspect(_ disk: SnapshotDisk, _ fate: SnapshotDisk.Fate, _ witness: Witness) throws {
        let story = "\(disk.firedAt ?? "no fault"), \(fate)"
        let directory = try disk.survivors(fate)
        let folder = directory.file("snapshots")
        let store = SnapshotDirectory(path: folder)
        let positions = try store.positions()
        for position in positions {
            let bytes = try store.read(position)
            #expect(
                Self.snapshots.contains { $0.position == position && $0.bytes == bytes },
                "\(story): the one at \(position) is not whole: \(bytes.count) bytes")
        }
        if let newest = witness.newest {
            let bytes = positions.contains(newest.position) ? try store.read(newest.position) : nil
            let isDoubtful = witness.doubt.map { $0.position == newest.position && $0.bytes == bytes } ?? false
            #expect(bytes == newest.bytes || isDoubtful, "\(story): the one at \(newest.position) was answered")
            if let former = witness.former {
                #expect(
                    positions.contains { former <= $0 && $0 < newest.position },
                    "\(story): the one before it, at \(former)")
            }
        }
        // And it goes on.
        try store.write([7], at: Position(1_000))
        #expect(try store.read(Position(1_000)) == [7], "\(story)")
        #expect(try store.positions() == [Position(1_000)] + positions.prefix(1), "\(story): afterwards")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(names.allSatisfy { $0.hasSuffix(".snapshot") }, "\(story): not finished: \(names)")
    }

    /// A run without a fault, which tells how many operations there are to try.
    private func rehearse() throws -> SnapshotDisk {
        let disk = SnapshotDisk()
        try run(disk, [])
        return disk
    }

    @Test("Without a fault the two newest are there, at once and after a power cut")
    func soundDisk() throws {
        let disk = SnapshotDisk()
        let witness = try run(disk, [.cached] + Self.cuts)
        #expect(witness.newest?.position == Position(50))
        #expect(witness.former == Position(40))
        #expect(disk.operationCount > 80)
        #expect(disk.writes.count > 2 * Self.snapshots.count)
    }

    @Test("The power fails at every operation: what was answered is there whole, and nothing else but what is whole")
    func powerCuts() async throws {
        for operation in 1...(try rehearse().operationCount) {
            await Task.yield()  // others want the thread too
            let disk = SnapshotDisk(.power, at: operation)
            try run(disk, Self.cuts + parts(operation))
            #expect(!disk.hasPower)
        }
    }

    @Test("Every operation fails once: what was there stays, nor does a power cut take it, and the next one is written")
    func failures() async throws {
        for operation in 1...(try rehearse().operationCount) {
            await Task.yield()  // others want the thread too
            for seed in Thoroughness.isNightly ? [0, 1] : [UInt64(operation % 2)] {
                for isRetrying in [false, true] {
                    let disk = SnapshotDisk(.failure, at: operation, seed: seed)
                    try run(disk, [.cached] + Self.cuts + parts(operation), isRetrying: isRetrying)
                    #expect(disk.firedAt != nil)
                }
            }
        }
    }

    @Test("From every operation on there is no room: what was there stays, and all goes on once there is")
    func fullDisk() async throws {
        for operation in 1...(try rehearse().operationCount) {
            await Task.yield()  // others want the thread too
            for isRetrying in [false, true] {
                let disk = SnapshotDisk(.full, at: operation, seed: UInt64(operation))
                try run(disk, [.cached] + Self.cuts, isRetrying: isRetrying)
                #expect(disk.firedAt != nil)
            }
        }
    }

    @Test("Every write takes half once, or is interrupted: nobody sees it")
    func shortWrites() async throws {
        for operation in try rehearse().writes {
            await Task.yield()  // others want the thread too
            for fault in [.short, .interruption] as [SnapshotDisk.Fault] {
                let disk = SnapshotDisk(fault, at: operation)
                let witness = try run(disk, [.cached] + Self.cuts)
                #expect(disk.firedAt != nil)
                #expect(witness.errorCount == 0)
            }
        }
    }
}
