import Core

/// An alert as it is kept for reading, from its opening on.
struct AlertDetail: Hashable, Codable {
    /// How it stands.
    enum State: String, Codable, CaseIterable {
        case open, resolved
    }

    var id: Text
    var kind: Text
    var subject: Text
    var agent: Text?
    var state = State.open
    var detail: Text
    var openedAt: Timestamp
    var position: UInt64
    var count: UInt64 = 1
    var lastAt: Timestamp
    var lastPosition: UInt64
    var acknowledgedAt: Timestamp?
    var acknowledgedBy: Text?
    var resolvedAt: Timestamp?
    var resolution: Text?

    private enum CodingKeys: String, CodingKey {
        case id, kind, subject
        case agent = "agent_id"
        case state, detail
        case openedAt = "created_at"
        case position, count
        case lastAt = "last_at"
        case lastPosition = "last_position"
        case acknowledgedAt = "acknowledged_at"
        case acknowledgedBy = "acknowledged_by"
        case resolvedAt = "resolved_at"
        case resolution
    }

    /// The alert that an entry is about; nil when it is about none.
    static func id(in message: Fleet.Message) -> AlertID? {
        switch message {
        case .alerted(let decision): decision.id
        case .accepted(.alertAcknowledged(let id, _), _): id
        default: nil
        }
    }

    init(_ decision: AlertDecision, _ entry: Entry<Fleet.Message>) {
        id = decision.id.text
        kind = Text(decision.key.kind.rawValue)
        subject = decision.key.subject
        agent = decision.agent?.text
        detail = decision.detail
        openedAt = entry.recordedAt
        position = entry.position.number
        lastAt = entry.recordedAt
        lastPosition = entry.position.number
    }

    mutating func fold(_ entry: Entry<Fleet.Message>) {
        switch entry.message {
        case .alerted(let decision):
            switch decision.step {
            case .opened, .reminded: break
            case .repeated:
                count += 1
                detail = decision.detail
                lastAt = entry.recordedAt
                lastPosition = entry.position.number
            case .resolved:
                state = .resolved
                resolvedAt = entry.recordedAt
                resolution = decision.detail
            }
        case .accepted(.alertAcknowledged, let ticket):
            acknowledgedAt = entry.recordedAt
            acknowledgedBy = ticket.token
        default:
            break
        }
    }

    var json: JSON {
        [
            "id": .string(id.string), "kind": .string(kind.string), "state": .string(state.rawValue),
            "subject": .string(subject.string), "agent_id": AgentJSON.text(agent), "detail": .string(detail.string),
            "remedy": .string(Alert.Kind(rawValue: kind.string)?.remedy ?? ""), "count": .integer(count),
            "opened_at": Moment.json(openedAt), "last_at": Moment.json(lastAt),
            "acknowledged_at": Moment.json(acknowledgedAt), "acknowledged_by": AgentJSON.text(acknowledgedBy),
            "resolved_at": Moment.json(resolvedAt), "resolution": AgentJSON.text(resolution),
            "position": .integer(position), "last_position": .integer(lastPosition),
        ]
    }
}
