extension Fleet {
    /// What a new result of a check calls for.
    static func judge(_ id: CheckID, _ entry: Entry<Message>, in state: borrowing State) -> [Message] {
        guard let check = state.checks[id] else { return [] }
        var messages: [Message] = []
        if let phase = check.duePhase {
            let grounds = check.streakBegan.map { $0 == entry.position ? [] : [$0] } ?? []
            messages.append(.judged(id, .became(phase, grounds: grounds)))
        }
        if let decision = check.dueCertificate { messages.append(.judged(id, decision)) }
        return messages
    }

    /// What a change of a check calls for. New thresholds count from the next result on: those there are may be old.
    static func judgeChange(_ id: CheckID, in state: borrowing State) -> [Message] {
        guard let check = state.checks[id] else { return [] }
        var messages: [Message] = []
        if let reason = check.dueIgnorance { messages.append(.judged(id, .became(.unknown(reason), grounds: []))) }
        if let decision = check.dueCertificate { messages.append(.judged(id, decision)) }
        return messages
    }

    /// Nothing was heard of a check for too long: it is unknown, whatever it was, and never down for that.
    static func lose(_ id: CheckID, in state: borrowing State) -> [Message] {
        guard let check = state.checks[id] else { return [] }
        let reason: Check.Ignorance
        if let agent = check.agent {
            let session = state.agents[agent]?.session
            reason = session.map { $0.runsChecks ? .silent : .unsupported } ?? .agentAway
        } else {
            reason = .silent
        }
        return check.phase == .unknown(reason) ? [] : [.judged(id, .became(.unknown(reason), grounds: []))]
    }

    /// The command that probes a check now; none while it is being probed, or cannot be.
    static func probe(_ id: CheckID, in state: borrowing State) -> [Message] {
        guard let check = state.checks[id], !check.spec.isPaused else { return [] }
        guard let agent = check.agent else { return check.probe != nil ? [] : [.command(.probeTarget(id))] }
        return state.agents[agent]?.session?.runsChecks == true ? [.command(.runCheck(agent, id))] : []
    }
}

extension Check {
    /// Why nothing can be known from now on; nil when that is no news, or something is.
    fileprivate var dueIgnorance: Ignorance? {
        switch phase {
        case .unknown(.paused): spec.isPaused ? nil : .new
        case .unknown(.forbidden): spec.isPaused ? .paused : last == nil ? .new : nil
        case .unknown: spec.isPaused ? .paused : nil
        case .up, .down, .flapping: spec.isPaused ? .paused : last == nil ? .new : nil
        }
    }
}

extension Agent.Session {
    /// Whether the agent runs health checks. Agents of version 1 without the extension only log what they are told.
    public var runsChecks: Bool { extensions.contains(ProtocolExtension.healthDetail) }
}
