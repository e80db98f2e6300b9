import CFaultVFS
import CSQLite
import Core
import Engine
import Glibc
import Testing

@testable import SQLiteLog

/// Everything that writes, in a fixed order, on a disk that fails; and what a process does when it does.
///
/// A full disk is waited for. After any other failure the process ends and a new one opens everything again, on the same
/// page cache. Whatever was not answered is asked for again.
struct Workload {
    enum Step {
        case note(count: Int, account: Text, byteCount: Int)
        case follow
        case keep(String, byteCount: Int)
        case drop(String)
        case checkpoint
        case restart
    }

    /// Snapshots are written by other calls than SQLite's, and tried by `SnapshotFaultTests`.
    static let steps: [Step] = [
        .note(count: 1, account: "a", byteCount: 10), .keep("secret:a", byteCount: 30), .follow,
        .note(count: 3, account: "b", byteCount: 400), .keep("secret:b", byteCount: 900), .drop("secret:a"),
        .note(count: 1, account: "c", byteCount: 20_000), .follow, .checkpoint,
        .note(count: 4, account: "a", byteCount: 1_500), .keep("secret:b", byteCount: 100), .follow,
        .keep("key:run_1-1", byteCount: 32), .note(count: 2, account: "d", byteCount: 5), .restart,
        .note(count: 1, account: "a", byteCount: 9_000), .drop("key:run_1-1"), .follow, .checkpoint,
        .note(count: 2, account: "b", byteCount: 50), .keep("secret:c", byteCount: 60), .follow,
        .note(count: 1, account: "e", byteCount: 10),
    ]

    let disk: FaultDisk
    private(set) var witness = Witness()
    private var site: Site?
    private var stepNumber = 0

    init(on disk: FaultDisk) { self.disk = disk }

    /// The power is off; nothing can be done any more.
    struct PowerCut: Error {}

    /// - Throws: ``PowerCut``, or what went on failing although the fault happens once.
    mutating func run() throws {
        for step in Self.steps {
            stepNumber += 1
            try persist { workload in try workload.perform(step) }
        }
    }

    /// Ends the process, politely as far as the disk lets it.
    mutating func end() { site = nil }

    /// Tries again after each failure, in the manner of the process and whoever uses it.
    private mutating func persist(_ body: (inout Workload) throws -> Void) throws {
        var last: (any Error)?
        for _ in 0..<6 {
            do {
                if site == nil { site = try open() }
                return try body(&self)
            } catch {
                if isPowerOff { throw PowerCut() }
                last = error
                let wasFull = if case LogError.full = error { true } else { false }
                disk.makeRoom()
                do {
                    if wasFull { try stayAfterShortage() } else { site = nil }
                } catch {
                    site = nil
                }
            }
        }
        if let last { throw last }
    }

    /// A child that another test has forked holds the lock of this directory, too, until it becomes its program.
    private func open() throws -> Site {
        for _ in 0..<1_000_000 {
            do { return try Site(directory: disk.directory.path, vfs: disk.vfs) } catch LogError.locked {
                sched_yield()
            }
        }
        return try Site(directory: disk.directory.path, vfs: disk.vfs)
    }

    private var isPowerOff: Bool { disk.hasFired && disk.kind == FAULT_POWER }

    /// “Nothing was written”, says a log without room; then nothing is on it, and it goes on.
    private mutating func stayAfterShortage() throws {
        guard var site else { return }
        try site.kernel.reload()
        #expect(site.kernel.log.head == witness.head, "a commit that found no room: \(disk.firedAt)")
        #expect(try site.reader.lastPosition() == witness.head.position, "\(disk.firedAt)")
        self.site = site
    }

    private mutating func perform(_ step: Step) throws {
        switch step {
        case .note(let count, let account, let byteCount): try note(count, account, byteCount)
        case .follow: try site?.follow()
        case .checkpoint: try site?.checkpoint()
        case .restart: site = nil
        case .keep(let name, let byteCount):
            let secret = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ stepNumber) }
            try change(name, to: secret) { vault in try vault.store(secret, as: name) }
        case .drop(let name):
            try change(name, to: nil) { vault in try vault.delete(name) }
        }
    }

    private mutating func note(_ count: Int, _ account: Text, _ byteCount: Int) throws {
        guard var open = site else { return }
        site = nil  // so that state is not copied; back below unless it is of no use any more
        for number in 0..<count {
            let id = Text("\(stepNumber).\(number)")
            // Known from before the restart: the commit whose answer was lost did happen.
            guard open.kernel.state.notes[id] == nil else { continue }
            witness.submitted.insert(id)
            let text = String(repeating: "\(number)", count: byteCount)
            _ = try open.kernel.turn(
                .noted(id: id, account: account, text: text), at: Timestamp(milliseconds: Int64(stepNumber)))
        }
        do {
            _ = try open.kernel.commit()
        } catch LogError.full(let path) {
            site = open
            throw LogError.full(path: path)
        }
        witness.head = open.kernel.log.head
        site = open
    }

    private mutating func change(_ name: String, to secret: [UInt8]?, _ body: (SQLiteVault) throws -> Void) throws {
        guard let vault = site?.vault else { return }
        let former = witness.secrets[name] == nil ? nil : try sealed(name)
        witness.doubt = (name, secret)
        try body(vault)
        witness.doubt = nil
        witness.secrets[name] = secret
        if let former, try sealed(name) != former { witness.gone.append(former) }
    }

    /// What the vault's file holds for a name, read past the disk.
    private func sealed(_ name: String) throws -> [UInt8]? {
        let connection = try Connection(path: disk.directory.file(SQLiteVault.fileName), mode: .readOnly)
        let row = try connection.prepare("read a secret", "SELECT sealed FROM secrets WHERE name = ?")
        row.bind(1, name)
        return try row.step() ? row.bytes(0) : nil
    }
}
