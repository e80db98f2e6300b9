import Core
import Synchronization
import Wire

/// Keeps terminal reports until the server has them, over as many sessions as that takes.
///
/// With the extension `report-ack` a report is delivered when the server says so. Without it, when it was written and the
/// connection then lived on: until the next data message, or for 10 s.
final class ReportDesk: Sendable {
    private struct Waiting: Sendable {
        var frame: AgentFrame
        var isWritten = false
        var continuation: CheckedContinuation<Station.Outcome, any Error>
    }

    private struct State: Sendable {
        var waiting: [Text: Waiting] = [:]
        var order: [Text] = []
        var session: UInt64 = 0
        var isOpen = false
        var isAcknowledging = false
    }

    /// How long a connection must live on.
    static let settleTime = Duration.seconds(10)

    private let state = Mutex(State())
    private let outbox: Outbox
    private let time: any AgentTime

    init(outbox: Outbox, time: any AgentTime) {
        self.outbox = outbox
        self.time = time
    }

    /// Delivers a report.
    ///
    /// - Returns: `.delivered`, or `.withdrawn` when nobody wants it any longer.
    func deliver(_ frame: AgentFrame, of run: Text) async throws(CancellationError) -> Station.Outcome {
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                    let replaced = state.withLock { state in
                        let replaced = state.waiting.updateValue(
                            Waiting(frame: frame, continuation: continuation), forKey: run)
                        if replaced == nil { state.order.append(run) }
                        return replaced
                    }
                    replaced?.continuation.resume(returning: .withdrawn)
                    send(run)
                    if Task.isCancelled { take(run)?.continuation.resume(throwing: CancellationError()) }
                }
            } onCancel: {
                take(run)?.continuation.resume(throwing: CancellationError())
            }
        } catch {
            throw CancellationError()
        }
    }

    /// Sends the report once more on the connection that is open now; nothing happens when none waits.
    func resend(_ run: Text) { send(run) }

    /// Takes the report back.
    func withdraw(_ run: Text) { take(run)?.continuation.resume(returning: .withdrawn) }

    /// A session is open: everything that waits goes out, in the order it came.
    func opened(isAcknowledging: Bool) {
        let runs = state.withLock { state in
            state.session += 1
            state.isOpen = true
            state.isAcknowledging = isAcknowledging
            return state.order
        }
        for run in runs { send(run) }
    }

    /// The session is over: what was not confirmed goes out again on the next.
    func closed() {
        state.withLock { state in
            state.isOpen = false
            for run in state.order { state.waiting[run]?.isWritten = false }
        }
    }

    /// The server says that it has recorded the report.
    func acknowledged(_ run: Text) {
        take(run)?.continuation.resume(returning: .delivered(isAcknowledged: true))
    }

    /// A data message came: without acknowledgements, what was written before it has arrived.
    func heard() {
        let runs = state.withLock { state in
            state.isOpen && !state.isAcknowledging ? state.order.filter { state.waiting[$0]?.isWritten == true } : []
        }
        for run in runs { settle(run) }
    }

    private func send(_ run: Text) {
        let (frame, session) = state.withLock { state in
            (state.isOpen ? state.waiting[run]?.frame : nil, state.session)
        }
        guard let frame else { return }
        outbox.send(frame) { [weak self] _ in self?.written(run, in: session) }
    }

    private func written(_ run: Text, in session: UInt64) {
        let mustSettle = state.withLock { state in
            guard state.isOpen, state.session == session, state.waiting[run] != nil else { return false }
            state.waiting[run]?.isWritten = true
            return !state.isAcknowledging
        }
        guard mustSettle else { return }
        Task { [weak self, time] in
            try await time.sleep(for: Self.settleTime)
            guard let self else { return }
            let isStill = state.withLock {
                $0.isOpen && $0.session == session && $0.waiting[run]?.isWritten == true
            }
            if isStill { settle(run) }
        }
    }

    private func settle(_ run: Text) {
        take(run)?.continuation.resume(returning: .delivered(isAcknowledged: false))
    }

    private func take(_ run: Text) -> Waiting? {
        state.withLock { state in
            guard let waiting = state.waiting.removeValue(forKey: run) else { return nil }
            state.order.removeAll { $0 == run }
            return waiting
        }
    }
}
