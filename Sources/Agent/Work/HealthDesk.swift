import Core
import Logging
import Synchronization
import Wire
import Workers

/// Runs the health checks of the configuration, each at its interval, and sends what is found. The schedule lies in memory:
/// a restarted agent has it again as soon as a server has accepted it.
///
/// Checks go on while there is no connection, so that the first result comes soon behind the next; what is found meanwhile
/// is dropped, since old results say nothing new.
final class HealthDesk: Sendable {
    private struct Work: Sendable {
        var check: StationSettings.Check
        var task: Task<Void, Never>
    }

    private struct State: Sendable {
        var works: [Text: Work] = [:]
        /// Probes that somebody asked for, by a number of each.
        var extra: [UInt64: Task<Void, Never>] = [:]
        var count: UInt64 = 0
        /// Checks that are being probed: never twice at the same time.
        var underWay: Set<Text> = []
        var isDetailed = false
        var hasEnded = false
    }

    private let state = Mutex(State())
    private let prober: Prober
    private let outbox: Outbox
    private let time: any AgentTime

    init(prober: Prober, outbox: Outbox, time: any AgentTime) {
        self.prober = prober
        self.outbox = outbox
        self.time = time
    }

    /// Puts the checks of a configuration in force. One that is the same as before keeps its time.
    func put(_ checks: [Text: StationSettings.Check]) {
        let stale = state.withLock { state in
            guard !state.hasEnded else { return [Task<Void, Never>]() }
            var stale: [Task<Void, Never>] = []
            for (id, work) in state.works where checks[id] != work.check {
                stale.append(work.task)
                state.works[id] = nil
            }
            for (id, check) in checks where state.works[id] == nil {
                state.works[id] = Work(check: check, task: Task { [self] in await self.repeat(id, check) })
            }
            return stale
        }
        for task in stale { task.cancel() }
    }

    /// Whether the server takes more than version 1 of the protocol tells of a result.
    func opened(isDetailed: Bool) { state.withLock { $0.isDetailed = isDetailed } }

    /// Probes a check now; false when there is no such check.
    func demand(_ id: Text) -> Bool {
        state.withLock { state in
            guard !state.hasEnded, let check = state.works[id]?.check else { return false }
            state.count += 1
            let number = state.count
            state.extra[number] = Task { [self] in
                await probe(id, check)
                self.state.withLock { $0.extra[number] = nil }
            }
            return true
        }
    }

    /// Stops all probes and waits until they have stopped.
    func end() async {
        let tasks = state.withLock { state in
            state.hasEnded = true
            let tasks = state.works.values.map(\.task) + state.extra.values
            state.works = [:]
            return tasks
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    /// When a check is probed first: at that moment of its interval which its id chooses, so that not all begin at once.
    static func offset(of id: Text, _ check: StationSettings.Check) -> Duration {
        .milliseconds(Int64(Fingerprint(of: id.string.utf8).value % (UInt64(check.intervalSeconds) * 1_000)))
    }

    private func `repeat`(_ id: Text, _ check: StationSettings.Check) async {
        let interval = Duration.seconds(Int64(check.intervalSeconds))
        var wait = Self.offset(of: id, check)
        while true {
            do { try await time.sleep(for: wait) } catch { return }
            let start = time.uptime
            await probe(id, check)
            wait = max(interval - (time.uptime - start), .zero)
        }
    }

    private func probe(_ id: Text, _ check: StationSettings.Check) async {
        // Whoever probes it now sends its result, which is as new.
        guard state.withLock({ $0.underWay.insert(id).inserted }) else { return }
        defer { _ = state.withLock { $0.underWay.remove(id) } }
        let order = Prober.Order(
            check: CheckID(id), kind: check.kind, target: check.target, timeoutSeconds: check.timeoutSeconds,
            expectedStatus: check.expectedStatus)
        guard let result = try? await prober.probe(order) else { return }
        outbox.send(.health(result, isDetailed: state.withLock { $0.isDetailed }))
    }
}
