import Core

extension RecordFleetCheck {
    init(_ id: CheckID, _ agent: AgentID?, _ spec: CheckSpec) {
        self.init()
        check = id.text.string
        if let agent { self.agent = agent.text.string }
        name = spec.name.string
        kind = UInt32(spec.kind.rawValue)
        target = spec.target.string
        intervalSeconds = spec.intervalSeconds
        timeoutSeconds = spec.timeoutSeconds
        expectedStatus = spec.expectedStatus
    }

    var checkID: CheckID { CheckID(Text(check)) }
    var prober: AgentID? { hasAgent ? AgentID(Text(agent)) : nil }
}

extension CheckSpec {
    init(_ record: RecordFleetCheck) throws(RecordProblem) {
        guard let raw = UInt8(exactly: record.kind), let kind = Kind(rawValue: raw) else {
            throw .unknown("kind of check")
        }
        self.init(
            name: Text(record.name), kind: kind, target: Text(record.target), intervalSeconds: record.intervalSeconds,
            timeoutSeconds: record.timeoutSeconds, expectedStatus: record.expectedStatus)
    }
}
