import Core
import Foundation
import SwiftProtobuf

extension RecordFleetTicket {
    init(_ ticket: Ticket) {
        self.init()
        token = ticket.token.string
        if ticket.role != .admin { role = ticket.role.rawValue }
        if let position = ticket.expected { expected = position.number }
        if let question = ticket.idempotency {
            idempotency = .with {
                $0.key = question.key.string
                $0.bodyDigest = Data(question.bodyDigest)
            }
        }
    }
}

extension Ticket {
    init(_ record: RecordFleetTicket) throws(RecordProblem) {
        self.init(
            token: Text(record.token), role: record.role.isEmpty ? .admin : try Role(record: record.role),
            idempotency: record.hasIdempotency
                ? Idempotency(key: Text(record.idempotency.key), bodyDigest: [UInt8](record.idempotency.bodyDigest))
                : nil,
            expected: record.hasExpected ? Position(record.expected) : nil)
    }
}

extension RecordFleetAgentRecord {
    init(_ agent: AgentID, name: Text = "", keyDigest: [UInt8] = []) {
        self.init()
        self.agent = agent.text.string
        self.name = name.string
        self.keyDigest = Data(keyDigest)
    }

    var id: AgentID { AgentID(Text(agent)) }
}

extension Role {
    init(record: String) throws(RecordProblem) {
        guard let role = Role(rawValue: record) else { throw .unknown("role") }
        self = role
    }
}

extension RecordFleetToken {
    init(_ id: TokenID, _ spec: APITokenSpec) {
        self.init()
        token = id.text.string
        name = spec.name.string
        role = spec.role.rawValue
        digest = Data(spec.digest)
        if let expiry = spec.expiresAt { expiresAtMs = expiry.milliseconds }
    }
}

extension APITokenSpec {
    init(_ record: RecordFleetToken) throws(RecordProblem) {
        self.init(
            name: Text(record.name), role: try Role(record: record.role), digest: [UInt8](record.digest),
            expiresAt: record.hasExpiresAtMs ? Timestamp(milliseconds: record.expiresAtMs) : nil)
    }
}

extension RecordFleetRequest {
    init(_ request: Request, _ ticket: Ticket) {
        self.init()
        self.ticket = RecordFleetTicket(ticket)
        self.request =
            switch request {
            case .createAgent(let id, let name, let digest):
                .createAgent(RecordFleetAgentRecord(id, name: name, keyDigest: digest))
            case .renameAgent(let id, let name): .renameAgent(RecordFleetAgentRecord(id, name: name))
            case .deleteAgent(let id): .deleteAgent(id.text.string)
            case .rotateKey(let id, let digest): .rotateKey(RecordFleetAgentRecord(id, keyDigest: digest))
            case .configureAgent(let id, let fields):
                .configureAgent(
                    .with {
                        $0.agent = id.text.string
                        $0.fields = fields.map(RecordFleetSettingsField.init(_:))
                    })
            case .createTarget(let id, let agent, let fields):
                .createTarget(RecordFleetTargetChange(id, agent: agent, fields))
            case .changeTarget(let id, let fields): .changeTarget(RecordFleetTargetChange(id, fields))
            case .deleteTarget(let id): .deleteTarget(id.text.string)
            case .createJob(let id, let agent, let target, let fields):
                .createJob(RecordFleetJobChange(id, agent: agent, target: target, fields))
            case .changeJob(let id, let fields): .changeJob(RecordFleetJobChange(id, fields))
            case .deleteJob(let id): .deleteJob(id.text.string)
            case .runJob(let run, let job):
                .runJob(
                    .with {
                        $0.run = run.text.string
                        $0.job = job.text.string
                    })
            case .cancelRun(let id): .cancelRun(id.text.string)
            case .deleteRun(let id): .deleteRun(id.text.string)
            case .lockRun(let id, let until, let reason):
                .lockRun(RecordFleetLock(id, until: until, reason: reason))
            case .unlockRun(let id): .unlockRun(id.text.string)
            case .issueDecryptionToken(let id): .issueDecryptionToken(id.text.string)
            case .createCheck(let id, let agent, let spec): .createCheck(RecordFleetCheck(id, agent, spec))
            case .changeCheck(let id, let fields): .changeCheck(RecordFleetCheckChange(id, fields))
            case .deleteCheck(let id): .deleteCheck(id.text.string)
            case .runCheck(let id): .runCheck(id.text.string)
            case .createToken(let id, let spec): .createToken(RecordFleetToken(id, spec))
            case .deleteToken(let id): .deleteToken(id.text.string)
            case .changePolicy(let fields):
                .changePolicy(.with { $0.fields = fields.map(RecordFleetPolicyField.init(_:)) })
            case .acknowledgeAlert(let id): .acknowledgeAlert(id.text.string)
            case .confirmClock: .confirmClock(RecordFleetNothing())
            }
    }
}

extension Request {
    init(_ record: RecordFleetRequest) throws(RecordProblem) {
        switch record.request {
        case .createAgent(let it):
            self = .createAgent(it.id, name: Text(it.name), keyDigest: [UInt8](it.keyDigest))
        case .renameAgent(let it): self = .renameAgent(it.id, name: Text(it.name))
        case .deleteAgent(let id): self = .deleteAgent(AgentID(Text(id)))
        case .rotateKey(let it): self = .rotateKey(it.id, keyDigest: [UInt8](it.keyDigest))
        case .configureAgent(let it):
            self = .configureAgent(AgentID(Text(it.agent)), try all(it.fields, SettingsField.init(_:)))
        case .createTarget(let it):
            self = .createTarget(it.targetID, it.agentID, try all(it.fields, TargetField.init(_:)))
        case .changeTarget(let it): self = .changeTarget(it.targetID, try all(it.fields, TargetField.init(_:)))
        case .deleteTarget(let id): self = .deleteTarget(TargetID(Text(id)))
        case .createJob(let it):
            self = .createJob(it.jobID, it.agentID, it.targetID, try all(it.fields, JobField.init(_:)))
        case .changeJob(let it): self = .changeJob(it.jobID, try all(it.fields, JobField.init(_:)))
        case .deleteJob(let id): self = .deleteJob(JobID(Text(id)))
        case .runJob(let it): self = .runJob(RunID(Text(it.run)), JobID(Text(it.job)))
        case .cancelRun(let id): self = .cancelRun(RunID(Text(id)))
        case .deleteRun(let id): self = .deleteRun(RunID(Text(id)))
        case .lockRun(let it): self = .lockRun(it.runID, until: it.until, reason: Text(it.reason))
        case .unlockRun(let id): self = .unlockRun(RunID(Text(id)))
        case .issueDecryptionToken(let id): self = .issueDecryptionToken(RunID(Text(id)))
        case .createCheck(let it): self = .createCheck(it.checkID, it.prober, try CheckSpec(it))
        case .changeCheck(let it):
            self = .changeCheck(CheckID(Text(it.check)), try all(it.fields, CheckField.init(_:)))
        case .runCheck(let id): self = .runCheck(CheckID(Text(id)))
        case .deleteCheck(let id): self = .deleteCheck(CheckID(Text(id)))
        case .createToken(let it): self = .createToken(TokenID(Text(it.token)), try APITokenSpec(it))
        case .deleteToken(let id): self = .deleteToken(TokenID(Text(id)))
        case .changePolicy(let it): self = .changePolicy(try all(it.fields, FleetPolicyField.init(_:)))
        case .acknowledgeAlert(let id): self = .acknowledgeAlert(AlertID(Text(id)))
        case .confirmClock: self = .confirmClock
        case nil: throw .unknown("request")
        }
    }
}
