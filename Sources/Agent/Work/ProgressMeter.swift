import Core
import Synchronization
import Wire

/// Passes on how far one step of a run has come: to the server at most once a second, to the log at most every 10 s.
final class ProgressMeter: Sendable {
    private static let recordingPause = Duration.seconds(10)

    private let run: Text
    private let job: Text
    private let step: Text
    private let outbox: Outbox
    private let time: any AgentTime
    private let record: @Sendable (Station.Message) -> Void
    private let recordedAt: Mutex<Duration>

    init(
        run: Text, job: Text, step: Text, outbox: Outbox, time: any AgentTime,
        record: @escaping @Sendable (Station.Message) -> Void
    ) {
        self.run = run
        self.job = job
        self.step = step
        self.outbox = outbox
        self.time = time
        self.record = record
        recordedAt = Mutex(time.uptime)
    }

    /// The step has come so far, in percent.
    func note(_ percent: Int) {
        let progress = Station.Progress(step: step, percentOfStep: UInt32(clamping: percent))
        outbox.send(progress: progress, of: run, job: job)
        let now = time.uptime
        let isDue = recordedAt.withLock { last in
            guard percent == 0 || now - last >= Self.recordingPause else { return false }
            last = now
            return true
        }
        if isDue { record(.progressed(run, progress)) }
    }
}
