import Core

extension RecordFleetAlertReference {
    init(_ key: AlertKey, _ id: AlertID? = nil) {
        self.init()
        if let id { alert = id.text.string }
        kind = key.kind.rawValue
        subject = key.subject.string
    }

    var id: AlertID { AlertID(Text(alert)) }
}

extension AlertKey {
    init(_ record: RecordFleetAlertReference) throws(RecordProblem) {
        guard let kind = Alert.Kind(rawValue: record.kind) else { throw .unknown("kind of alert") }
        self.init(kind, Text(record.subject))
    }
}

extension RecordFleetAlertDecision {
    init(_ decision: AlertDecision) {
        self.init()
        alert = RecordFleetAlertReference(decision.key, decision.id)
        if let agent = decision.agent { self.agent = agent.text.string }
        step = decision.step.rawValue
        detail = decision.detail.string
        grounds = decision.grounds.map(\.number)
    }
}

extension AlertDecision {
    init(_ record: RecordFleetAlertDecision) throws(RecordProblem) {
        guard let step = Step(rawValue: record.step) else { throw .unknown("step of an alert") }
        self.init(
            key: try AlertKey(record.alert), id: record.alert.id,
            agent: record.hasAgent ? AgentID(Text(record.agent)) : nil, step: step, detail: Text(record.detail),
            grounds: record.grounds.map(Position.init(_:)))
    }
}
