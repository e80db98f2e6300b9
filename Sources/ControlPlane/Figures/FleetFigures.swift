import Core
import Dispatch
import Engine
import Foundation
import Logging
import Objects
import SQLiteLog
import Server
import Synchronization
import Telemetry

/// What the control plane tells about itself: figures for Prometheus, and a line in its own log for what people want to
/// hear of. Fed from what was committed, so both say only what is on the log.
final class FleetFigures: Sendable {
    let metrics = Metrics()

    private let entries: Counter
    private let turns: Counter
    private let faults: Counter
    private let logFailures: Counter
    private let commits: Histogram
    private let batches: Histogram
    private let sessionsOpened: Counter
    private let sessionsClosed: Counter
    private let checkChanges: Counter
    private let anomalies: Counter
    private let alerts: Counter
    private let runs: Counter
    private let slots: Counter
    private let runSeconds: Histogram
    private let runBytes: Histogram
    private let storedBytes: Counter
    private let objects: Counter
    private let upgradesRefused: Counter
    private let requests: Counter
    private let requestSeconds: Histogram
    private let framesReceived: Counter
    private let bytesReceived: Counter
    private let framesSent: Counter
    private let starts = Mutex<[RunID: Timestamp]>([:])
    private let logger: Logger
    /// The engine's thread must not wait for whoever reads the log.
    private let lines = DispatchQueue(label: "backupy.figures")

    init(build: String, logger: Logger) {
        self.logger = logger
        metrics.addProcess()
        metrics.reading("backupy_build_info", "Always 1; the label is the build.") { [.init([("version", build)], 1)] }
        entries = metrics.counter("backupy_log_entries_total", "Entries committed since the start, by role.")
        turns = metrics.counter("backupy_engine_turns_total", "Entries from outside, each with all that followed.")
        commits = metrics.histogram(
            "backupy_engine_commit_seconds", "How long commits took.",
            bounds: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5])
        batches = metrics.histogram(
            "backupy_engine_commit_entries", "Entries of one commit.", bounds: [1, 2, 4, 8, 16, 64, 256, 1_024, 4_096])
        faults = metrics.counter("backupy_engine_faults_total", "Turns that were cut off because they would not end.")
        logFailures = metrics.counter("backupy_log_failures_total", "Commits that did not succeed, by kind.")
        sessionsOpened = metrics.counter("backupy_sessions_opened_total", "Sessions of agents that came to a Register.")
        sessionsClosed = metrics.counter("backupy_sessions_closed_total", "Sessions that ended, by reason.")
        framesReceived = metrics.counter(
            "backupy_session_frames_received_total", "Frames of agents on the log, by kind.")
        bytesReceived = metrics.counter("backupy_session_received_bytes_total", "Bytes of those frames.")
        framesSent = metrics.counter("backupy_session_frames_sent_total", "Frames written to agents, by what they are.")
        upgradesRefused = metrics.counter(
            "backupy_session_upgrades_refused_total", "Agents' connections that were refused, by HTTP status.")
        checkChanges = metrics.counter(
            "backupy_check_changes_total", "Health checks that came to another status, by status.")
        anomalies = metrics.counter("backupy_anomalies_total", "What was not as it should be with agents, by kind.")
        alerts = metrics.counter(
            "backupy_alert_steps_total", "Alerts opened, repeated, reminded and resolved, by kind.")
        slots = metrics.counter("backupy_slots_total", "Slots of schedules that were judged, by verdict and reason.")
        runs = metrics.counter("backupy_runs_total", "Runs that ended, by status and class of failure.")
        runSeconds = metrics.histogram(
            "backupy_run_duration_seconds", "From the first attempt to the verdict, by status.",
            bounds: [1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200])
        runBytes = metrics.histogram(
            "backupy_run_object_bytes", "Size of stored backups.",
            bounds: [1_048_576, 10_485_760, 104_857_600, 1_073_741_824, 10_737_418_240, 107_374_182_400])
        storedBytes = metrics.counter("backupy_run_stored_bytes_total", "Bytes of backups stored since the start.")
        objects = metrics.counter(
            "backupy_objects_total",
            "Decisions about stored objects: let go by retention, belonging to no success, vanished, there again.")
        requests = metrics.counter("backupy_http_requests_total", "Requests answered, by method, route and status.")
        requestSeconds = metrics.histogram(
            "backupy_http_request_seconds", "How long answers took to begin, by method and route.",
            bounds: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30])
        for counter in [turns, faults, sessionsOpened, storedBytes, bytesReceived] { counter.appear() }
        // Known from the start, so that the first one is seen as a rise.
        for kind in Anomaly.Kind.allCases { anomalies.appear([("kind", kind.rawValue)]) }
        for status in ["success", "cancelled"] { runs.appear([("status", status), ("error_class", "")]) }
        for status in ["failed", "lost"] {
            for failure in FailureClass.allCases { runs.appear([("status", status), ("error_class", failure.word)]) }
        }
        for reason in SlotVerdict.MissedReason.allCases {
            slots.appear([("verdict", "missed"), ("reason", reason.rawValue)])
        }
        for word in ["expired", "orphaned", "vanished", "returned"] { objects.appear([("decision", word)]) }
        for kind in ["full", "failed"] { logFailures.appear([("kind", kind)]) }
    }

    // MARK: - The engine

    var meter: EngineMeter {
        EngineMeter(
            committed: { [batches, commits] entryCount, nanoseconds in
                batches.observe(Double(entryCount))
                commits.observe(Double(nanoseconds) / 1_000_000_000)
            },
            failed: { [logFailures] error in
                if case .full = error {
                    logFailures.add(1, [("kind", "full")])
                } else {
                    logFailures.add(1, [("kind", "failed")])
                }
            })
    }

    /// What was committed; on the engine's thread.
    func observe(_ recorded: [Recorded<Fleet.Message>]) {
        var roles: [String: Double] = [:]
        for item in recorded {
            let role = Self.word(item.role)
            roles[role, default: 0] += 1
            if ["fact", "request", "deadline", "outcome"].contains(role) { turns.add() }
            observe(item.entry)
        }
        for (role, count) in roles { entries.add(count, [("role", role)]) }
        tellMissed(recorded)
    }

    /// One line a job, however many of its slots were missed while nobody was there.
    private func tellMissed(_ recorded: [Recorded<Fleet.Message>]) {
        var missed = Table<JobID, (count: Int, first: Slot, last: Slot, entry: Entry<Fleet.Message>)>()
        for item in recorded {
            guard case .scheduled(let job, .judged(let slot, .missed, _)) = item.entry.message else { continue }
            let former = missed[job]
            missed[job] = ((former?.count ?? 0) + 1, former?.first ?? slot, slot, item.entry)
        }
        missed.forEach { job, it in
            let times =
                it.count == 1 ? "\(it.first.text)" : "\(it.count) times, from \(it.first.text) to \(it.last.text)"
            say(.warning, "job \(job) missed \(times)", it.entry, ["job": "\(job)", "missed": "\(it.count)"])
        }
    }

    private static func word(_ role: Description.Role) -> String {
        switch role {
        case .fact: "fact"
        case .request: "request"
        case .answer: "answer"
        case .decision: "decision"
        case .command: "command"
        case .outcome: "outcome"
        case .deadline: "deadline"
        }
    }

    private func observe(_ entry: Entry<Fleet.Message>) {
        switch entry.message {
        case .faulted(let text):
            faults.add()
            say(.critical, "the engine cut off a turn: \(text)", entry)
        case .clockStepped(let step):
            say(.warning, "the wall clock jumped: \(step.count) ms", entry)
        case .disk(let fact):
            var level = Logger.Level.warning
            if case .roomy = fact { level = .notice }
            say(level, "\(Fleet.sentence(for: entry.message))", entry)
        case .sessionOpened: sessionsOpened.add()
        case .sessionClosed(_, _, let closing): sessionsClosed.add(1, [("reason", closing.rawValue)])
        case .received(_, let frame):
            framesReceived.add(1, [("kind", entry.kind.string)])
            bytesReceived.add(Double(frame.bytes.count))
        case .unreadable(_, let frame):
            framesReceived.add(1, [("kind", "unreadable")])
            bytesReceived.add(Double(frame.byteCount))
        case .noted(let anomaly):
            anomalies.add(1, [("kind", anomaly.kind.rawValue)])
            var more: Logger.Metadata = ["agent": "\(anomaly.agent)", "anomaly": "\(anomaly.kind.rawValue)"]
            if let run = anomaly.run { more["run"] = "\(run)" }
            say(.warning, "anomaly \(anomaly.kind.rawValue): \(anomaly.detail)", entry, more)
        case .presence(let agent, let presence):
            say(.notice, "the agent is \(presence.rawValue)", entry, ["agent": "\(agent)"])
        case .decided(let run, .started):
            starts.withLock { if $0[run] == nil { $0[run] = entry.recordedAt } }
        case .decided(let run, .retried):
            say(.notice, "\(Fleet.sentence(for: entry.message))", entry, ["run": "\(run)"])
        case .decided(let run, .closed(let verdict, _)): observe(run, verdict, entry)
        case .object(let object, let decision): observe(object, decision, entry)
        case .judged(let check, let decision):
            say(.notice, "\(Fleet.sentence(for: entry.message))", entry, ["check": "\(check)"])
            if case .became(let phase, _) = decision { checkChanges.add(1, [("status", phase.word)]) }
        case .outcome(let outcome): observe(outcome)
        case .alerted(let decision):
            alerts.add(1, [("kind", decision.key.kind.rawValue), ("step", decision.step.rawValue)])
            var more: Logger.Metadata = [
                "alert": "\(decision.id)", "kind": "\(decision.key.kind.rawValue)",
                "subject": "\(decision.key.subject)",
            ]
            if let agent = decision.agent { more["agent"] = "\(agent)" }
            let level = decision.step == .resolved ? Logger.Level.notice : .warning
            say(level, "alert \(decision.key.kind.rawValue) \(decision.step.rawValue): \(decision.detail)", entry, more)
        case .scheduled(_, .judged(_, let verdict, _)):
            slots.add(1, [("verdict", verdict.word), ("reason", verdict.reason ?? "")])
        case .scheduled(_, .opened):
            break
        case .started, .captureOpened, .captured, .requested, .accepted, .refused, .deadline, .command: break
        }
    }

    private func observe(_ outcome: CommandOutcome) {
        guard case .done = outcome.result else { return }
        switch outcome.command {
        case .welcome: framesSent.add(1, [("kind", "register_ack")])
        case .configure: framesSent.add(1, [("kind", "config_update")])
        case .dispatch: framesSent.add(1, [("kind", "run_backup")])
        case .cancel: framesSent.add(1, [("kind", "cancel_job")])
        case .probe: framesSent.add(1, [("kind", "ping")])
        case .runCheck: framesSent.add(1, [("kind", "run_health_check")])
        case .observe, .delete, .survey, .disconnect, .refuse, .probeTarget, .readZone: break
        }
    }

    private func observe(_ object: ObjectReference, _ decision: ObjectDecision, _ entry: Entry<Fleet.Message>) {
        objects.add(1, [("decision", decision.word)])
        let more: Logger.Metadata = ["run": "\(object.run)", "object": "\(object.name)"]
        switch decision {
        case .expired(let reason): say(.notice, "the object of run \(object.run) is let go: \(reason)", entry, more)
        case .orphaned(let reason): say(.notice, "an object belongs to no success: \(reason.rawValue)", entry, more)
        case .vanished: say(.error, "the object of run \(object.run) is not in the store any more", entry, more)
        case .returned: say(.notice, "the object of run \(object.run) is in the store again", entry, more)
        }
    }

    private func observe(_ run: RunID, _ verdict: Verdict, _ entry: Entry<Fleet.Message>) {
        let failure = verdict.failure?.word ?? ""
        runs.add(1, [("status", verdict.word), ("error_class", failure)])
        if let start = starts.withLock({ $0.removeValue(forKey: run) }) {
            runSeconds.observe(Double((entry.recordedAt - start).count) / 1_000, [("status", verdict.word)])
        }
        var more: Logger.Metadata = ["run": "\(run)", "status": "\(verdict.word)"]
        if !failure.isEmpty { more["error_class"] = "\(failure)" }
        if case .success(_, let evidence) = verdict {
            runBytes.observe(Double(evidence.byteCount))
            storedBytes.add(Double(evidence.byteCount))
            more["size_bytes"] = "\(evidence.byteCount)"
        }
        say(failure.isEmpty ? .notice : .warning, "run \(run) ended: \(verdict.word)", entry, more)
    }

    private func say(
        _ level: Logger.Level, _ text: String, _ entry: Entry<Fleet.Message>, _ more: Logger.Metadata = [:]
    ) {
        let metadata = more.merging(["position": "\(entry.position.number)"]) { first, _ in first }
        lines.async { [logger] in logger.log(level: level, "\(text)", metadata: metadata) }
    }

    // MARK: - What is looked up

    /// Adds what others know.
    func add(
        waiting: @escaping @Sendable () -> Int, follower: Running.FleetFollower,
        end: @escaping @Sendable () -> Position,
        registry: SessionRegistry, directory: String, objects: String
    ) {
        metrics.reading("backupy_engine_queue_messages", "Messages that wait for the engine.") {
            [.init([], Double(waiting()))]
        }
        metrics.reading("backupy_log_position", "The last committed position.") { [.init([], Double(end().number))] }
        metrics.reading("backupy_follower_position", "The position up to which views and answers are.") {
            [.init([], Double(follower.passed.number))]
        }
        metrics.reading("backupy_follower_lag_entries", "Entries that reading is behind writing.") {
            [.init([], max(0, Double(end().number) - Double(follower.passed.number)))]
        }
        metrics.reading("backupy_follower_up", "Whether the follower is at work.") {
            [.init([], follower.failure == nil ? 1 : 0)]
        }
        metrics.reading(
            "backupy_file_bytes", "Sizes of the files in the data directory, each with its write-ahead file."
        ) {
            ["log.sqlite", "views.sqlite", "vault.sqlite"].map { name in
                .init(
                    [("file", name)],
                    Self.byteCount("\(directory)/\(name)") + Self.byteCount("\(directory)/\(name)-wal"))
            }
        }
        metrics.reading("backupy_sessions", "Agents that are connected.") { [.init([], Double(registry.agentCount))] }
        metrics.reading("backupy_agents", "Agents, by status.") { Self.agents(follower) }
        metrics.reading("backupy_runs_open", "Runs that have not ended, by phase.") { Self.openRuns(follower) }
        metrics.reading("backupy_alerts_open", "Alerts that are open, by kind.") { Self.openAlerts(follower) }
        metrics.reading("backupy_store_objects", "Backups that exist.") {
            [.init([], Double(follower.read { $0.objects.count }))]
        }
        metrics.reading("backupy_store_object_bytes", "Bytes of the backups that exist.") {
            [
                .init(
                    [],
                    follower.read { state in
                        var sum = 0.0
                        state.objects.forEach { _, object in sum += Double(object.byteCount) }
                        return sum
                    })
            ]
        }
        metrics.reading("backupy_store_free_bytes", "What is free on the file system of the objects.") {
            FreeSpace.measure(objects).map { [.init([], Double($0.freeByteCount))] } ?? []
        }
        metrics.reading("backupy_store_reserved_bytes", "What stays free: below it the store takes no more objects.") {
            FreeSpace.measure(objects).map { [.init([], Double($0.reserveByteCount))] } ?? []
        }
    }

    private static func byteCount(_ path: String) -> Double {
        var status = stat()
        return stat(path, &status) == 0 ? Double(status.st_size) : 0
    }

    private static func agents(_ follower: Running.FleetFollower) -> [Metrics.Sample] {
        let counts = follower.read { state in
            var counts = ["online": 0.0, "offline": 0, "never_connected": 0]
            state.agents.forEach { _, agent in counts[agent.status.rawValue, default: 0] += 1 }
            return counts
        }
        return counts.sorted { $0.key < $1.key }.map { .init([("status", $0.key)], $0.value) }
    }

    private static func openRuns(_ follower: Running.FleetFollower) -> [Metrics.Sample] {
        let counts = follower.read { state in
            var counts = ["queued": 0.0, "running": 0]
            state.runs.forEach { _, run in
                guard run.isOpen, !run.isCaptured else { return }
                counts[run.attemptInFlight == nil ? "queued" : "running", default: 0] += 1
            }
            return counts
        }
        return counts.sorted { $0.key < $1.key }.map { .init([("phase", $0.key)], $0.value) }
    }

    /// Each kind, also where none is open: a rule that compares with 0 needs the 0.
    private static func openAlerts(_ follower: Running.FleetFollower) -> [Metrics.Sample] {
        let counts = follower.read { state in
            var counts: [String: Double] = [:]
            state.alerts.forEach { key, _ in counts[key.kind.rawValue, default: 0] += 1 }
            return counts
        }
        return Alert.Kind.allCases.map { .init([("kind", $0.rawValue)], counts[$0.rawValue] ?? 0) }
    }

    // MARK: - Requests

    /// A request was answered. `route` is the template of its path; nil when none fits.
    func answered(_ method: String, _ route: String?, isAgentPath: Bool, status: Int, seconds: Double) {
        if isAgentPath { upgradesRefused.add(1, [("status", String(status))]) }
        // Methods and paths are texts from outside: only known ones become labels.
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].contains(method) ? method : "other"
        let labels = [("method", known), ("route", isAgentPath ? "agents" : route ?? "other")]
        requests.add(1, labels + [("status", String(status))])
        requestSeconds.observe(seconds, labels)
    }
}
