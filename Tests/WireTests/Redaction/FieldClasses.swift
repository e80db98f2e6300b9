import Foundation
import Testing

@testable import Wire

/// How redaction treats a field of the wire that can hold text or bytes.
enum FieldClass {
    /// Searched for what looks like a secret, and for known ones of 8 bytes and more.
    case open
    /// The same, also for known ones of 4 to 7 bytes.
    case free
    /// A URL; the same as open, and its secrets are learned.
    case url
    /// Overwritten whatever it holds, but for references and `set`.
    case secret

    /// Every field of `backup.v1` that can hold text or bytes; maps as their keys and values. A new one must be put here by
    /// somebody who knows what it may hold.
    static let ofWire: [String: FieldClass] = {
        var classes: [String: FieldClass] = [:]
        for (fieldClass, names) in [
            FieldClass.open: """
            Envelope.correlation_id Register.agent_version Register.hostname Register.os Register.arch
            Register.docker_version Register.capabilities Heartbeat.active_job_ids DiscoveredContainer.container_id
            DiscoveredContainer.name DiscoveredContainer.image DiscoveredContainer.detected_db_type
            DiscoveredContainer.networks DiscoveredContainer.env_hints.key PortBinding.protocol JobUpdate.job_id
            JobUpdate.run_id BackupCompleted.job_id BackupCompleted.run_id BackupCompleted.s3_key BackupCompleted.sha256
            BackupCompleted.dek_kms_id BackupCompleted.compression BackupCompleted.db_engine_version
            HealthCheckResult.check_id LogEvent.job_id LogEvent.fields.key RestoreUpdate.restore_id Ack.correlation_id
            RegisterAck.session_id RegisterAck.server_time_iso Target.id Target.display_name ConnectionConfig.database
            ConnectionConfig.username ConnectionConfig.container_id BackupJobSpec.id BackupJobSpec.target_id
            BackupJobSpec.cron BackupJobSpec.compression HealthCheckSpec.id HealthCheckSpec.name
            MaintenanceWindow.start_utc MaintenanceWindow.end_utc AdvancedSettings.log_level RunBackup.job_id
            RunBackup.run_id S3UploadCreds.final_s3_key CancelJob.job_id RunHealthCheck.check_id
            SelfUpdate.target_version SelfUpdate.sha256 SelfUpdate.cosign_signature ReportAcknowledged.run_id
            """,
            .free: """
            JobUpdate.current_step JobUpdate.error_message HealthCheckResult.error LogEvent.message LogEvent.fields.value
            RestoreUpdate.current_step RestoreUpdate.error_message Ack.reason BackupJobSpec.pre_hooks
            BackupJobSpec.post_hooks
            """,
            .url: "ConnectionConfig.host HealthCheckSpec.target S3UploadCreds.presigned_put_url SelfUpdate.binary_url",
            .secret: """
            BackupCompleted.encrypted_dek ConnectionConfig.password_secret_ref RunBackup.encrypted_dek
            DiscoveredContainer.env_hints.value
            """,
        ] {
            for name in names.split(whereSeparator: \.isWhitespace) { classes[String(name)] = fieldClass }
        }
        return classes
    }()

    /// Every field of `backup.engine.v1` that can hold text or bytes, by what keeps secrets out of it.
    static let ofEngine: Set<String> = {
        let reasons = [
            "of a form that is checked at the door": """
            FleetRequest.delete_agent FleetRequest.delete_target FleetRequest.delete_job FleetRequest.cancel_run
            FleetRequest.delete_run FleetRequest.issue_decryption_token FleetRequest.delete_check FleetRequest.delete_token
            FleetIdempotency.key FleetRequest.unlock_run
            FleetIdempotencyKey.key FleetTargetChange.target FleetTargetChange.agent FleetJobChange.job
            FleetJobChange.agent FleetJobChange.target FleetRunOfJob.run FleetRunOfJob.job FleetAgentRecord.agent
            FleetSettingsChange.agent FleetJobField.time_zone FleetJobField.overlap FleetJob.time_zone
            FleetTimerKey.zone FleetZoneWanted.name
            FleetCheckChange.check FleetRequest.run_check
            """,
            "a person's text, which is refused at the door if it holds what looks like a secret, or a known one": """
            FleetAgentRecord.name FleetSettingsField.log_level FleetMaintenance.start_utc FleetMaintenance.end_utc
            FleetSettings.log_level FleetTargetField.display_name FleetTargetField.host FleetTargetField.database
            FleetTargetField.username FleetTargetField.container_id FleetTarget.display_name FleetTarget.host
            FleetTarget.database FleetTarget.username FleetTarget.container_id FleetJobField.cron
            FleetJobField.compression FleetTexts.texts FleetJob.cron FleetJob.compression FleetJob.pre_hooks
            FleetJob.post_hooks FleetToken.name FleetCheck.name FleetCheck.target
            FleetCheckField.name FleetCheckField.target FleetPassword.reference FleetLock.reason
            """,
            "redacted before it is decoded": """
            FleetReceivedFrame.envelope FleetCapturedFrame.envelope FleetUnreadableFrame.start FleetAnomaly.run
            FleetAnomaly.detail FleetAlertDecision.detail FleetSessionOpening.hostname FleetCheck.agent FleetCheck.check
            """,
            "a digest, or a name in the vault": """
            FleetIdempotency.body_digest FleetAgentRecord.key_digest FleetSuccess.digest FleetFound.digest
            FleetPassword.vault FleetToken.digest Staged.sha256
            """,
            "our own words and ids": """
            FleetMessage.capture_opened FleetMessage.faulted FleetEngineStart.build FleetSessionOpening.agent
            FleetSessionOpening.session FleetSessionOpening.remote_address FleetSessionOpening.extensions
            FleetSessionClosing.agent FleetSessionClosing.session FleetSessionClosing.reason FleetReceivedFrame.agent
            FleetReceivedFrame.session FleetCapturedFrame.agent FleetUnreadableFrame.agent FleetUnreadableFrame.problem
            FleetTicket.token FleetTicket.role FleetToken.token FleetToken.role FleetTimerKey.claim FleetTimerKey.retention FleetTimerKey.leftovers
            FleetAcceptance.run_unlocked FleetObject.agent FleetObject.job FleetObject.run
            FleetObjectDecision.expired FleetObjectDecision.orphaned FleetLock.run FleetLock.token
            FleetTimerKey.window FleetTimerKey.cancellation
            FleetAcceptance.token_deleted FleetAcceptance.agent_deleted FleetAcceptance.target_deleted FleetAcceptance.job_deleted
            FleetAcceptance.cancel_requested FleetAcceptance.run_deletion_requested FleetAcceptance.check_deleted
            FleetRefusal.code FleetRefusal.field FleetRefusal.text FleetSettings.agent FleetTarget.target
            FleetTarget.agent FleetJob.job FleetJob.agent FleetJob.target FleetRunOrder.run FleetRunOrder.job
            FleetRunOrder.agent FleetRunOrder.target FleetTimerKey.silence FleetTimerKey.run FleetIdempotencyKey.token
            FleetPresence.agent FleetPresence.presence FleetAnomaly.agent FleetAnomaly.kind FleetRunDecision.run
            FleetAlertReference.alert FleetAlertReference.kind FleetAlertReference.subject FleetAlertDecision.agent
            FleetAlertDecision.step FleetRequest.acknowledge_alert
            FleetSuccess.digest_source FleetSession.agent FleetSession.session FleetConfigure.agent FleetAttempt.agent
            FleetAttempt.run FleetOutcome.undone FleetJob.overlap FleetRunOrder.overlap Started.build Staged.db_engine_version Progressed.step
            FleetTimerKey.schedule FleetSlotDecision.job FleetSlotEnd.run FleetSlotEnd.missed FleetSlotEnd.skipped
            FleetAcceptance.check_run_requested FleetCheckDecision.check FleetCheckPhase.phase FleetCheckPhase.ignorance
            FleetProbe.check FleetProbe.error FleetTimerKey.check FleetCommand.probe_target FleetCheckOfAgent.agent
            FleetCheckOfAgent.check
            """,
            "the server's ids, as an agent hears them": """
            StationMessage.announce StationMessage.dump StationMessage.upload StationMessage.stop StationMessage.discard
            StationMessage.report StationMessage.forget StationMessage.report_expired StationMessage.journal_expired
            Connected.session_id Connected.extensions Told.run_id Told.job_id Told.s3_key CancelTold.job_id
            Progressed.run_id CommandOutcome.run_id
            """,
            "redacted by our agent": "Disconnected.reason CommandOutcome.failed",
        ]
        return Set(reasons.values.flatMap { $0.split(whereSeparator: \.isWhitespace) }.map { String($0) })
    }()
}

/// A field that can hold text or bytes, and how to get to it from an envelope.
struct PlantableField {
    /// As in ``FieldClass``.
    var name: String
    /// Field numbers from the envelope down.
    var path: [UInt32]
    var isText: Bool

    /// An envelope that holds the content there and nothing else.
    func frame(_ content: [UInt8]) -> [UInt8] {
        path.reversed().reduce(content) { inner, number in
            Self.varint(UInt64(number) << 3 | 2) + Self.varint(UInt64(inner.count)) + inner
        }
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F | 0x80)] + varint(value >> 7)
    }

    /// All of them, read from the schemas' text.
    static func all() throws -> [PlantableField] {
        let messages = try FrameSchemaTests.messages()
        var fields: [PlantableField] = []
        func walk(_ message: String, _ path: [UInt32]) {
            for field in messages[message] ?? [] {
                let (name, path) = ("\(message).\(field.name)", path + [field.number])
                if field.type == "string" || field.type == "bytes" {
                    fields.append(PlantableField(name: name, path: path, isText: field.type == "string"))
                } else if field.type.hasPrefix("map<") {
                    fields.append(PlantableField(name: name + ".key", path: path + [1], isText: true))
                    fields.append(PlantableField(name: name + ".value", path: path + [2], isText: true))
                } else {
                    walk(field.type, path)
                }
            }
        }
        walk("Envelope", [])
        return fields
    }

    /// The names of all fields of a folder of schemas that hold text or bytes, by message; of nested ones the innermost.
    static func names(in folder: String) throws -> Set<String> {
        let url = packageRoot.appending(path: "Schemas/\(folder)")
        var names: Set<String> = []
        for file in try FileManager.default.contentsOfDirectory(atPath: url.path) where file.hasSuffix(".proto") {
            var open: [String?] = []
            for line in try String(contentsOf: url.appending(path: file), encoding: .utf8).split(separator: "\n") {
                let code = line.prefix(upTo: line.range(of: "//")?.lowerBound ?? line.endIndex)
                if let match = code.firstMatch(of: /^\s*(message|oneof|enum) (\w+) \{(\})?/) {
                    guard match.output.3 == nil else { continue }
                    open.append(match.output.1 == "message" ? String(match.output.2) : open.last ?? nil)
                } else if code.contains("}"), !open.isEmpty {
                    open.removeLast()
                } else if let match = code.firstMatch(
                    of: /^\s*(?:repeated |optional )?(string|bytes|map<.*>) (\w+) = \d+/)
                {
                    names.insert("\((open.last ?? nil) ?? "?").\(match.output.2)")
                }
            }
        }
        return names
    }
}
