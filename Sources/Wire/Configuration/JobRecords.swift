import Core
import SwiftProtobuf

extension RecordFleetJob {
    init(_ id: JobID, agent: AgentID? = nil, target: TargetID? = nil, _ spec: JobSpec) {
        self.init()
        job = id.text.string
        self.agent = agent?.text.string ?? ""
        self.target = target?.text.string ?? ""
        cron = spec.cron.string
        retentionDays = spec.retentionDays
        compression = spec.compression.string
        preHooks = spec.preHooks.map(\.string)
        postHooks = spec.postHooks.map(\.string)
        maxAttempts = spec.maxAttempts
        backoffSeconds = spec.backoffSeconds
        timeoutSeconds = spec.timeoutSeconds
        timeZone = spec.timeZone.string
        jitterSeconds = spec.jitterSeconds
        overlap = spec.overlap.rawValue
        catchUpSeconds = spec.catchUpSeconds
        keeps = RetentionRule.Count.allCases.filter { spec.retention[$0] > 0 }.map {
            RecordFleetKeep($0, spec.retention[$0])
        }
    }

    var jobID: JobID { JobID(Text(job)) }
    var agentID: AgentID { AgentID(Text(agent)) }
    var targetID: TargetID { TargetID(Text(target)) }
}

extension JobSpec {
    init(_ record: RecordFleetJob) throws(RecordProblem) {
        self.init()
        cron = Text(record.cron)
        retentionDays = record.retentionDays
        compression = Text(record.compression)
        preHooks = record.preHooks.map(Text.init(_:))
        postHooks = record.postHooks.map(Text.init(_:))
        maxAttempts = record.maxAttempts
        backoffSeconds = record.backoffSeconds
        timeoutSeconds = record.timeoutSeconds
        if !record.timeZone.isEmpty { timeZone = Text(record.timeZone) }
        jitterSeconds = record.jitterSeconds
        if !record.overlap.isEmpty { overlap = try Overlap(record: record.overlap) }
        if record.hasCatchUpSeconds { catchUpSeconds = record.catchUpSeconds }
        for keep in record.keeps { retention[try RetentionRule.Count(keep)] = keep.count }
    }
}

extension RecordFleetJobChange {
    init(_ id: JobID, agent: AgentID? = nil, target: TargetID? = nil, _ fields: [JobField]) {
        self.init()
        job = id.text.string
        self.agent = agent?.text.string ?? ""
        self.target = target?.text.string ?? ""
        self.fields = fields.map(RecordFleetJobField.init(_:))
    }

    var jobID: JobID { JobID(Text(job)) }
    var agentID: AgentID { AgentID(Text(agent)) }
    var targetID: TargetID { TargetID(Text(target)) }
}

extension RecordFleetJobField {
    init(_ field: JobField) {
        self.init()
        self.field =
            switch field {
            case .cron(let value): .cron(value.string)
            case .retentionDays(let value): .retentionDays(value)
            case .compression(let value): .compression(value.string)
            case .preHooks(let value): .preHooks(.with { $0.texts = value.map(\.string) })
            case .postHooks(let value): .postHooks(.with { $0.texts = value.map(\.string) })
            case .maxAttempts(let value): .maxAttempts(value)
            case .backoffSeconds(let value): .backoffSeconds(.with { $0.numbers = value })
            case .timeoutSeconds(let value): .timeoutSeconds(value)
            case .timeZone(let value): .timeZone(value.string)
            case .jitterSeconds(let value): .jitterSeconds(value)
            case .overlap(let value): .overlap(value.rawValue)
            case .catchUpSeconds(let value): .catchUpSeconds(value)
            case .keep(let part, let count): .keep(RecordFleetKeep(part, count))
            }
    }
}

extension JobField {
    init(_ record: RecordFleetJobField) throws(RecordProblem) {
        switch record.field {
        case .cron(let value): self = .cron(Text(value))
        case .retentionDays(let value): self = .retentionDays(value)
        case .compression(let value): self = .compression(Text(value))
        case .preHooks(let value): self = .preHooks(value.texts.map(Text.init(_:)))
        case .postHooks(let value): self = .postHooks(value.texts.map(Text.init(_:)))
        case .maxAttempts(let value): self = .maxAttempts(value)
        case .backoffSeconds(let value): self = .backoffSeconds(value.numbers)
        case .timeoutSeconds(let value): self = .timeoutSeconds(value)
        case .timeZone(let value): self = .timeZone(Text(value))
        case .jitterSeconds(let value): self = .jitterSeconds(value)
        case .overlap(let value): self = .overlap(try Overlap(record: value))
        case .catchUpSeconds(let value): self = .catchUpSeconds(value)
        case .keep(let value): self = .keep(try RetentionRule.Count(value), value.count)
        case nil: throw .unknown("field of a job")
        }
    }
}

/// All of them, or the first problem. (`map` does not carry typed errors of initialisers through here.)
func all<Record, Value>(
    _ records: [Record], _ decode: (Record) throws(RecordProblem) -> Value
) throws(RecordProblem) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(records.count)
    for record in records { values.append(try decode(record)) }
    return values
}
