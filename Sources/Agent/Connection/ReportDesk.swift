import Core
import Synchronization
import Wire

/// Keeps terminal reports until the server has them, over as many sessions as that takes.
///
/// With the extension `report-ack` a report is delivered when the server says so. Without it, when the second data message
/// came after it was written: the first may have been on its way already, and a write alone says nothing of a network that
/// has gone silent.
final class ReportDesk: Sendable {
    private struct Waiting: Sendable {
        var frame: AgentFrame
        /// Data messages since it was written on this session; nil before.
        var heardCount: Int?
        var continuation: CheckedContinuation<Station.Outcome, any Error>
    }

    private struct State: Sendable {
        var waiting: [Text: Waiting] = [:]
        var order: [Text] = []
        var session: UInt64 = 0
        var isOpen = false
        var isAcknowledging = false
    }

    /// So many data messages prove that what was written before them has arrived.
    private static let provingCount = 2

    private let state = Mutex(State())
    private let outbox: Outbox

    init(outbox: Outbox) { self.outbox = outbox }

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
            for run in state.order { state.waiting[run]?.heardCount = nil }
        }
    }

    /// The server says that it has recorded the report.
    func acknowledged(_ run: Text) {
        take(run)?.continuation.resume(returning: .delivered(isAcknowledged: true))
    }

    /// A data message came.
    func heard() {
        let runs = state.withLock { state in
            guard state.isOpen, !state.isAcknowledging else { return [Text]() }
            return state.order.filter { run in
                guard let count = state.waiting[run]?.heardCount else { return false }
                state.waiting[run]?.heardCount = count + 1
                return count + 1 >= Self.provingCount
            }
        }
        for run in runs { take(run)?.continuation.resume(returning: .delivered(isAcknowledged: false)) }
    }

    private func send(_ run: Text) {
        let (frame, session) = state.withLock { state in
            (state.isOpen ? state.waiting[run]?.frame : nil, state.session)
        }
        guard let frame else { return }
        outbox.send(frame) { [weak self] _ in self?.written(run, in: session) }
    }

    private func written(_ run: Text, in session: UInt64) {
        state.withLock { state in
            guard state.isOpen, state.session == session else { return }
            state.waiting[run]?.heardCount = 0
        }
    }

    private func take(_ run: Text) -> Waiting? {
        state.withLock { state in
            guard let waiting = state.waiting.removeValue(forKey: run) else { return nil }
            state.order.removeAll { $0 == run }
            return waiting
        }
    }
}
