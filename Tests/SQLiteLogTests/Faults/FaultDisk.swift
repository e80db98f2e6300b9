import CFaultVFS
import Foundation
import Testing

@testable import SQLiteLog

/// A directory whose files, when they are opened through ``vfs``, lie on a disk that fails when it is told to.
final class FaultDisk: @unchecked Sendable {  // the disk has a lock of its own; `kind` is set before threads begin
    /// What a power cut leaves of what was not synchronized.
    enum Survival: Hashable {
        case nothing, all
        case parts(seed: UInt64)
        case torn(seed: UInt64)
    }

    let directory: TemporaryDirectory
    let vfs: String
    private let disk: OpaquePointer
    private(set) var kind = FAULT_NONE

    init() throws {
        directory = try TemporaryDirectory(inMemory: true)
        vfs = "faulty-\(UUID().uuidString)"
        disk = try #require(fault_disk_make(vfs))
    }

    deinit { fault_disk_free(disk) }

    /// Keeps the disk for as long as the process lives: threads that end by themselves may still have its files open.
    func outlive() { _ = Unmanaged.passRetained(self) }

    /// Removes the files of a disk that outlives its test.
    func clear() { try? FileManager.default.removeItem(atPath: directory.path) }

    /// Has a fault happen at an operation, counted from 1 from now on.
    func arm(_ kind: fault_kind, at operation: UInt64 = 0, seed: UInt64 = 0) {
        self.kind = kind
        fault_disk_arm(disk, kind, operation, seed)
    }

    func makeRoom() { fault_disk_make_room(disk) }
    var operationCount: UInt64 { fault_disk_operation_count(disk) }
    var readCount: UInt64 { fault_disk_read_count(disk) }
    var hasFired: Bool { fault_disk_has_fired(disk) != 0 }
    var firedAt: String { String(cString: fault_disk_fired_at(disk)) }

    /// Which of the operations so far synchronized a file.
    var syncs: [UInt64] { (0..<operationCount).map { $0 + 1 }.filter { fault_disk_is_sync(disk, $0) != 0 } }

    /// What a power cut now would leave, in a directory of its own.
    func survivors(_ survival: Survival) throws -> TemporaryDirectory {
        let copy = try TemporaryDirectory(inMemory: true)
        let code =
            switch survival {
            case .nothing: fault_disk_survive(disk, SURVIVAL_NOTHING, 0, copy.path)
            case .all: fault_disk_survive(disk, SURVIVAL_ALL, 0, copy.path)
            case .parts(let seed): fault_disk_survive(disk, SURVIVAL_PARTS, seed, copy.path)
            case .torn(let seed): fault_disk_survive(disk, SURVIVAL_TORN, seed, copy.path)
            }
        try #require(code == 0)
        return copy
    }
}

/// How much is tried: what `make test` has time for, or everything.
enum Thoroughness {
    /// Set by the environment variable `BACKUPY_NIGHTLY`.
    static let isNightly = ProcessInfo.processInfo.environment["BACKUPY_NIGHTLY"] == "1"
}
