extension Fleet.State {
    /// What has become true because a request was granted.
    mutating func accept(
        _ acceptance: Acceptance, _ ticket: Ticket, _ entry: Entry<Fleet.Message>
    ) -> [Fleet.Change] {
        remember(acceptance, ticket, entry)
        switch acceptance {
        case .agentCreated(let id, let name, let digest):
            agents[id] = Agent(name: name, keyDigest: digest, isCaptured: false)
            if timers.due(.survey) == nil { planSurvey(after: Fleet.Limits.survey, entry) }
            agents[id]?.settingsPosition = entry.position
            return []
        case .agentRenamed(let id, let name):
            agents[id]?.name = name
            return []
        case .agentDeleted(let id):
            return forget(id, entry)
        case .keyRotated(let id, let digest):
            agents[id]?.keyDigest = digest
            conflicts[id] = nil
            alternations[id] = nil
            revisitAlerts(entry) { key, _ in key == AlertKey(.identityConflict, id) }
            return disown(id, entry)
        case .agentConfigured(let id, let settings):
            agents[id]?.settings = settings
            armWindow(of: id, entry)
            agents[id]?.settingsPosition = entry.position
            return reconfigure(id) + [.ready(id)]  // more may run at the same time than before
        case .targetCreated(let id, let agent, let spec):
            targets[id] = Target(agent: agent, spec: spec, position: entry.position)
            agents[agent]?.targets.append(id)
            return reconfigure(agent)
        case .targetChanged(let id, let spec):
            targets[id]?.spec = spec
            targets[id]?.position = entry.position
            return targets[id].map { reconfigure($0.agent) } ?? []
        case .targetDeleted(let id):
            let agent = targets[id]?.agent
            targets[id] = nil
            if let agent { agents[agent]?.targets.removeAll { $0 == id } }
            return agent.map { reconfigure($0) } ?? []
        case .jobCreated(let id, let agent, let target, let spec):
            jobs[id] = Job(agent: agent, target: target, spec: spec, position: entry.position)
            agents[agent]?.jobs.append(id)
            return reconfigure(agent) + reschedule(id, .jobChanged, entry) + wantCalendar(of: id)
        case .jobChanged(let id, let spec):
            let former = jobs[id]?.spec.retention
            jobs[id]?.spec = spec
            jobs[id]?.position = entry.position
            if former != spec.retention { review(id, entry) }
            if spec.cron.isEmpty { revisitAlerts(entry) { key, _ in key == AlertKey(.slotMissed, id) } }
            guard let agent = jobs[id]?.agent else { return [] }
            return reconfigure(agent) + reschedule(id, .jobChanged, entry) + wantCalendar(of: id)
        case .jobDeleted(let id):
            let agent = jobs[id]?.agent
            jobs[id] = nil
            timers.disarm(.retention(id))
            revisitAlerts(entry) { key, _ in key.subject == id.text }
            if let agent { agents[agent]?.jobs.removeAll { $0 == id } }
            return (agent.map { reconfigure($0) } ?? []) + reschedule(id, .jobDeleted, entry)
        case .runQueued(let id, let order):
            return queue(id, order, entry)
        case .cancelRequested(let id):
            return fold(id, entry) {
                $0.cancelAsked(by: entry.position)
                return []
            } + [.cancellation(id)]
        case .runDeletionRequested(let id):
            return objects[id].map { beginDeletion(of: $0.reference(of: id)) } ?? []
        case .runLocked(let id, let lock):
            self.lock(id, lock)
            return []
        case .runUnlocked(let id):
            unlock(id, entry)
            return []
        case .checkCreated(let id, let agent, let spec):
            return createCheck(id, agent, spec, entry)
        case .checkChanged(let id, let spec):
            return changeCheck(id, spec, entry)
        case .checkDeleted(let id):
            revisitAlerts(entry) { key, _ in key.subject == id.text }
            return deleteCheck(id)
        case .checkRunRequested(let id):
            return [.probeDue(id)]
        case .tokenCreated(let id, let spec):
            tokens[id] = APIToken(
                name: spec.name, role: spec.role, digest: spec.digest, createdAt: entry.recordedAt,
                expiresAt: spec.expiresAt)
            return []
        case .tokenDeleted(let id):
            tokens[id] = nil
            return []
        case .policyChanged(let policy):
            self.policy = policy
            return []
        case .alertAcknowledged(_, let key):
            acknowledge(key, ticket, entry)
            return []
        case .clockConfirmed:
            return confirmClock(entry)
        case .tokenIssued, .repeated:
            return []
        }
    }

    private mutating func remember(_ acceptance: Acceptance, _ ticket: Ticket, _ entry: Entry<Fleet.Message>) {
        if case .repeated = acceptance { return }
        guard let key = ticket.idempotencyKey, let question = ticket.idempotency else { return }
        let expiry = entry.recordedAt + Fleet.Limits.idempotency
        answers[key] = RememberedAnswer(bodyDigest: question.bodyDigest, position: entry.position, expiresAt: expiry)
        timers.arm(.idempotency(key), due: expiry, by: entry.position)
    }

    mutating func reconfigure(_ id: AgentID) -> [Fleet.Change] {
        guard agents.contains(id) else { return [] }
        agents[id]?.configVersion &+= 1
        agents[id]?.configSentAt = nil
        return [.configuration(id)]
    }

    private mutating func disown(_ id: AgentID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        let claimant = claims[id].map { [Fleet.Change.disowned(id, $0.session)] } ?? []
        endClaim(of: id)
        guard let session = agents[id]?.session else { return claimant }
        let changes = loseSession(of: id, entry)
        return changes + (session.id.map { [.disowned(id, $0)] } ?? []) + claimant
    }

    private mutating func forget(_ id: AgentID, _ entry: Entry<Fleet.Message>) -> [Fleet.Change] {
        var changes = disown(id, entry)
        for job in agents[id]?.jobs ?? [] {
            jobs[job] = nil
            timers.disarm(.retention(job))
            changes += reschedule(job, .jobDeleted, entry)
        }
        for target in agents[id]?.targets ?? [] { targets[target] = nil }
        for check in agents[id]?.checks ?? [] { dropCheck(check) }
        agents[id] = nil
        conflicts[id] = nil
        alternations[id] = nil
        stopWatching(AlertKey(.agentLost, id))
        revisitAlerts(entry) { _, alert in alert.agent == id }
        return changes.filter { if case .session = $0 { false } else { true } }
    }
}
