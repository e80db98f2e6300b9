import Testing

/// What is known about a capture from those who recorded it, who counted the frames by means of their own. Written down
/// by hand, and never taken from our own output.
struct CaptureFacts: Sendable, CustomTestStringConvertible {
    var name: String
    /// Frames by kind, agent to server.
    var fromAgent: [String: Int]
    /// Frames by kind, server to agent.
    var fromServer: [String: Int]
    /// (Register.seq, last_known_config_version) of each connection.
    var connections: [[UInt64]]
    /// Run ids dispatched, those with at least one completion, those that failed only, those without a terminal message.
    var dispatched = 0
    var completed = 0
    var failedOnly = 0
    var unanswered = 0
    /// Config versions sent, in order, over all connections.
    var configVersions: [UInt64]
    /// The last Heartbeat.config_version.
    var lastHeartbeat: UInt64
    var completedTwice: [String] = []
    /// What the scenario's description says is wrong with the agent, and nothing else.
    var anomalies: [String: Int] = [:]

    var testDescription: String { name }

    static let all: [CaptureFacts] = [
        CaptureFacts(
            name: "pg-success",
            fromAgent: ["ack": 3, "backup_completed": 7, "heartbeat": 3, "job_update": 1, "register": 1],
            fromServer: ["config_update": 1, "other": 4, "register_ack": 1, "run_backup": 8],
            connections: [[1, 0]], dispatched: 8, completed: 7, failedOnly: 1, configVersions: [7, 8], lastHeartbeat: 8),
        CaptureFacts(
            name: "mariadb-stock", fromAgent: ["discovery": 1, "heartbeat": 1, "job_update": 2, "register": 1],
            fromServer: ["register_ack": 1, "run_backup": 2], connections: [[1, 0]], dispatched: 2, failedOnly: 2,
            configVersions: [3], lastHeartbeat: 3),
        CaptureFacts(
            name: "mariadb-compat", fromAgent: ["backup_completed": 2, "heartbeat": 1, "register": 1],
            fromServer: ["register_ack": 1, "run_backup": 2], connections: [[1, 0]], dispatched: 2, completed: 2,
            configVersions: [3], lastHeartbeat: 3),
        CaptureFacts(
            name: "redis-sqlite", fromAgent: ["backup_completed": 2, "heartbeat": 1, "job_update": 2, "register": 1],
            fromServer: ["register_ack": 1, "run_backup": 4], connections: [[1, 0]], dispatched: 4, completed: 2,
            failedOnly: 2, configVersions: [5], lastHeartbeat: 5),
        CaptureFacts(
            name: "failures", fromAgent: ["backup_completed": 2, "heartbeat": 1, "job_update": 14, "register": 1],
            fromServer: ["register_ack": 1, "run_backup": 16], connections: [[1, 0]], dispatched: 16, completed: 2,
            failedOnly: 14, configVersions: [11], lastHeartbeat: 11),
        CaptureFacts(
            name: "duplicate-delivery", fromAgent: ["backup_completed": 4, "heartbeat": 1, "register": 1],
            fromServer: ["register_ack": 1, "run_backup": 4], connections: [[1, 0]], dispatched: 2, completed: 2,
            configVersions: [2], lastHeartbeat: 2, completedTwice: ["run-dup-A", "run-dup-B"],
            anomalies: ["repeated_completion": 2]),
        CaptureFacts(
            name: "kill-restart", fromAgent: ["backup_completed": 3, "discovery": 1, "heartbeat": 2, "register": 2],
            fromServer: ["config_update": 1, "register_ack": 2, "run_backup": 4], connections: [[1, 0], [1, 22]],
            dispatched: 3, completed: 3, configVersions: [21, 22, 22], lastHeartbeat: 22,
            anomalies: ["process_restart": 1]),
        CaptureFacts(
            name: "cancel-and-config",
            fromAgent: ["ack": 1, "backup_completed": 2, "heartbeat": 2, "job_update": 1, "register": 1],
            // empty, heartbeat, ping, run_health_check and self_update change nothing
            fromServer: ["cancel_job": 1, "config_update": 3, "other": 5, "register_ack": 2, "run_backup": 3],
            connections: [[1, 0]], dispatched: 3, completed: 2, failedOnly: 1, configVersions: [30, 29, 31, 32],
            lastHeartbeat: 32, anomalies: ["unconfirmed_command": 1]),
        CaptureFacts(
            name: "handshake-edges",
            fromAgent: ["ack": 1, "backup_completed": 1, "discovery": 1, "heartbeat": 2, "register": 4],
            fromServer: ["other": 2, "register_ack": 2, "run_backup": 1, "unreadable": 1],
            connections: [[1, 0], [3, 0], [4, 0], [8, 40]], dispatched: 1, completed: 1, configVersions: [40, 40],
            lastHeartbeat: 40),
        CaptureFacts(
            name: "rejected-then-accepted", fromAgent: ["discovery": 1, "heartbeat": 1, "register": 1],
            fromServer: ["register_ack": 1], connections: [[2, 0]], configVersions: [1], lastHeartbeat: 1),
        CaptureFacts(
            name: "ack-without-config",
            fromAgent: ["backup_completed": 2, "discovery": 1, "heartbeat": 2, "job_update": 1, "register": 2],
            fromServer: ["config_update": 1, "register_ack": 2, "run_backup": 3], connections: [[1, 0], [1, 90]],
            dispatched: 3, completed: 2, failedOnly: 1, configVersions: [90, 90], lastHeartbeat: 90,
            anomalies: ["process_restart": 1]),
        CaptureFacts(
            name: "lower-config-version", fromAgent: ["discovery": 2, "heartbeat": 4, "register": 4],
            fromServer: ["register_ack": 4], connections: [[1, 0], [4, 90], [6, 90], [1, 50]],
            configVersions: [90, 50, 50, 50], lastHeartbeat: 50,
            anomalies: ["config_not_applied": 2, "process_restart": 1]),
        CaptureFacts(
            name: "idle-timeout", fromAgent: ["discovery": 1, "heartbeat": 4, "register": 2],
            fromServer: ["register_ack": 2], connections: [[1, 0], [7, 1]], configVersions: [1, 1], lastHeartbeat: 1),
        CaptureFacts(
            name: "backlog-hang", fromAgent: ["discovery": 1, "heartbeat": 1, "register": 2],
            fromServer: ["other": 1, "register_ack": 2, "run_backup": 90], connections: [[1, 0], [94, 70]],
            dispatched: 90, unanswered: 90, configVersions: [70, 70], lastHeartbeat: 70,
            anomalies: ["backlog_hang": 1]),
        CaptureFacts(
            name: "unreported-failure", fromAgent: ["discovery": 1, "heartbeat": 1, "register": 1],
            fromServer: ["register_ack": 1, "run_backup": 1], connections: [[1, 0]], dispatched: 1, unanswered: 1,
            configVersions: [1], lastHeartbeat: 1),
    ]
}
