extension Fleet.State {
    mutating func createCheck(
        _ id: CheckID, _ agent: AgentID?, _ spec: CheckSpec, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        checks[id] = Check(agent: agent, spec: spec, at: entry.recordedAt)
        if let agent { agents[agent]?.checks.append(id) }
        if !spec.isPaused { armCheck(id, entry) }
        return [.checkChanged(id)] + reconfigure(agent)
    }

    mutating func changeCheck(
        _ id: CheckID, _ spec: CheckSpec, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard let former = checks[id] else { return [] }
        checks[id]?.account(until: entry.recordedAt)
        checks[id]?.spec = spec
        if spec.asksOther(than: former.spec) {
            checks[id]?.forgetResults(at: entry.recordedAt)
            checks[id]?.isProbeOfFormer = former.probe != nil
        } else if former.spec.isPaused {
            checks[id]?.beginAnew(at: entry.recordedAt)
        }
        if spec.isPaused {
            timers.disarm(.check(id))
        } else if former.spec.isPaused || former.spec.intervalSeconds != spec.intervalSeconds {
            armCheck(id, entry)
        }
        return [.checkChanged(id)] + reconfigure(former.agent)
    }

    mutating func deleteCheck(_ id: CheckID) -> [Fleet.Change] {
        let agent = checks[id]?.agent
        dropCheck(id)
        if let agent { agents[agent]?.checks.removeAll { $0 == id } }
        return reconfigure(agent)
    }

    /// Forgets a check whose agent, if it has one, is forgotten or told by somebody else.
    mutating func dropCheck(_ id: CheckID) {
        checks[id] = nil
        timers.disarm(.check(id))
    }

    private mutating func reconfigure(_ agent: AgentID?) -> [Fleet.Change] { agent.map { reconfigure($0) } ?? [] }

    /// A result from an agent. It counts only from the one that the check was given to.
    mutating func hear(
        _ result: HealthResult, isLive: Bool, from agent: AgentID, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard let check = checks[result.check], check.agent == agent, !check.spec.isPaused else { return [] }
        var result = result
        // A clock that once ran ahead must not make all later results look old.
        result.probedAt = min(result.probedAt, entry.recordedAt)
        guard checks[result.check]?.take(result, isLive: isLive, entry.position, at: entry.recordedAt) == true else {
            return []
        }
        timers.arm(.check(result.check), due: entry.recordedAt + check.spec.patience, by: entry.position)
        return [.checked(result.check)]
    }

    /// What the control plane's own probe found.
    mutating func probed(
        _ id: CheckID, _ outcome: CommandOutcome, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard let check = checks[id], check.probe == outcome.position else { return [] }
        checks[id]?.probe = nil
        checks[id]?.isProbeOfFormer = false
        guard case .probed(var found) = outcome.result, check.agent == nil, !check.spec.isPaused,
            !check.isProbeOfFormer
        else { return [] }
        found.check = id
        found.probedAt = min(found.probedAt, entry.recordedAt)
        let isNews = checks[id]?.take(found, isLive: true, entry.position, at: entry.recordedAt) == true
        return isNews ? [.checked(id)] : []
    }

    mutating func fold(
        _ decision: CheckDecision, of id: CheckID, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        guard let before = checks[id]?.phase else { return [] }
        switch decision {
        case .became(let phase, _):
            guard phase != before else { return [] }
            checks[id]?.become(phase, at: entry.recordedAt)
            // Whatever it is now, silence must come to an end some time.
            if phase.ignorance == nil, timers.due(.check(id)) == nil { armCheck(id, entry) }
            return [.check(id, before: before)]
        case .certificateExpiring(let end):
            checks[id]?.tell(of: end)
            return [.certificate(id)]
        case .certificateRenewed:
            checks[id]?.tell(of: nil)
            return [.certificate(id)]
        }
    }

    /// The next probe is due, where the control plane probes; where an agent does, it was silent for too long.
    mutating func passCheck(_ id: CheckID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        guard let check = checks[id], !check.spec.isPaused else { return [] }
        let now = entry.recordedAt
        let isSilent = check.heardAt + check.spec.patience <= now
        checks[id]?.account(until: now)
        guard check.agent == nil else {
            // Unknown already, it waits for the agent to connect: a timer that goes on would fill the log for nothing.
            if !isSilent {
                timers.arm(.check(id), due: check.heardAt + check.spec.patience, by: entry.position)
            }
            return isSilent ? [.unheard(id)] : []
        }
        armCheck(id, entry)
        // After an absence all that were silent are told of at the same moment, which is not theirs to be probed at.
        if isSilent, check.phase.ignorance == nil { return [.unheard(id)] }
        return (isSilent ? [.unheard(id)] : []) + [.probeDue(id)]
    }

    /// Waiting begins anew, because we were absent, which is nobody's fault.
    ///
    /// - Parameter isLong: Time has really passed: what has had no result for too long is unknown. Else our clock jumped.
    mutating func resumeChecks(isLong: Bool, _ entry: Entry<Fleet.Message>) {
        let now = entry.recordedAt
        for id in checks.idsByCreation {
            guard let check = checks[id], !check.spec.isPaused else { continue }
            checks[id]?.account(until: now)
            if isLong, check.phase.ignorance == nil, check.heardAt + check.spec.patience <= now {
                // Not decided here: with many checks that would be a turn of thousands of messages.
                timers.arm(.check(id), due: now, by: entry.position)
                continue
            }
            checks[id]?.heardAt = now
            armCheck(id, entry)
            if check.agent != nil, check.spec.patience < Fleet.Limits.grace {
                timers.arm(.check(id), due: now + Fleet.Limits.grace, by: entry.position)
            }
        }
    }

    /// An agent is there again: of its checks that are unknown, one is to say why it still is, if it stays so.
    mutating func awaitChecks(of agent: AgentID, _ entry: Entry<Fleet.Message>) {
        for id in agents[agent]?.checks ?? [] {
            guard let check = checks[id], !check.spec.isPaused, check.phase.ignorance != nil else { continue }
            checks[id]?.account(until: entry.recordedAt)
            checks[id]?.heardAt = entry.recordedAt
            armCheck(id, entry)
        }
    }

    /// Arms a check. The control plane probes at that moment of each interval that the id chooses, so that not all are
    /// probed at once, neither in the beginning nor after an absence; an agent has the whole patience.
    private mutating func armCheck(_ id: CheckID, _ entry: Entry<Fleet.Message>) {
        guard let check = checks[id] else { return }
        var wait = check.spec.patience
        if check.agent == nil {
            let interval = check.spec.interval.count
            let offset = Int64(FNV.hash(of: id.text) % UInt64(interval))
            let passed = ((entry.recordedAt.milliseconds - offset) % interval + interval) % interval
            wait = Milliseconds(interval - passed)
        }
        timers.arm(.check(id), due: entry.recordedAt + wait, by: entry.position)
    }
}
