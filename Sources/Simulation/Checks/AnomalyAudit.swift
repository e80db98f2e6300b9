import Core

/// Compares the anomalies on the control plane's log with what was really the matter with its agents. A world without
/// hazards says that while it happens; in others the audit means nothing.
struct AnomalyAudit: Sendable {
    /// An anomaly of an agent, and when it was or should have been told.
    struct Finding: Hashable, Sendable, CustomStringConvertible {
        var agent: AgentID
        var kind: Anomaly.Kind
        var from: Timestamp
        var until: Timestamp
        var detail: Text = ""

        var description: String { "\(kind.rawValue) of \(agent) at \(from) \(detail)" }

        fileprivate func covers(_ other: Finding) -> Bool {
            agent == other.agent && kind == other.kind && from <= other.from && other.from <= until
        }
    }

    /// Weaknesses that showed: each must be named in its time.
    private(set) var shown: [Finding] = []
    /// What may be told, since it is true.
    private var explanations: [Finding] = []
    /// What was told.
    private var told: [Finding] = []
    /// Connections, from Register to close.
    private(set) var sessionCount = 0

    /// What is the matter with an agent may be told in this time.
    mutating func explain(_ kind: Anomaly.Kind, of agent: AgentID, from: Timestamp, until: Timestamp) {
        explanations.append(Finding(agent: agent, kind: kind, from: from, until: until))
    }

    /// An agent's weakness shows, and must be told in this time.
    mutating func expect(_ kind: Anomaly.Kind, of agent: AgentID, from: Timestamp, until: Timestamp) {
        explain(kind, of: agent, from: from, until: until)
        shown.append(Finding(agent: agent, kind: kind, from: from, until: until))
    }

    /// Looks at an entry of the log.
    mutating func take(_ entry: Entry<Fleet.Message>) {
        switch entry.message {
        case .sessionOpened: sessionCount += 1
        case .noted(let anomaly):
            let moment = entry.recordedAt
            told.append(
                Finding(agent: anomaly.agent, kind: anomaly.kind, from: moment, until: moment, detail: anomaly.detail))
        default: break
        }
    }

    /// What showed and was not named in time.
    var missed: [Finding] { shown.filter { finding in !told.contains { finding.covers($0) } } }

    /// What was told of agents with which nothing of the kind was the matter.
    var baseless: [Finding] { told.filter { finding in !explanations.contains { $0.covers(finding) } } }
}
