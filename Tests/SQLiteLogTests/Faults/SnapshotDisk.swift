import Foundation
import Glibc

@testable import SQLiteLog

/// A folder of snapshots behind a page cache, on a disk that fails when it is told to.
///
/// A file's bytes are on the disk once it was synchronized, a name in a folder once the folder was. A failed sync of a
/// file writes some of its pages and forgets the others: they can be read, and no later sync writes them. A failed sync
/// of a folder leaves the names to the next.
final class SnapshotDisk: @unchecked Sendable {  // one thread at a time uses it
    enum Fault {
        case none
        /// The power is off in the midst of an operation, which may have been done.
        case power
        /// An operation fails with `EIO`.
        case failure
        /// From an operation on all that needs room fails with `ENOSPC`.
        case full
        /// A write takes half of its bytes.
        case short
        /// A signal comes before a write has taken any.
        case interruption
    }

    /// What there is of what was not synchronized: all that the cache has, or what a power cut leaves of it.
    enum Fate: Hashable {
        case cached
        case nothing, all, names, bytes
        case parts(seed: UInt64)
    }

    private struct File {
        var cached: [UInt8] = []
        var stored: [UInt8] = []
        var dirtyPages: Set<Int> = []

        func stored(with isWritten: (Int) -> Bool) -> [UInt8] {
            var bytes = stored
            for page in dirtyPages where isWritten(page) {
                let range = page * pageByteCount..<min((page + 1) * pageByteCount, cached.count)
                bytes += [UInt8](repeating: 0, count: max(0, range.upperBound - bytes.count))
                bytes.replaceSubrange(range, with: cached[range])
            }
            return bytes
        }
    }

    /// What one operation did to the names in the folder: which file each has now, if any.
    private struct Change {
        let names: [String: Int?]
        var isStored = false
    }

    private enum Opened {
        case file(Int), folder, parent
    }

    private static let pageByteCount = 512
    private static let pathOfParent = "/data"
    /// The system takes 2 GiB in one write; with less, a snapshot need not be so large to take more than one.
    private static let writtenAtOnce = 1_000

    private let fault: Fault
    private let faultyOperation: Int
    private let seed: UInt64
    private var isOff = false
    private var isFull = false
    private var files: [File] = []
    private var changes: [Change] = []
    private var isFolderMade = false
    private var isFolderStored = false
    private var opened: [CInt: Opened] = [:]
    private var lastDescriptor: CInt = 1_000

    private(set) var operationCount = 0
    /// Which of the operations so far wrote bytes.
    private(set) var writes: [Int] = []
    /// Which operation met the fault, once one has.
    private(set) var firedAt: String?

    /// - Parameter operation: the one that meets the fault, counted from 1.
    init(_ fault: Fault = .none, at operation: Int = 0, seed: UInt64 = 0) {
        self.fault = fault
        faultyOperation = operation
        self.seed = seed
    }

    var hasPower: Bool { !isOff }
    var openCount: Int { opened.count }

    /// From now on nothing is refused for want of room.
    func makeRoom() { isFull = false }

    /// The snapshots on this disk.
    var store: SnapshotDirectory {
        SnapshotDirectory(
            path: Self.pathOfParent + "/snapshots",
            files: SnapshotFiles(
                makeFolder: { _ in self.makeFolder() },
                create: { self.create(Self.name($0)) },
                openFolder: { self.openFolder($0) },
                write: { self.write($0, $1) },
                synchronize: { self.synchronize($0) },
                close: { self.opened[$0] = nil },
                rename: { self.rename(Self.name($0), to: Self.name($1)) },
                remove: { self.remove(Self.name($0)) },
                names: { _ in self.perform("list", failed: nil) { Array(self.names { _ in true }.keys) } }))
    }

    /// What is there, in the folder `snapshots` of a real directory.
    func survivors(_ fate: Fate) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory(inMemory: true)
        let hasNames = [.cached, .all, .names].contains(fate)
        let hasBytes = [.all, .bytes].contains(fate)
        guard isFolderMade, isFolderStored || hasNames || isKept(fate, 0) else { return directory }
        let folder = directory.file("snapshots")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        for (name, number) in names({ hasNames || isKept(fate, $0 + 1) }) {
            let file = files[number]
            let bytes = file.stored { hasBytes || isKept(fate, -1 - number * 1_000 - $0) }
            try Data(fate == .cached ? file.cached : bytes).write(to: URL(fileURLWithPath: folder + "/" + name))
        }
        return directory
    }

    private func isKept(_ fate: Fate, _ place: Int) -> Bool {
        guard case .parts(let seed) = fate else { return false }
        var mixed = (seed &+ UInt64(bitPattern: Int64(place))) &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ mixed >> 29) &* 0xBF58_476D_1CE4_E5B9
        return mixed >> 63 == 1
    }

    private static func name(_ path: String) -> String { URL(fileURLWithPath: path).lastPathComponent }

    /// The names after all changes that were stored, and those others that are kept.
    private func names(_ isKept: (Int) -> Bool) -> [String: Int] {
        var names: [String: Int] = [:]
        for (number, change) in changes.enumerated() where change.isStored || isKept(number) {
            for (name, file) in change.names { names[name] = file }
        }
        return names
    }

    private func fail<Answer>(_ reason: CInt, _ answer: Answer) -> Answer {
        errno = reason
        return answer
    }

    private var isFiring: Bool { operationCount == faultyOperation }

    /// Counts an operation, and does it unless it meets a fault.
    private func perform<Answer>(
        _ operation: String, needsRoom: Bool = false, failed: Answer, _ body: () -> Answer
    ) -> Answer {
        guard hasPower else { return fail(EIO, failed) }
        operationCount += 1
        if isFiring {
            firedAt = "operation \(operationCount), \(operation)"
            isOff = fault == .power
            isFull = fault == .full
            if fault == .failure { return fail(EIO, failed) }
        }
        if isFull, needsRoom { return fail(ENOSPC, failed) }
        let answer = body()
        return hasPower ? answer : fail(EIO, failed)
    }

    private func makeFolder() -> CInt {
        perform("make the folder", needsRoom: !isFolderMade, failed: -1) {
            if isFolderMade { return fail(EEXIST, -1) }
            isFolderMade = true
            return 0
        }
    }

    private func create(_ name: String) -> CInt {
        perform("create \(name)", needsRoom: true, failed: -1) {
            let file = names { _ in true }[name] ?? files.count
            if file == files.count {
                files.append(File())
                changes.append(Change(names: [name: file]))
            }
            files[file].cached = []
            files[file].dirtyPages = []
            return descriptor(of: .file(file))
        }
    }

    private func openFolder(_ path: String) -> CInt {
        perform("open \(path)", failed: -1) { descriptor(of: path.hasSuffix("/..") ? .parent : .folder) }
    }

    private func descriptor(of target: Opened) -> CInt {
        lastDescriptor += 1
        opened[lastDescriptor] = target
        return lastDescriptor
    }

    private func write(_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int {
        guard case .file(let file) = opened[descriptor] else { return fail(EBADF, -1) }
        return perform("write", needsRoom: true, failed: -1) {
            writes.append(operationCount)
            if isFiring, fault == .interruption { return fail(EINTR, -1) }
            let asked = min(bytes.count, Self.writtenAtOnce)
            let count = isFiring && fault == .short ? (asked + 1) / 2 : asked
            let start = files[file].cached.count
            files[file].cached += bytes.prefix(count)
            files[file].dirtyPages.formUnion(start / Self.pageByteCount...(start + count - 1) / Self.pageByteCount)
            return count
        }
    }

    private func synchronize(_ descriptor: CInt) -> CInt {
        guard let target = opened[descriptor] else { return fail(EBADF, -1) }
        let isFile = if case .file = target { true } else { false }
        let answer: CInt = perform("synchronize \(target)", needsRoom: isFile, failed: -1) {
            guard hasPower else { return -1 }
            switch target {
            case .file(let file):
                let missing = files[file].cached.count - files[file].stored.count
                files[file].stored += [UInt8](repeating: 0, count: max(0, missing))
                files[file].stored = Array(files[file].stored { _ in true }.prefix(files[file].cached.count))
                files[file].dirtyPages = []
            case .folder: for number in changes.indices { changes[number].isStored = true }
            case .parent: isFolderStored = isFolderMade
            }
            return 0
        }
        if answer != 0, hasPower, case .file(let file) = target {
            files[file].stored = files[file].stored { UInt64($0) % 2 == seed % 2 }
            files[file].dirtyPages = []
        }
        return answer
    }

    private func rename(_ name: String, to newName: String) -> CInt {
        perform("rename \(name)", needsRoom: true, failed: -1) {
            guard let file = names({ _ in true })[name] else { return fail(ENOENT, -1) }
            changes.append(Change(names: [name: nil, newName: file]))
            return 0
        }
    }

    private func remove(_ name: String) -> CInt {
        perform("remove \(name)", failed: -1) {
            guard names({ _ in true })[name] != nil else { return fail(ENOENT, -1) }
            changes.append(Change(names: [name: nil]))
            return 0
        }
    }
}
