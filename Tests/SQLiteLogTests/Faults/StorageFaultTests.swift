import CFaultVFS
import Core
import Digests
import Engine
import Testing

@testable import SQLiteLog

@Suite("Storage that fails")
struct StorageFaultTests {
    /// A run without a fault, which tells how many operations there are to try.
    private func rehearse() throws -> FaultDisk {
        let disk = try FaultDisk()
        disk.arm(FAULT_NONE)
        var workload = Workload(on: disk)
        try workload.run()
        workload.end()
        return disk
    }

    /// Runs with a fault at an operation; the disk as it is then, and what was answered.
    private func run(
        _ kind: fault_kind, at operation: UInt64, seed: UInt64 = 0
    ) throws -> (disk: FaultDisk, witness: Witness, story: String) {
        let disk = try FaultDisk()
        disk.arm(kind, at: operation, seed: seed)
        var workload = Workload(on: disk)
        do {
            try workload.run()
        } catch is Workload.PowerCut {
        } catch {
            Issue.record("fault \(kind.rawValue) at \(operation), seed \(seed) (\(disk.firedAt)): \(error)")
        }
        workload.end()
        return (disk, workload.witness, "fault \(kind.rawValue) at \(operation), seed \(seed) (\(disk.firedAt))")
    }

    private func inspect(_ disk: FaultDisk, _ survival: FaultDisk.Survival, _ witness: Witness, _ story: String) throws
    {
        Inspection(witness: witness, directory: try disk.survivors(survival), story: "\(story), \(survival)").run()
    }

    @Test("Without a fault everything is there, at once and after a power cut")
    func soundDisk() throws {
        let (disk, witness, story) = try run(FAULT_NONE, at: 0)
        #expect(witness.head.position.number == 30)
        #expect(witness.gone.count == 3)
        #expect(disk.syncs.count > 50)
        try inspect(disk, .all, witness, story)
        try inspect(disk, .nothing, witness, story)
    }

    @Test("The power fails at every operation: what was answered is there, whatever of the rest is")
    func powerCuts() async throws {
        let count = try rehearse().operationCount
        for operation in 1...count {
            await Task.yield()  // others want the thread too
            let (disk, witness, story) = try run(FAULT_POWER, at: operation)
            try inspect(disk, .nothing, witness, story)
            try inspect(disk, .all, witness, story)
            for round in 0..<(Thoroughness.isNightly ? 20 : 1) as Range<UInt64> {
                try inspect(disk, .parts(seed: operation &* 1_000 &+ round), witness, story)
                try inspect(disk, .torn(seed: operation &* 1_000 &+ round), witness, story)
            }
        }
    }

    @Test("Every operation fails once: the process starts again, and nothing is lost, nor by a power cut later")
    func failures() async throws {
        let count = try rehearse().operationCount
        for operation in 1...count {
            await Task.yield()  // others want the thread too
            for seed in Thoroughness.isNightly ? [0, 1] : [operation % 2] {
                let (disk, witness, story) = try run(FAULT_IO, at: operation, seed: seed)
                try inspect(disk, .all, witness, story)
                try inspect(disk, .nothing, witness, story)
            }
        }
    }

    @Test("From every operation on there is no room: nothing of the refused is written, and all goes on once there is")
    func fullDisk() async throws {
        let count = try rehearse().operationCount
        for operation in 1...count {
            await Task.yield()  // others want the thread too
            for seed in Thoroughness.isNightly ? [0, 1] : [operation % 2] {
                let (disk, witness, story) = try run(FAULT_FULL, at: operation, seed: seed)
                try inspect(disk, .all, witness, story)
                try inspect(disk, .nothing, witness, story)
            }
        }
    }

    @Test("Every sync fails once, and the page cache lies from then on: what is answered later survives a power cut")
    func failedSyncs() async throws {
        for operation in try rehearse().syncs {
            await Task.yield()  // others want the thread too
            for seed in 0..<(Thoroughness.isNightly ? 8 : 2) as Range<UInt64> {
                let (disk, witness, story) = try run(FAULT_SYNC, at: operation, seed: seed)
                #expect(disk.hasFired)
                try inspect(disk, .all, witness, story)
                try inspect(disk, .nothing, witness, story)
            }
        }
    }

    @Test("Reads fail once: nothing is lost")
    func failedReads() async throws {
        let count = try rehearse().readCount
        for operation in stride(from: 1, through: count, by: Thoroughness.isNightly ? 1 : 17) {
            await Task.yield()  // others want the thread too
            let (disk, witness, story) = try run(FAULT_READ, at: operation)
            try inspect(disk, .nothing, witness, story)
        }
    }
}
