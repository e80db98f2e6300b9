import Core

/// An anomaly as it is kept for reading: what its entry says, and when.
struct AnomalyDetail: Hashable, Codable {
    var agent: Text
    var kind: Text
    var run: Text?
    var detail: Text
    var recordedAt: Timestamp
    var position: UInt64

    private enum CodingKeys: String, CodingKey {
        case agent = "agent_id"
        case kind
        case run = "run_id"
        case detail
        case recordedAt = "created_at"
        case position
    }

    init(_ anomaly: Anomaly, _ entry: Entry<Fleet.Message>) {
        agent = anomaly.agent.text
        kind = Text(anomaly.kind.rawValue)
        run = anomaly.run?.text
        detail = anomaly.detail
        recordedAt = entry.recordedAt
        position = entry.position.number
    }

    var json: JSON {
        [
            "position": .integer(position), "recorded_at": Moment.json(recordedAt), "agent_id": .string(agent.string),
            "kind": .string(kind.string), "run_id": AgentJSON.text(run), "detail": .string(detail.string),
            "remedy": .string(Anomaly.Kind(rawValue: kind.string)?.remedy ?? ""),
        ]
    }
}
