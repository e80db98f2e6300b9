/// How large an agent's configuration can get on the wire: never less than it is, and little more.
///
/// An agent takes frames of at most 4 MiB and closes the connection over a larger one, again and again. So what would
/// make its configuration larger is refused when it is asked for. Source: protocol of version 1, 1.3.
public enum ConfigurationSize {
    /// What a frame may have.
    public static let limit: UInt64 = 4_194_304
    /// The longest password, in bytes, that the REST interface takes: its length is not known here.
    public static let password: UInt64 = 4_096
    /// Envelope, RegisterAck, version, and settings but for their texts.
    static let base: UInt64 = 512

    /// The configuration of an agent as the state has it.
    public static func byteCount(of id: AgentID, in state: borrowing Fleet.State) -> UInt64 {
        guard let agent = state.agents[id] else { return 0 }
        var sum = byteCount(of: agent.settings)
        for id in agent.targets { if let target = state.targets[id] { sum += byteCount(of: target.spec, id) } }
        for id in agent.jobs { if let job = state.jobs[id] { sum += byteCount(of: job.spec, id, job.target) } }
        for id in agent.checks { if let check = state.checks[id] { sum += byteCount(of: check.spec, id) } }
        return sum
    }

    static func byteCount(of settings: AgentSettings) -> UInt64 {
        base + text(settings.maintenanceStart) + text(settings.maintenanceEnd) + text(settings.logLevel)
    }

    static func byteCount(of spec: TargetSpec, _ id: TargetID) -> UInt64 {
        let password: UInt64 =
            switch spec.password {
            case .none: 0
            case .vault: field(Self.password)
            case .reference(let reference): text(reference)
            }
        let connection =
            text(spec.host) + number(spec.port) + text(spec.database) + text(spec.username) + password
            + text(spec.containerID) + number
        return field(text(id.text) + number + text(spec.displayName) + field(connection))
    }

    static func byteCount(of spec: JobSpec, _ id: JobID, _ target: TargetID) -> UInt64 {
        var sum = text(id.text) + text(target.text) + text(spec.cron) + 4 * number + text(spec.compression)
        for hook in spec.preHooks { sum += text(hook) }
        for hook in spec.postHooks { sum += text(hook) }
        // The policy: a number, and the waits in one packed field.
        sum += field(number + field(UInt64(spec.backoffSeconds.count) * number))
        return field(sum)
    }

    static func byteCount(of spec: CheckSpec, _ id: CheckID) -> UInt64 {
        field(text(id.text) + text(spec.name) + text(spec.target) + 4 * number)
    }

    /// A field with a length: its key of at most 2 bytes and a length of at most 5.
    private static func field(_ content: UInt64) -> UInt64 { content + 7 }
    private static func text(_ text: Text) -> UInt64 { field(UInt64(text.byteCount)) }
    private static func number(_ value: UInt32) -> UInt64 { number }
    /// A number of 32 bits with its key.
    private static let number: UInt64 = 7
}

extension Fleet {
    /// The refusal of what would make an agent's configuration larger than its frames may be; nil when it does not.
    static func excess(of acceptance: Acceptance, in state: borrowing State) -> Refusal? {
        let (agent, former, new): (AgentID, UInt64, UInt64)
        switch acceptance {
        case .agentConfigured(let id, let settings):
            agent = id
            former = state.agents[id].map { ConfigurationSize.byteCount(of: $0.settings) } ?? 0
            new = ConfigurationSize.byteCount(of: settings)
        case .targetCreated(let id, let owner, let spec):
            (agent, former, new) = (owner, 0, ConfigurationSize.byteCount(of: spec, id))
        case .targetChanged(let id, let spec):
            guard let target = state.targets[id] else { return nil }
            (agent, former) = (target.agent, ConfigurationSize.byteCount(of: target.spec, id))
            new = ConfigurationSize.byteCount(of: spec, id)
        case .jobCreated(let id, let owner, let target, let spec):
            (agent, former, new) = (owner, 0, ConfigurationSize.byteCount(of: spec, id, target))
        case .jobChanged(let id, let spec):
            guard let job = state.jobs[id] else { return nil }
            (agent, former) = (job.agent, ConfigurationSize.byteCount(of: job.spec, id, job.target))
            new = ConfigurationSize.byteCount(of: spec, id, job.target)
        case .checkCreated(let id, .some(let owner), let spec):
            (agent, former, new) = (owner, 0, ConfigurationSize.byteCount(of: spec, id))
        case .checkChanged(let id, let spec):
            guard let check = state.checks[id], let owner = check.agent else { return nil }
            (agent, former) = (owner, ConfigurationSize.byteCount(of: check.spec, id))
            new = ConfigurationSize.byteCount(of: spec, id)
        case .checkCreated(_, nil, _), .checkRunRequested, .agentCreated, .agentRenamed, .agentDeleted, .keyRotated,
            .targetDeleted, .policyChanged, .runLocked, .runUnlocked, .clockConfirmed, .jobDeleted, .runQueued,
            .cancelRequested, .runDeletionRequested, .tokenIssued, .checkDeleted,
            .tokenCreated, .tokenDeleted, .alertAcknowledged, .repeated:
            return nil
        }
        guard new > former else { return nil }
        // Added as a difference: of an agent that a damaged log never created, there is less than `former`.
        let sum = ConfigurationSize.byteCount(of: agent, in: state) + (new - former)
        guard sum > ConfigurationSize.limit else { return nil }
        return Refusal(
            code: .conflict,
            text: Text(
                "the configuration of \(agent) would have up to \(sum) bytes, and an agent takes \(ConfigurationSize.limit); "
                    + "shorten or delete hooks, or give some targets to a second agent"))
    }
}
