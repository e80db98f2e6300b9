import Core

extension RecordFleetPolicy {
    init(_ policy: FleetPolicy) {
        self.init()
        startsPerSecond = policy.startsPerSecond
    }
}

extension FleetPolicy {
    init(_ record: RecordFleetPolicy) {
        self.init()
        startsPerSecond = record.startsPerSecond
    }
}

extension RecordFleetPolicyField {
    init(_ field: FleetPolicyField) {
        self.init()
        self.field =
            switch field {
            case .startsPerSecond(let value): .startsPerSecond(value)
            }
    }
}

extension FleetPolicyField {
    init(_ record: RecordFleetPolicyField) throws(RecordProblem) {
        switch record.field {
        case .startsPerSecond(let value): self = .startsPerSecond(value)
        case nil: throw .unknown("field of what holds for the whole fleet")
        }
    }
}
