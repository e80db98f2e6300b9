public import Core
import SwiftProtobuf

/// All that an agent has to know: its targets, jobs and checks in the order of their creation, and its settings.
///
/// Holds passwords in clear: never logged, never recorded.
public struct AgentConfiguration: Sendable {
    let message: WireAgentConfig

    /// The version that heartbeats will speak of once it is applied.
    public var version: UInt64 { message.version }

    /// The configuration of an agent as the state has it.
    ///
    /// - Parameter password: The clear text of a password by the vault's name for it; nil when the vault has none.
    ///   References (`env:`, `file:`) go out as they are, since the agent looks them up on its own host.
    /// - Throws: ``ConfigurationError`` when the agent is unknown or a password is missing.
    public init(
        of agent: AgentID, in state: borrowing Fleet.State, password: (Text) -> String?
    ) throws(ConfigurationError) {
        guard let owner = state.agents[agent] else { throw .unknownAgent(agent) }
        var targets: [WireTarget] = []
        for id in owner.targets {
            guard let target = state.targets[id] else { continue }
            var clear = ""
            switch target.spec.password {
            case .none: break
            case .reference(let text): clear = text.string
            case .vault(let name):
                guard let found = password(name) else { throw .missingPassword(id, name: name) }
                clear = found
            }
            targets.append(WireTarget(id, target.spec, password: clear))
        }
        var jobs: [WireBackupJobSpec] = []
        for id in owner.jobs { if let job = state.jobs[id] { jobs.append(WireBackupJobSpec(id, job)) } }
        var checks: [WireHealthCheckSpec] = []
        for id in owner.checks {
            // The wire knows no pause: to the agent, a check that is paused is not there.
            if let check = state.checks[id], !check.spec.isPaused { checks.append(WireHealthCheckSpec(id, check.spec)) }
        }
        let settings = owner.settings
        message = .with { [targets, jobs, checks] in
            $0.version = owner.configVersion
            $0.targets = targets
            $0.jobs = jobs
            $0.healthChecks = checks
            if !settings.maintenanceStart.isEmpty {
                $0.maintenance.startUtc = settings.maintenanceStart.string
                $0.maintenance.endUtc = settings.maintenanceEnd.string
            }
            $0.advanced.maxParallelJobs = settings.maxParallelJobs
            $0.advanced.logLevel = settings.logLevel.string
            $0.advanced.autoUpdateEnabled = settings.autoUpdate
        }
    }
}

/// Why an agent's configuration cannot be put together.
public enum ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The state has no such agent.
    case unknownAgent(AgentID)
    /// The vault has no password of that name.
    case missingPassword(TargetID, name: Text)

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .unknownAgent(let agent): "there is no agent \(agent)"
        case .missingPassword(let target, let name):
            "the vault has no “\(name)”, the password of \(target). Set the target's password again."
        }
    }
}

extension WireTarget {
    init(_ id: TargetID, _ spec: TargetSpec, password: String) {
        self.init()
        self.id = id.text.string
        type = WireDbType(rawValue: Int(spec.type.rawValue)) ?? .dbUnspecified
        displayName = spec.displayName.string
        connection.host = spec.host.string
        connection.port = spec.port
        connection.database = spec.database.string
        connection.username = spec.username.string
        connection.passwordSecretRef = password
        connection.containerID = spec.containerID.string
        connection.strategy = WireConnectionStrategy(rawValue: Int(spec.strategy.rawValue)) ?? .tcp
    }
}

extension WireBackupJobSpec {
    init(_ id: JobID, _ job: Job) {
        self.init()
        self.id = id.text.string
        targetID = job.target.text.string
        cron = job.spec.cron.string
        retentionDays = job.spec.retentionDays
        compression = job.spec.compression.string
        encryptionEnabled = true
        preHooks = job.spec.preHooks.map(\.string)
        postHooks = job.spec.postHooks.map(\.string)
        if job.spec.maxAttempts > 0 || !job.spec.backoffSeconds.isEmpty {
            retry.maxAttempts = job.spec.maxAttempts
            retry.backoffSeconds = job.spec.backoffSeconds
        }
        timeoutSec = job.spec.timeoutSeconds
    }
}

extension WireHealthCheckSpec {
    init(_ id: CheckID, _ spec: CheckSpec) {
        self.init()
        self.id = id.text.string
        name = spec.name.string
        type = WireCheckType(rawValue: Int(spec.kind.rawValue)) ?? .http
        target = spec.target.string
        intervalSec = spec.intervalSeconds
        timeoutSec = spec.timeoutSeconds
        expectedStatus = spec.expectedStatus
    }
}
