import Core
import Foundation
import SwiftProtobuf

extension RecordFleetPassword {
    init(_ password: TargetSpec.Password) {
        self.init()
        switch password {
        case .none: break
        case .vault(let name): vault = name.string
        case .reference(let text): reference = text.string
        }
    }
}

extension TargetSpec.Password {
    init(_ record: RecordFleetPassword) throws(RecordProblem) {
        switch record.source {
        case .vault(let name): self = .vault(Text(name))
        case .reference(let text): self = .reference(Text(text))
        case nil:
            guard record.unknownFields.data.isEmpty else { throw .unknown("source of a password") }
            self = .none
        }
    }
}

extension TargetSpec.DatabaseType {
    init(record number: UInt32) throws(RecordProblem) {
        guard let raw = UInt8(exactly: number), let type = Self(rawValue: raw) else { throw .unknown("database type") }
        self = type
    }
}

extension TargetSpec.Strategy {
    init(record number: UInt32) throws(RecordProblem) {
        guard let raw = UInt8(exactly: number), let strategy = Self(rawValue: raw) else {
            throw .unknown("connection strategy")
        }
        self = strategy
    }
}

extension RecordFleetTarget {
    init(_ id: TargetID, agent: AgentID? = nil, _ spec: TargetSpec) {
        self.init()
        target = id.text.string
        self.agent = agent?.text.string ?? ""
        type = UInt32(spec.type.rawValue)
        displayName = spec.displayName.string
        host = spec.host.string
        port = spec.port
        database = spec.database.string
        username = spec.username.string
        password = RecordFleetPassword(spec.password)
        containerID = spec.containerID.string
        strategy = UInt32(spec.strategy.rawValue)
    }

    var targetID: TargetID { TargetID(Text(target)) }
    var agentID: AgentID { AgentID(Text(agent)) }
}

extension TargetSpec {
    init(_ record: RecordFleetTarget) throws(RecordProblem) {
        self.init()
        type = try DatabaseType(record: record.type)
        displayName = Text(record.displayName)
        host = Text(record.host)
        port = record.port
        database = Text(record.database)
        username = Text(record.username)
        password = try Password(record.password)
        containerID = Text(record.containerID)
        strategy = try Strategy(record: record.strategy)
    }
}

extension RecordFleetTargetChange {
    init(_ id: TargetID, agent: AgentID? = nil, _ fields: [TargetField]) {
        self.init()
        target = id.text.string
        self.agent = agent?.text.string ?? ""
        self.fields = fields.map(RecordFleetTargetField.init(_:))
    }

    var targetID: TargetID { TargetID(Text(target)) }
    var agentID: AgentID { AgentID(Text(agent)) }
}

extension RecordFleetTargetField {
    init(_ field: TargetField) {
        self.init()
        self.field =
            switch field {
            case .type(let value): .type(UInt32(value.rawValue))
            case .displayName(let value): .displayName(value.string)
            case .host(let value): .host(value.string)
            case .port(let value): .port(value)
            case .database(let value): .database(value.string)
            case .username(let value): .username(value.string)
            case .password(let value): .password(RecordFleetPassword(value))
            case .containerID(let value): .containerID(value.string)
            case .strategy(let value): .strategy(UInt32(value.rawValue))
            }
    }
}

extension TargetField {
    init(_ record: RecordFleetTargetField) throws(RecordProblem) {
        switch record.field {
        case .type(let value): self = .type(try TargetSpec.DatabaseType(record: value))
        case .displayName(let value): self = .displayName(Text(value))
        case .host(let value): self = .host(Text(value))
        case .port(let value): self = .port(value)
        case .database(let value): self = .database(Text(value))
        case .username(let value): self = .username(Text(value))
        case .password(let value): self = .password(try TargetSpec.Password(value))
        case .containerID(let value): self = .containerID(Text(value))
        case .strategy(let value): self = .strategy(try TargetSpec.Strategy(record: value))
        case nil: throw .unknown("field of a target")
        }
    }
}
