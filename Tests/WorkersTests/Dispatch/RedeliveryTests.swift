import Core
import Engine
import Foundation
import Logging
import Objects
import Synchronization
import Testing
import Wire
import Workers

@Suite("Commands that an earlier process may have carried out")
struct RedeliveryTests {
    private func result(isRepeatable: Bool, isRedelivered: Bool, _ fleet: any FleetReader) async throws
        -> CommandOutcome.Result?
    {
        try await result(
            of: .dispatch(
                AgentID("agt_00000000001"), RunID("run_00000000001"), .first, isRepeatable: isRepeatable),
            isRedelivered: isRedelivered, fleet)
    }

    private func result(of command: Command, isRedelivered: Bool, _ fleet: any FleetReader) async throws
        -> CommandOutcome.Result?
    {
        let root = NSTemporaryDirectory() + "backupy-redelivery-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: root) }
        let worker = FleetWorker(
            FleetWorker.Resources(
                sessions: NoSessions(), vault: MemoryVault(), store: try DirectoryStore(root: root),
                urls: ObjectURLSigner(key: [1], base: "http://h"), fleet: fleet,
                prober: try Prober(allowsLocal: false, now: { Timestamp(milliseconds: 0) }), secrets: SecretBook(),
                clock: StoppedClock(), maximumObjectByteCount: 1, logger: Logger(label: "test")))
        let message = try await worker.perform(
            Delivery(position: Position(7), message: Fleet.Message.command(command), isRedelivered: isRedelivered)
        ) { _ in }
        guard case .outcome(let outcome) = message else { return nil }
        return outcome.result
    }

    @Test("A RunBackup for an agent without a journal is not even tried again, though the agent be connected by now")
    func notTried() async throws {
        let fleet = EmptyFleet()
        #expect(try await result(isRepeatable: false, isRedelivered: true, fleet) == .unknown)
        #expect(!fleet.wasAsked.withLock { $0 })
    }

    @Test("One that may be repeated and cannot be sent now is unknown, not undone: the first may have arrived")
    func unknown() async throws {
        let fleet = EmptyFleet()
        #expect(try await result(isRepeatable: true, isRedelivered: true, fleet) == .unknown)
        #expect(fleet.wasAsked.withLock { $0 })
        #expect(try await result(isRepeatable: false, isRedelivered: false, fleet) == .undone("there is no such run"))
    }

    @Test("What a stop ends as it waits stays pending; of a first RunBackup it is known that it was not sent")
    func stopped() async throws {
        func stopped(_ command: Command) async throws -> CommandOutcome.Result? {
            let fleet = LateFleet()
            let work = Task { try await result(of: command, isRedelivered: false, fleet) }
            for await _ in fleet.waits { break }
            work.cancel()
            return try await work.value
        }
        let (agent, run) = (AgentID("agt_00000000001"), RunID("run_00000000001"))
        await #expect(throws: CancellationError.self) { try await stopped(.observe(run, .first)) }
        await #expect(throws: CancellationError.self) { try await stopped(.delete(run, .first)) }
        #expect(
            try await stopped(.dispatch(agent, run, .first, isRepeatable: true)) == .undone("the server is stopping"))
    }
}

/// Never comes to where it should be, and says when somebody waits for that.
private final class LateFleet: FleetReader {
    let waits: AsyncStream<Void>
    private let waiting: AsyncStream<Void>.Continuation

    init() { (waits, waiting) = AsyncStream.makeStream() }

    func wait(for position: Position, limit: Milliseconds) async throws {
        waiting.yield()
        let (never, _) = AsyncStream.makeStream(of: Void.self)
        for await _ in never {}
        try Task.checkCancellation()
    }

    func read<Value: Sendable>(_ body: (borrowing Fleet.State) -> Value) -> Value { body(Fleet.initial) }
}

/// Remembers whether anyone set out to send.
private final class EmptyFleet: FleetReader {
    let wasAsked = Mutex(false)

    func wait(for position: Position, limit: Milliseconds) { wasAsked.withLock { $0 = true } }
    func read<Value: Sendable>(_ body: (borrowing Fleet.State) -> Value) -> Value { body(Fleet.initial) }
}

/// No agent is connected.
struct NoSessions: Sessions {
    func send(
        to agent: AgentID, session: SessionID?, frame: @escaping @Sendable (UInt64) -> [UInt8]
    ) async -> SendResult { .notConnected }
    func probe(_ agent: AgentID, session: SessionID) async -> SendResult { .notConnected }
    func close(_ agent: AgentID, session: SessionID, because ending: SessionEnding) async {}
}

/// Time stands still.
struct StoppedClock: Clock {
    var moment = Timestamp(milliseconds: 0)

    func wallTime() -> Timestamp { moment }
    func monotonicNanoseconds() -> UInt64 { 0 }
}
