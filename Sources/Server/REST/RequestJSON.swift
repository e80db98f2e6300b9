import Core

/// Requests and what they made true, in a form that people read. Digests of keys are left out.
enum RequestJSON {
    static func request(_ request: Request) -> JSON {
        switch request {
        case .createAgent(let agent, let name, _):
            ["type": "create_agent", "agent_id": id(agent), "name": text(name)]
        case .renameAgent(let agent, let name):
            ["type": "rename_agent", "agent_id": id(agent), "name": text(name)]
        case .deleteAgent(let agent):
            ["type": "delete_agent", "agent_id": id(agent)]
        case .rotateKey(let agent, _):
            ["type": "rotate_key", "agent_id": id(agent)]
        case .configureAgent(let agent, let fields):
            ["type": "configure_agent", "agent_id": id(agent), "set": .array(fields.map(name))]
        case .createTarget(let target, let agent, let fields):
            ["type": "create_target", "target_id": id(target), "agent_id": id(agent), "set": .array(fields.map(name))]
        case .changeTarget(let target, let fields):
            ["type": "change_target", "target_id": id(target), "set": .array(fields.map(name))]
        case .deleteTarget(let target):
            ["type": "delete_target", "target_id": id(target)]
        case .createJob(let job, let agent, let target, let fields):
            [
                "type": "create_job", "job_id": id(job), "agent_id": id(agent), "target_id": id(target),
                "set": .array(fields.map(name)),
            ]
        case .changeJob(let job, let fields):
            ["type": "change_job", "job_id": id(job), "set": .array(fields.map(name))]
        case .deleteJob(let job):
            ["type": "delete_job", "job_id": id(job)]
        case .runJob(let run, let job):
            ["type": "run_job", "run_id": id(run), "job_id": id(job)]
        case .cancelRun(let run):
            ["type": "cancel_run", "run_id": id(run)]
        case .deleteRun(let run):
            ["type": "delete_run", "run_id": id(run)]
        case .lockRun(let run, let until, let reason):
            ["type": "lock_run", "run_id": id(run), "until": Moment.json(until), "reason": text(reason)]
        case .unlockRun(let run):
            ["type": "unlock_run", "run_id": id(run)]
        case .issueDecryptionToken(let run):
            ["type": "issue_decryption_token", "run_id": id(run)]
        case .createCheck(let check, let agent, let spec):
            [
                "type": "create_check", "check_id": id(check), "agent_id": agent.map(id) ?? .null,
                "name": text(spec.name),
            ]
        case .changeCheck(let check, let fields):
            ["type": "change_check", "check_id": id(check), "fields": .array(fields.map(name))]
        case .runCheck(let check):
            ["type": "run_check", "check_id": id(check)]
        case .deleteCheck(let check):
            ["type": "delete_check", "check_id": id(check)]
        case .createToken(let token, let spec):
            [
                "type": "create_token", "token_id": id(token), "name": text(spec.name),
                "role": .string(spec.role.rawValue),
            ]
        case .acknowledgeAlert(let alert):
            ["type": "acknowledge_alert", "alert_id": id(alert)]
        case .deleteToken(let token):
            ["type": "delete_token", "token_id": id(token)]
        case .changePolicy(let fields):
            ["type": "change_policy", "set": .array(fields.map(name))]
        case .confirmClock:
            ["type": "confirm_clock"]
        }
    }

    static func acceptance(_ acceptance: Acceptance) -> JSON {
        switch acceptance {
        case .agentCreated(let agent, let name, _):
            ["type": "agent_created", "agent_id": id(agent), "name": text(name)]
        case .agentRenamed(let agent, let name):
            ["type": "agent_renamed", "agent_id": id(agent), "name": text(name)]
        case .agentDeleted(let agent):
            ["type": "agent_deleted", "agent_id": id(agent)]
        case .keyRotated(let agent, _):
            ["type": "key_rotated", "agent_id": id(agent)]
        case .agentConfigured(let agent, let settings):
            [
                "type": "agent_configured", "agent_id": id(agent),
                "max_parallel_jobs": .integer(settings.maxParallelJobs),
                "maintenance": .string("\(settings.maintenanceStart)-\(settings.maintenanceEnd)"),
            ]
        case .targetCreated(let target, let agent, let spec):
            ["type": "target_created", "target": ConfigurationJSON.target(target, agent, spec, revision: nil)]
        case .targetChanged(let target, let spec):
            ["type": "target_changed", "target_id": id(target), "display_name": text(spec.displayName)]
        case .targetDeleted(let target):
            ["type": "target_deleted", "target_id": id(target)]
        case .jobCreated(let job, let agent, let target, let spec):
            ["type": "job_created", "job": ConfigurationJSON.job(job, agent, target, spec, revision: nil)]
        case .jobChanged(let job, let spec):
            [
                "type": "job_changed", "job_id": id(job), "cron": text(spec.cron), "time_zone": text(spec.timeZone),
                "retention_days": .integer(spec.retentionDays), "retention": RetentionJSON.rule(spec.retention),
                "timeout_sec": .integer(spec.timeoutSeconds),
            ]
        case .jobDeleted(let job):
            ["type": "job_deleted", "job_id": id(job)]
        case .runQueued(let run, let order):
            [
                "type": "run_queued", "run_id": id(run), "job_id": id(order.job), "agent_id": id(order.agent),
                "target_id": id(order.target), "manual_trigger": .bool(order.isManual),
                "timeout_sec": .integer(order.timeoutSeconds), "retention_days": .integer(order.retentionDays),
                "max_attempts": .integer(max(1, order.maxAttempts)),
                "backoff_seconds": .array(order.backoffSeconds.map { .integer($0) }),
            ]
        case .cancelRequested(let run):
            ["type": "cancel_requested", "run_id": id(run)]
        case .runDeletionRequested(let run):
            ["type": "run_deletion_requested", "run_id": id(run)]
        case .runLocked(let run, let lock):
            ["type": "run_locked", "run_id": id(run), "lock": RetentionJSON.lock(lock)]
        case .runUnlocked(let run):
            ["type": "run_unlocked", "run_id": id(run)]
        case .tokenIssued(let run, let attempt):
            ["type": "token_issued", "run_id": id(run), "attempt": .integer(attempt.number)]
        case .checkCreated(let check, let agent, let spec):
            [
                "type": "check_created", "check_id": id(check), "agent_id": agent.map(id) ?? .null,
                "name": text(spec.name),
            ]
        case .checkChanged(let check, let spec):
            [
                "type": "check_changed", "check_id": id(check), "name": text(spec.name),
                "paused": .bool(spec.isPaused), "interval_sec": .integer(spec.intervalSeconds),
            ]
        case .checkRunRequested(let check):
            ["type": "check_run_requested", "check_id": id(check)]
        case .checkDeleted(let check):
            ["type": "check_deleted", "check_id": id(check)]
        case .tokenCreated(let token, let spec):
            [
                "type": "token_created", "token_id": id(token), "name": text(spec.name),
                "role": .string(spec.role.rawValue), "expires_at": Moment.json(spec.expiresAt),
            ]
        case .tokenDeleted(let token):
            ["type": "token_deleted", "token_id": id(token)]
        case .policyChanged(let policy):
            ["type": "policy_changed", "starts_per_second": .integer(policy.startsPerSecond)]
        case .alertAcknowledged(let alert, let key):
            [
                "type": "alert_acknowledged", "alert_id": id(alert), "alert": .string(key.kind.rawValue),
                "subject": text(key.subject),
            ]
        case .clockConfirmed:
            ["type": "clock_confirmed"]
        case .repeated(let position):
            ["type": "repeated", "position": .integer(position.number)]
        }
    }

    private static func name(_ field: FleetPolicyField) -> JSON {
        switch field {
        case .startsPerSecond: "starts_per_second"
        }
    }

    private static func name(_ field: SettingsField) -> JSON {
        switch field {
        case .maintenance: "maintenance"
        case .maxParallelJobs: "max_parallel_jobs"
        case .logLevel: "log_level"
        case .autoUpdate: "auto_update_enabled"
        }
    }

    private static func name(_ field: TargetField) -> JSON {
        switch field {
        case .type: "type"
        case .displayName: "display_name"
        case .host: "host"
        case .port: "port"
        case .database: "database"
        case .username: "username"
        case .password: "password_secret_ref"
        case .containerID: "container_id"
        case .strategy: "strategy"
        }
    }

    private static func name(_ field: JobField) -> JSON {
        switch field {
        case .cron: "cron"
        case .retentionDays: "retention_days"
        case .compression: "compression"
        case .preHooks: "pre_hooks"
        case .postHooks: "post_hooks"
        case .maxAttempts: "max_attempts"
        case .backoffSeconds: "backoff_seconds"
        case .timeoutSeconds: "timeout_sec"
        case .timeZone: "time_zone"
        case .jitterSeconds: "jitter_sec"
        case .overlap: "overlap"
        case .catchUpSeconds: "catch_up_sec"
        case .keep(let part, _): .string("retention.\(part.word)")
        }
    }

    private static func name(_ field: CheckField) -> JSON {
        switch field {
        case .name: "name"
        case .kind: "type"
        case .target: "target"
        case .intervalSeconds: "interval_sec"
        case .timeoutSeconds: "timeout_sec"
        case .expectedStatus: "expected_status"
        case .failuresToDown: "failures_to_down"
        case .successesToUp: "successes_to_up"
        case .flapChanges: "flap_changes"
        case .certificateDays: "certificate_days"
        case .isPaused: "paused"
        }
    }

    private static func text(_ text: Text) -> JSON { MessageJSON.text(text) }
    private static func id<Thing>(_ id: Identifier<Thing>) -> JSON { MessageJSON.id(id) }
}
