import Core

/// What agents report, in a form that people read.
enum ReportJSON {
    static func report(_ report: Report) -> JSON {
        switch report {
        case .register(let registration):
            [
                "type": "register", "agent_version": text(registration.agentVersion),
                "hostname": text(registration.hostname), "os": text(registration.os), "arch": text(registration.arch),
                "docker_version": text(registration.dockerVersion),
                "capabilities": MessageJSON.texts(registration.capabilities),
                "last_known_config_version": .integer(registration.lastKnownConfigVersion),
            ]
        case .heartbeat(let heartbeat):
            [
                "type": "heartbeat", "config_version": .integer(heartbeat.configVersion),
                "metrics": AgentJSON.metrics(heartbeat.metrics),
                "active_job_ids": MessageJSON.texts(heartbeat.activeJobIDs),
            ]
        case .discovery(let containers):
            ["type": "discovery", "containers": .array(containers.map(AgentJSON.container))]
        case .jobUpdate(let update):
            [
                "type": "job_update", "job_id": MessageJSON.id(update.job),
                "run_id": update.run.map { text($0.text) } ?? .null, "status": status(update.status),
                "progress_percent": .integer(update.progressPercent), "current_step": text(update.step),
                "error_message": text(update.errorText),
            ]
        case .completed(let completion):
            [
                "type": "backup_completed", "job_id": MessageJSON.id(completion.job),
                "run_id": text(completion.run.text), "s3_key": text(completion.objectName),
                "size_bytes": .integer(completion.byteCount), "sha256": MessageJSON.digest(completion.digest),
                "duration_ms": .integer(completion.durationMilliseconds), "compression": text(completion.compression),
                "db_engine_version": text(completion.databaseVersion),
            ]
        case .health(let result):
            [
                "type": "health_result", "check_id": MessageJSON.id(result.check), "found": CheckJSON.result(result),
            ]
        case .log(let line):
            [
                "type": "log", "written_at": Moment.json(line.writtenAt), "level": .integer(line.level),
                "job_id": text(line.job), "text": text(line.text),
                "fields": .object(line.fields.map { JSON.Member($0.key.string, text($0.value)) }),
            ]
        case .restore(let update):
            [
                "type": "restore_update", "restore_id": text(update.restore), "status": status(update.status),
                "progress_percent": .integer(update.progressPercent),
            ]
        case .acknowledgement(let isAccepted, let reason):
            ["type": "ack", "accepted": .bool(isAccepted), "reason": text(reason)]
        case .other(let tag):
            ["type": "other", "tag": .integer(tag)]
        }
    }

    private static func text(_ text: Text) -> JSON { .string(text.string) }

    private static func status(_ status: JobUpdate.Status) -> JSON {
        switch status {
        case .unspecified: "unspecified"
        case .queued: "queued"
        case .running: "running"
        case .success: "success"
        case .failed: "failed"
        case .cancelled: "cancelled"
        case .unknown: "unknown"
        }
    }
}
