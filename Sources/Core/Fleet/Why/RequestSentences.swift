extension Fleet {
    /// What a request asks for, behind “asked to”.
    static func words(for request: Request) -> String {
        switch request {
        case .createAgent(_, let name, _): "register an agent named \(name)"
        case .renameAgent(let agent, let name): "rename agent \(agent) to \(name)"
        case .deleteAgent(let agent): "delete agent \(agent) with its targets and jobs"
        case .rotateKey(let agent, _): "replace the key of agent \(agent)"
        case .configureAgent(let agent, _): "change the settings of agent \(agent)"
        case .createTarget(_, let agent, _): "add a target to agent \(agent)"
        case .changeTarget(let target, _): "change target \(target)"
        case .deleteTarget(let target): "delete target \(target)"
        case .createJob(_, let agent, let target, _): "add a job for target \(target) to agent \(agent)"
        case .changeJob(let job, _): "change job \(job)"
        case .deleteJob(let job): "delete job \(job)"
        case .runJob(let run, let job): "run job \(job) now, as run \(run)"
        case .cancelRun(let run): "cancel run \(run)"
        case .deleteRun(let run): "delete the object of run \(run) and its key"
        case .lockRun(let run, let until, let reason):
            "lock the object of run \(run)" + (until.map { " until \($0.text)" } ?? "") + " (\(reason))"
        case .unlockRun(let run): "unlock the object of run \(run)"
        case .issueDecryptionToken(let run): "hand out a decryption token for run \(run)"
        case .createCheck(_, let agent, let spec):
            "add health check \(spec.name)" + (agent.map { " to agent \($0)" } ?? "")
        case .changeCheck(let check, _): "change health check \(check)"
        case .runCheck(let check): "probe health check \(check) now"
        case .deleteCheck(let check): "delete health check \(check)"
        case .createToken(let token, let spec):
            "create API token \(token) (\(spec.name)) with the role \(spec.role.rawValue)"
        case .deleteToken(let token): "delete API token \(token)"
        case .changePolicy: "change what holds for the whole fleet"
        case .acknowledgeAlert(let alert): "take note of alert \(alert)"
        case .confirmClock: "take the wall clock as right, although the log is far ahead of it or was left far behind"
        }
    }

    static func sentence(for acceptance: Acceptance) -> String {
        switch acceptance {
        case .agentCreated(let agent, let name, _): "Agent \(agent) was registered as \(name)."
        case .agentRenamed(let agent, let name): "Agent \(agent) is named \(name) from now on."
        case .agentDeleted(let agent): "Agent \(agent) was deleted with its targets and jobs."
        case .keyRotated(let agent, _): "Agent \(agent) has a new key, and the old one is good no more."
        case .agentConfigured(let agent, _): "The settings of agent \(agent) were changed."
        case .targetCreated(let target, let agent, let spec):
            "Target \(target) (\(spec.displayName)) was added to agent \(agent)."
        case .targetChanged(let target, _): "Target \(target) was changed."
        case .targetDeleted(let target): "Target \(target) was deleted."
        case .jobCreated(let job, let agent, let target, _):
            "Job \(job) for target \(target) was added to agent \(agent)."
        case .jobChanged(let job, _): "Job \(job) was changed."
        case .jobDeleted(let job): "Job \(job) was deleted; its runs stay."
        case .runQueued(let run, let order):
            "Run \(run) of job \(order.job) was queued for agent \(order.agent), "
                + (order.isManual ? "since somebody asked for it." : "since its schedule says so.")
        case .cancelRequested(let run): "The cancellation of run \(run) was taken up; it is not confirmed yet."
        case .runDeletionRequested(let run): "The deletion of the object of run \(run) was taken up."
        case .runLocked(let run, let lock):
            ended(
                "The object of run \(run) may not be deleted "
                    + (lock.until.map { "until \($0.text)" } ?? "until it is unlocked") + ": \(lock.reason)")
        case .runUnlocked(let run): "The object of run \(run) is no longer locked."
        case .tokenIssued(let run, let attempt):
            "A decryption token for attempt \(attempt) of run \(run) was handed out."
        case .checkCreated(let check, let agent, let spec):
            "Health check \(check) (\(spec.name)) was added" + (agent.map { " to agent \($0)." } ?? ".")
        case .checkChanged(let check, _): "Health check \(check) was changed."
        case .checkRunRequested(let check): "The wish to probe health check \(check) now was taken up."
        case .checkDeleted(let check): "Health check \(check) was deleted."
        case .tokenCreated(let token, let spec):
            "API token \(token) (\(spec.name)) was created with the role \(spec.role.rawValue)."
        case .tokenDeleted(let token): "API token \(token) was deleted, and is good no more."
        case .policyChanged(let policy):
            "At most \(count(UInt64(policy.startsPerSecond), "attempt")) a second begin in the whole fleet from now on."
        case .alertAcknowledged(let alert, _): "Alert \(alert) was taken note of; there are no more reminders of it."
        case .clockConfirmed: "The wall clock was confirmed: schedules and retention go by it."
        case .repeated(let position):
            "The same request had been granted before, and got the answer of position \(position) again."
        }
    }

    /// What an instruction orders, behind “ordered to”.
    static func words(for command: Command) -> String {
        switch command {
        case .welcome(let agent, _): "answer agent \(agent) with its configuration"
        case .configure(let agent, let version):
            "send agent \(agent) its configuration, version \(version) or newer"
        case .dispatch(let agent, let run, let attempt, _):
            "send attempt \(attempt) of run \(run) to agent \(agent)"
        case .cancel(let agent, let run, let attempt):
            "tell agent \(agent) to cancel attempt \(attempt) of run \(run)"
        case .observe(let run, let attempt): "ask the store for the object of attempt \(attempt) of run \(run)"
        case .delete(let run, let attempt):
            "delete the object of attempt \(attempt) of run \(run) and its key"
        case .survey: "look through the store"
        case .disconnect(let agent, let session): "end session \(session) of agent \(agent)"
        case .probe(let agent, let session): "ask session \(session) of agent \(agent) for a sign of life"
        case .readZone(let zone, _): "read the rules of time zone \(zone)"
        case .refuse(let agent, let session): "refuse session \(session), which came with the key of agent \(agent)"
        case .probeTarget(let check): "probe health check \(check) from here"
        case .runCheck(let agent, let check): "tell agent \(agent) to probe health check \(check) now"
        }
    }

    static func sentence(for outcome: CommandOutcome) -> String {
        let order = words(for: outcome.command)
        return switch (outcome.result, outcome.command) {
        case (.found(let byteCount, _), .observe(let run, let attempt)):
            "The store has the object of attempt \(attempt) of run \(run): \(count(byteCount, "byte"))."
        case (.missing, .observe(let run, let attempt)):
            "The store has no object of attempt \(attempt) of run \(run)."
        case (.done, .dispatch(let agent, let run, let attempt, _)):
            "Attempt \(attempt) of run \(run) was written to the connection of agent \(agent)."
        case (.zone(let rules), .readZone(let zone, _)):
            "The rules of time zone \(zone) were read, up to \(rules.until.text)."
        case (.zone, _): "The order to \(order) was answered with a time zone."
        case (.done, _): "The order to \(order) was carried out."
        case (.undone(let problem), _): ended("The order to \(order) was not carried out: \(problem)")
        case (.unknown, _):
            "Whether the order to \(order) was carried out cannot be known: the process that did it died."
        case (.surveyed(let survey), _): sentence(for: survey)
        case (.found(let byteCount, _), _): "The order to \(order) found \(count(byteCount, "byte"))."
        case (.probed(let result), .probeTarget(let check)): ended("Health check \(check) was \(words(for: result))")
        case (.probed, _): "The order to \(order) found how a health check goes."
        case (.missing, _): "The order to \(order) found nothing."
        }
    }
}
