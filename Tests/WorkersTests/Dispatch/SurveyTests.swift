import Core
import Engine
import Foundation
import Logging
import Objects
import Synchronization
import Testing
import Wire
import Workers

/// Surveys of a real store beside a fleet with one good backup and one open run.
@Suite("Surveys of the store, and what they delete")
struct SurveyTests {
    private let agent = AgentID("agt_00000000001")
    private let job = JobID("job_00000000001")
    private let good = RunID("run_00000000001")
    private let open = RunID("run_00000000002")
    private let gone = RunID("run_00000000003")
    private let root = NSTemporaryDirectory() + "backupy-survey-\(UUID())"
    private let store: DirectoryStore
    private let vault = MemoryVault()
    private let fleet = FoldedFleet()

    init() throws {
        store = try DirectoryStore(root: root) { _ in FreeSpace(freeByteCount: 1 << 50, totalByteCount: 1 << 50) }
        let ticket = Ticket(token: "admin")
        fleet.tell(.accepted(.agentCreated(agent, name: "a", keyDigest: []), ticket))
        fleet.tell(.accepted(.jobCreated(job, agent, TargetID("tgt_1"), JobSpec()), ticket))
        for run in [good, open] {
            let order = RunOrder(
                job: job, agent: agent, target: TargetID("tgt_1"), isManual: true, timeoutSeconds: 0, retentionDays: 0)
            fleet.tell(.accepted(.runQueued(run, order), ticket))
        }
        let evidence = Evidence(byteCount: 3, digest: nil, source: .none)
        fleet.tell(.decided(good, .closed(.success(.first, evidence), grounds: [])))
    }

    private func reference(_ run: RunID, _ attempt: UInt32 = 1) -> ObjectReference {
        ObjectReference(agent: agent, job: job, run: run, attempt: Attempt(attempt))
    }

    private func put(_ name: Text) throws {
        let sink = try store.beginUpload(
            try #require(ObjectName(name.string)), declaredByteCount: 3, maximumByteCount: 3)
        try sink.write([1, 2, 3])
        _ = try sink.finish()
    }

    private func carryOut(_ command: Command, at moment: Timestamp = Timestamp(milliseconds: 0)) async throws
        -> CommandOutcome.Result
    {
        let worker = FleetWorker(
            FleetWorker.Resources(
                sessions: NoSessions(), vault: vault, store: store, urls: ObjectURLSigner(key: [1], base: "http://h"),
                fleet: fleet,
                prober: try Prober(allowsLocal: false, now: { Timestamp(milliseconds: 0) }), secrets: SecretBook(),
                clock: StoppedClock(moment: moment), maximumObjectByteCount: 1,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        let message = try await worker.perform(
            Delivery(position: Position(7), message: .command(command), isRedelivered: false)
        ) { _ in }
        guard case .outcome(let outcome) = message else { throw CancellationError() }
        return outcome.result
    }

    private func survey() async throws -> Survey {
        guard case .surveyed(let survey) = try await carryOut(.survey) else { throw CancellationError() }
        return survey
    }

    @Test("A name takes no upload for sixty days, longer than any address of its is good")
    func freezes() async throws {
        defer { try? FileManager.default.removeItem(atPath: root) }
        let name = try #require(ObjectName(reference(gone).name.string))
        _ = try await store.observe(name, freezing: true)
        let frozenAt = Timestamp(milliseconds: 1_800_000_000_000)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_800_000_000)], ofItemAtPath: "\(root)/\(name).frozen")
        _ = try await carryOut(.survey, at: frozenAt + .hours(60 * 24))
        #expect(store.isFrozen(name))
        _ = try await carryOut(.survey, at: frozenAt + .hours(60 * 24) + .seconds(1))
        #expect(!store.isFrozen(name))
    }

    @Test("Only what a key tells to be ours and no run owns is called unowned")
    func unowned() async throws {
        defer { try? FileManager.default.removeItem(atPath: root) }
        for object in [reference(good), reference(open), reference(gone), reference(gone, 2)] { try put(object.name) }
        try put("agt_1/notes")
        vault.store([1], as: VaultNames.dataKey(gone, .first))
        let survey = try await survey()
        #expect(survey.unowned == [reference(gone)])
        #expect(survey.strangerCount == 1, "without a key it may be the backup of a log that this one is a copy of")
        #expect(survey.foreignCount == 1 && survey.objectCount == 4 && survey.byteCount == 12)
        #expect(survey.missing.isEmpty && survey.returned.isEmpty && !survey.isCut)
    }

    @Test("What is missing is told, and what has vanished and is back")
    func missing() async throws {
        defer { try? FileManager.default.removeItem(atPath: root) }
        #expect(try await survey().missing == [reference(good).key])
        fleet.tell(.object(reference(good), .vanished))
        #expect(try await survey() == Survey())
        try put(reference(good).name)
        #expect(try await survey().returned == [reference(good).key])
    }

    @Test("A list that is too short for all of them says so")
    func cut() async throws {
        defer { try? FileManager.default.removeItem(atPath: root) }
        for attempt in 1...UInt32(Survey.limit + 1) {
            try put(reference(gone, attempt).name)
            vault.store([1], as: VaultNames.dataKey(gone, Attempt(attempt)))
        }
        let survey = try await survey()
        #expect(survey.isCut && survey.unowned.count == Survey.limit)
    }

    @Test("Deleting takes object, sidecar and key, and no late upload brings the object back")
    func deletes() async throws {
        defer { try? FileManager.default.removeItem(atPath: root) }
        let object = reference(gone)
        #expect(try await carryOut(.delete(gone, .first)) == .undone("nobody has decided to delete such an object"))
        fleet.tell(.object(object, .orphaned(.unowned)))
        #expect(try await carryOut(.delete(gone, .first)) == .done, "also where there is nothing")
        #expect(throws: ObjectStoreError.self) { try put(object.name) }
        let other = reference(gone, 2)
        try put(other.name)
        try store.writeSidecar([1], for: try #require(ObjectName(other.name.string)))
        vault.store([1], as: VaultNames.dataKey(gone, Attempt(2)))
        fleet.tell(.object(other, .orphaned(.unowned)))
        #expect(try await carryOut(.delete(gone, Attempt(2))) == .done)
        #expect(try store.page(after: nil, limit: 9).items.isEmpty && vault.names(withPrefix: "key:").isEmpty)
        #expect(try store.readSidecar(for: try #require(ObjectName(other.name.string))) == nil)
    }
}

/// Folds what it is told, at once.
private final class FoldedFleet: FleetReader {
    private let folded = Mutex((state: Fleet.initial, count: UInt64(0)))

    func tell(_ message: Fleet.Message) {
        folded.withLock { folded in
            folded.count += 1
            let entry = Entry(
                position: Position(folded.count), recordedAt: Timestamp(milliseconds: 1), stream: .engine,
                revision: .none, cause: nil, kind: "", message: message)
            _ = Fleet.fold(entry, into: &folded.state)
        }
    }

    func wait(for position: Position, limit: Milliseconds) {}
    func read<Value: Sendable>(_ body: (borrowing Fleet.State) -> Value) -> Value {
        let state = folded.withLock { $0.state }
        return body(state)
    }
}
