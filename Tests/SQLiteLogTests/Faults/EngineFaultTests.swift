import CFaultVFS
import Core
import Dispatch
import Logging
import Synchronization
import Testing

@testable import Engine
@testable import SQLiteLog

/// Engine and follower at work on a disk that fails.
private final class EngineOnDisk: Sendable {
    typealias LedgerEngine = Engine<Ledger, SQLiteEventLog, JSONCodec<Ledger.Message>>
    let engine: LedgerEngine
    let follower: Follower<Ledger, JSONCodec<Ledger.Message>>
    let failures = Mutex<[String]>([])

    init(_ disk: FaultDisk) throws {
        let log = try SQLiteEventLog(directory: disk.directory.path, vfs: disk.vfs, blockEntryCount: 10)
        try log.connection.execute("checkpoint often", "PRAGMA wal_autocheckpoint=8")
        let views = try SQLiteViews(
            path: disk.directory.file("views.sqlite"), collections: AccountProjection().collections, readerCount: 1,
            vfs: disk.vfs)
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let follower = Follower<Ledger, JSONCodec<Ledger.Message>>(
            reader: try log.makeReader(), codec: JSONCodec(), views: views,
            projection: AccountProjection(), logger: quiet)
        self.follower = follower
        let told = Told()
        engine = LedgerEngine(
            clock: StillClock(), voice: EngineVoice(), worker: NoWorker(), logger: quiet,
            pace: Pace(settle: {}, probeInterval: .nanoseconds(0)), observer: { _ in follower.wake() },
            onFailure: { error in told.owner?.failures.withLock { $0.append("\(error)") } })
        told.owner = self
        try engine.start(log: log, codec: JSONCodec())
        follower.start()
    }

    /// Breaks the circle between the engine and its owner.
    private final class Told: @unchecked Sendable {  // set once, before the engine starts
        weak var owner: EngineOnDisk?
    }

    func submit(_ id: Text) async throws(SubmitError) -> Turn<Ledger.Message> {
        try await engine.submit(
            .noted(id: id, account: Text("account \(id.string.count)"), text: String(repeating: id.string, count: 300)))
    }
}

private struct StillClock: Clock {
    func wallTime() -> Timestamp { Timestamp(milliseconds: 1_800_000_000_000) }
    func monotonicNanoseconds() -> UInt64 { 0 }
}

private struct NoWorker: Worker {
    func lane(for command: Ledger.Message) -> Text? { nil }
    func perform(
        _ delivery: Delivery<Ledger.Message>, report: @escaping @Sendable (Ledger.Message) -> Void
    ) async throws(CancellationError) -> Ledger.Message { throw CancellationError() }
}

@Suite("Engine and follower on storage that fails")
struct EngineFaultTests {
    private static let ids = (0..<12).map { Text("n\($0)") }

    /// Fills the disk at an operation; everyone repeats what was refused, as requests with the same key would.
    private func fill(at operation: UInt64) async throws {
        let disk = try FaultDisk()
        disk.outlive()
        defer { disk.clear() }
        let site = try EngineOnDisk(disk)
        disk.arm(FAULT_FULL, at: operation, seed: operation)
        let end = try await withThrowingTaskGroup(of: Position.self) { group in
            for id in Self.ids {
                group.addTask {
                    while true {
                        do throws(SubmitError) {
                            return try await site.submit(id).end
                        } catch {
                            guard case .log(.full) = error else { throw error }
                            disk.makeRoom()
                        }
                    }
                }
            }
            return try await group.reduce(.start) { max($0, $1) }
        }
        // Where the views found no room, their follower waits for it.
        disk.makeRoom()
        try await site.follower.wait(for: end, limit: .seconds(60))
        #expect(site.failures.withLock { $0.isEmpty }, "at \(operation) (\(disk.firedAt))")
        #expect(site.follower.failure == nil, "at \(operation) (\(disk.firedAt))")
        let found = try site.follower.views.documents(DocumentQuery(collection: "accounts", limit: 100))
        #expect(found.count == 2)
        await site.engine.shutdown()
        site.follower.stop()
        try check(disk, .nothing, answered: Self.ids, "full at \(operation) (\(disk.firedAt))")
    }

    private func check(_ disk: FaultDisk, _ survival: FaultDisk.Survival, answered: [Text], _ story: String) throws {
        let directory = try disk.survivors(survival)
        let site = try Site(directory: directory.path)
        _ = try SQLiteLogReader(directory: directory.path).verify()
        for id in answered {
            let marks = site.kernel.state.notes[id]
            #expect(marks?.noteCount == 1 && marks?.echoCount == 1, "\(story), \(survival): \(id)")
        }
        site.kernel.state.notes.forEach { id, marks in
            #expect(Self.ids.contains(id) && marks.noteCount == 1, "\(story), \(survival): \(id)")
        }
    }

    @Test("Without room everyone is refused; with room engine and follower go on by themselves, and nothing is doubled")
    func fullDisk() async throws {
        for operation in stride(from: 1, through: 240, by: Thoroughness.isNightly ? 1 : 9) as StrideThrough<UInt64> {
            try await fill(at: operation)
        }
    }

    @Test("A sync that fails ends the engine at once; what was answered is there after the restart and a power cut")
    func failedSync() async throws {
        var endedCount = 0
        for operation in stride(from: 1, through: 240, by: Thoroughness.isNightly ? 1 : 2) as StrideThrough<UInt64> {
            let disk = try FaultDisk()
            disk.outlive()
            defer { disk.clear() }
            let site = try EngineOnDisk(disk)
            disk.arm(FAULT_SYNC, at: operation, seed: operation)
            var answered: [Text] = []
            for id in Self.ids {
                do throws(SubmitError) {
                    _ = try await site.submit(id)
                    answered.append(id)
                } catch {
                    // The commit that failed is told as such; after it there is no engine any more.
                    let isFailure = if case .log(.failed) = error { true } else { error == .stopped }
                    #expect(isFailure, "at \(operation): \(error)")
                }
            }
            await site.engine.shutdown()
            site.follower.stop()
            let failureCount = site.failures.withLock { $0.count }
            #expect(failureCount == (answered.count < Self.ids.count ? 1 : 0))
            endedCount += failureCount
            let story = "failed sync at \(operation) (\(disk.firedAt))"
            try check(disk, .all, answered: answered, story)
            try check(disk, .nothing, answered: answered, story)
        }
        #expect(endedCount > 0)
    }
}
