import Core
import Engine
import Synchronization
import Telemetry

/// What the agent tells about itself, by the names that reference agents use. Source: protocol of reference agent v0.1.0.
final class AgentFigures: Sendable {
    /// The words of the connection's state.
    enum Connection: String, CaseIterable, Sendable {
        case connected, reconnecting, disconnected
    }

    let metrics = Metrics()
    private let runs: Counter
    private let seconds: Histogram
    private let bytes: Histogram
    private let reconnects: Counter
    private let connection = Mutex(Connection.disconnected)

    init(version: String, waiting: @escaping @Sendable () -> Int) {
        metrics.addProcess()
        metrics.reading("backupy_agent_build_info", "Always 1; the labels are the build.") {
            [.init([("version", version), ("commit", "")], 1)]
        }
        runs = metrics.counter("backupy_agent_runs_total", "Runs that ended, by job and status.")
        seconds = metrics.histogram(
            "backupy_agent_run_duration_seconds", "How long runs took.", bounds: [1, 5, 15, 60, 300, 900, 3_600])
        bytes = metrics.histogram(
            "backupy_agent_run_size_bytes", "Size of uploaded backups.",
            bounds: [1_048_576, 10_485_760, 104_857_600, 1_073_741_824, 10_737_418_240])
        reconnects = metrics.counter("backupy_agent_wss_reconnects_total", "Connections after the first one.")
        reconnects.appear()
        metrics.reading("backupy_agent_dispatch_pending", "Runs that wait for a free slot.") {
            [.init([], Double(waiting()))]
        }
        let connection: @Sendable () -> Connection = { [weak self] in self?.connection.withLock { $0 } ?? .disconnected
        }
        metrics.reading("backupy_agent_wss_connection_state", "1 at the state that the connection is in.") {
            let now = connection()
            return Connection.allCases.map { .init([("state", $0.rawValue)], $0 == now ? 1 : 0) }
        }
    }

    /// The connection is in another state.
    func note(_ state: Connection) {
        connection.withLock { $0 = state }
    }

    /// Another connection than the first one was made.
    func noteReconnect() { reconnects.add() }

    /// What was committed, with a look at the state behind it.
    func observe(_ recorded: [Recorded<Station.Message>], run: (Text) -> Station.Run?) {
        for item in recorded {
            guard case .outcome(let id, _, let outcome) = item.entry.message, let run = run(id) else { continue }
            let job = ("job_id", run.order.job.string)
            switch outcome {
            case .uploaded:
                runs.add(1, [job, ("status", "success")])
                seconds.observe(Double(run.durationMilliseconds) / 1_000, [job])
                bytes.observe(Double(run.staged?.byteCount ?? 0), [job])
            case .failed, .interrupted: runs.add(1, [job, ("status", "failure")])
            case .staged, .delivered, .withdrawn, .done: break
            }
        }
    }
}
