import Core
import Synchronization
import Wire

/// What goes to the server. One task writes, and draws the number of each frame as it writes it: numbers and wire have
/// one order.
final class Outbox: Sendable {
    /// A frame and who wants to know that it was written.
    struct Item: Sendable {
        var frame: AgentFrame
        var onWritten: (@Sendable (UInt64) -> Void)?
    }

    private struct State: Sendable {
        var session: AsyncStream<Item>.Continuation?
        var sequence: UInt64 = 0
        var progress: [Text: (step: Text, at: Duration)] = [:]
        var queuedCount = 0
    }

    /// More than this waits only where a server asks faster than it reads; then answers and progress are dropped.
    private static let queueLimit = 4_096

    private let state = Mutex(State())
    private let time: any AgentTime

    init(time: any AgentTime) { self.time = time }

    /// Opens the queue of a session; what was left of the last one is gone.
    func open() -> AsyncStream<Item> {
        let (stream, continuation) = AsyncStream.makeStream(of: Item.self)
        state.withLock { state in
            state.session?.finish()
            state.session = continuation
            state.progress = [:]
            state.queuedCount = 0
        }
        return stream
    }

    /// Whether there is a session.
    var isOpen: Bool { state.withLock { $0.session != nil } }

    /// Ends the queue of the session.
    func close() {
        state.withLock { state in
            state.session?.finish()
            state.session = nil
        }
    }

    /// Queues a frame; false when there is no session or the queue is full, and then nothing happens.
    @discardableResult
    func send(_ frame: AgentFrame, onWritten: (@Sendable (UInt64) -> Void)? = nil) -> Bool {
        state.withLock { state in
            guard let session = state.session, onWritten != nil || state.queuedCount < Self.queueLimit else {
                return false
            }
            state.queuedCount += 1
            session.yield(Item(frame: frame, onWritten: onWritten))
            return true
        }
    }

    /// Queues where a run stands: each new step at once, else at most once a second per run.
    func send(progress: Station.Progress, of run: Text, job: Text) {
        let now = time.uptime
        let isDue = state.withLock { state in
            if let last = state.progress[run], last.step == progress.step, now - last.at < .seconds(1) { return false }
            state.progress[run] = (progress.step, now)
            return true
        }
        if isDue { send(.progress(run: run, job: job, isQueued: false, progress)) }
    }

    /// Forgets what was last sent of a run.
    func forget(_ run: Text) { state.withLock { $0.progress[run] = nil } }

    /// The number of the next frame. Called by the writing task alone, once for each frame it writes.
    func draw() -> UInt64 {
        state.withLock { state in
            state.queuedCount = max(0, state.queuedCount - 1)
            state.sequence += 1
            return state.sequence
        }
    }
}
