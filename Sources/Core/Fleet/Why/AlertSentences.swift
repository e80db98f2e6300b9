extension Fleet {
    static func sentence(for decision: AlertDecision) -> String {
        let alert = "Alert \(decision.id) (\(words(for: decision.key)))"
        return switch decision.step {
        case .opened: ended("\(alert) was opened: \(decision.detail)")
        case .repeated: ended("\(alert) happened again: \(decision.detail)")
        case .reminded: ended("\(alert) still is open, and nobody has taken note of it: \(decision.detail)")
        case .resolved: ended("\(alert) is over: \(decision.detail)")
        }
    }

    private static func words(for key: AlertKey) -> String {
        switch key.kind {
        case .slotMissed: "job \(key.subject) missed a time of its schedule, and has kept none since"
        case .runFailed: "job \(key.subject) has no good backup since its last failure"
        case .runLate: "run \(key.subject) is late"
        case .agentLost: "agent \(key.subject) is out of reach"
        case .identityConflict: "the key of agent \(key.subject) is on two machines"
        case .configNotApplied: "agent \(key.subject) has not applied its configuration"
        case .checkDown: "health check \(key.subject) is down"
        case .checkFlapping: "health check \(key.subject) is flapping"
        case .certificateExpiring: "the certificate behind health check \(key.subject) ends soon"
        case .objectVanished: "objects of job \(key.subject) are missing from the store"
        case .serverDiskFull: "the disk of the control plane is full, or nearly so"
        case .clockBehind: "the wall clock is far behind the log"
        case .clockAhead: "the wall clock jumped far ahead"
        case .diskFull: "the disk of agent \(key.subject) is nearly full"
        }
    }
}
