import Core
import Digests

/// Messages in a form that people read: the main fields, by the names of the wire where it has them. Never raw bytes,
/// and of secrets only where they are kept.
enum MessageJSON {
    static func message(_ message: Fleet.Message) -> JSON {
        switch message {
        case .started(let start):
            [
                "build": text(start.build), "rules": .integer(start.rules),
                "clock_behind_ms": .integer(start.clockBehind.count),
            ]
        case .clockStepped(let step):
            ["step_ms": .integer(step.count)]
        case .disk(.logWasFull(let span)):
            ["full_ms": .integer(span.count)]
        case .disk(.short(let room)), .disk(.roomy(let room)):
            ["free_bytes": .integer(room.freeByteCount), "total_bytes": .integer(room.totalByteCount)]
        case .faulted(let problem):
            ["problem": text(problem)]
        case .captureOpened(let agent):
            ["agent_id": id(agent)]
        case .sessionOpened(let agent, let opening):
            [
                "agent_id": id(agent), "session_id": opening.session.map(id) ?? .null,
                "remote_address": text(opening.remoteAddress), "extensions": texts(opening.extensions),
                "hostname": opening.hostname.map(text) ?? .null,
            ]
        case .sessionClosed(let agent, let session, let closing):
            ["agent_id": id(agent), "session_id": id(session), "reason": .string(closing.rawValue)]
        case .received(let agent, let frame):
            [
                "agent_id": id(agent), "session_id": frame.session.map(id) ?? .null, "seq": .integer(frame.sequence),
                "sent_at": Moment.json(frame.sentAt), "replayed": .bool(frame.isReplayed),
                "error_class": .optional(frame.failure?.word), "report": ReportJSON.report(frame.report),
            ]
        case .captured(let agent, let frame):
            ["agent_id": id(agent), "order": order(frame.order)]
        case .unreadable(let agent, let frame):
            [
                "agent_id": id(agent), "from_agent": .bool(frame.isFromAgent), "size_bytes": .integer(frame.byteCount),
                "problem": text(frame.problem),
            ]
        case .requested(let request, let ticket):
            [
                "request": RequestJSON.request(request), "token": text(ticket.token),
                "role": .string(ticket.role.rawValue), "expected_revision": .integer(ticket.expected?.number),
                "idempotency_key": ticket.idempotency.map { text($0.key) } ?? .null,
            ]
        case .accepted(let acceptance, let ticket):
            ["accepted": RequestJSON.acceptance(acceptance), "token": text(ticket.token)]
        case .refused(let refusal):
            [
                "code": .string(refusal.code.rawValue), "field": text(refusal.field), "text": text(refusal.text),
                "current_revision": .integer(refusal.current?.number),
            ]
        case .deadline(.silence(let agent)), .deadline(.claim(let agent)), .deadline(.window(let agent)):
            ["agent_id": id(agent)]
        case .deadline(.starts):
            [:]
        case .deadline(.schedule(let job)):
            ["job_id": id(job)]
        case .deadline(.zone(let zone)):
            ["time_zone": text(zone)]
        case .deadline(.run(let run)), .deadline(.cancellation(let run)):
            ["run_id": id(run)]
        case .deadline(.retention(let job)):
            ["job_id": id(job)]
        case .deadline(.leftovers(let run)):
            ["run_id": id(run)]
        case .deadline(.deletion(let key)):
            RetentionJSON.key(key)
        case .deadline(.survey):
            [:]
        case .deadline(.check(let check)):
            ["check_id": id(check)]
        case .deadline(.idempotency(let key)):
            ["token": text(key.token), "idempotency_key": text(key.key)]
        case .deadline(.alert(let key)):
            ["alert": .string(key.kind.rawValue), "subject": text(key.subject)]
        case .alerted(let decision):
            [
                "alert_id": id(decision.id), "alert": .string(decision.key.kind.rawValue),
                "subject": text(decision.key.subject), "agent_id": decision.agent.map(id) ?? .null,
                "step": .string(decision.step.rawValue), "detail": text(decision.detail),
                "grounds": .array(decision.grounds.map { .integer($0.number) }),
            ]
        case .presence(let agent, let presence):
            ["agent_id": id(agent), "presence": .string(presence.rawValue)]
        case .noted(let anomaly):
            [
                "agent_id": id(anomaly.agent), "anomaly": .string(anomaly.kind.rawValue),
                "run_id": anomaly.run.map(id) ?? .null, "detail": text(anomaly.detail),
            ]
        case .decided(let run, let decision):
            Self.decision(decision, of: run)
        case .object(let object, let decision):
            RetentionJSON.decision(decision, about: object)
        case .scheduled(let job, let decision):
            SlotJSON.decision(decision, of: job)
        case .judged(let check, let decision):
            CheckJSON.decision(decision, of: check)
        case .command(let command):
            Self.command(command)
        case .outcome(let outcome):
            [
                "command_position": .integer(outcome.position.number), "command": command(outcome.command),
                "result": result(outcome.result),
            ]
        }
    }

    private static func decision(_ decision: RunDecision, of run: RunID) -> JSON {
        switch decision {
        case .started(let attempt, let isRepeatable):
            ["run_id": id(run), "attempt": .integer(attempt.number), "repeatable": .bool(isRepeatable)]
        case .retried(let retry, let grounds):
            [
                "run_id": id(run), "attempt": .integer(retry.attempt.number),
                "error_class": .string(retry.failure.word),
                "next_attempt_at": Moment.json(retry.due), "free": .bool(retry.isFree),
                "grounds": .array(grounds.map { .integer($0.number) }),
            ]
        case .closed(let verdict, let grounds):
            [
                "run_id": id(run), "verdict": .string(verdict.word), "error_class": .optional(verdict.failure?.word),
                "evidence": evidence(verdict), "grounds": .array(grounds.map { .integer($0.number) }),
            ]
        }
    }

    private static func evidence(_ verdict: Verdict) -> JSON {
        guard case .success(let attempt, let evidence) = verdict else { return .null }
        return [
            "attempt": .integer(attempt.number), "size_bytes": .integer(evidence.byteCount),
            "sha256": digest(evidence.digest), "digest": .string(evidence.source.rawValue),
        ]
    }

    private static func order(_ order: CapturedOrder) -> JSON {
        switch order {
        case .registerAck(let session, let version):
            ["type": "register_ack", "session_id": id(session), "config_version": .integer(version)]
        case .configUpdate(let version):
            ["type": "config_update", "config_version": .integer(version)]
        case .runBackup(let job, let wire, let isManual):
            ["type": "run_backup", "job_id": id(job), "run_id": text(wire.text), "manual_trigger": .bool(isManual)]
        case .cancelJob(let job):
            ["type": "cancel_job", "job_id": id(job)]
        case .other(let tag):
            ["type": "other", "tag": .integer(tag)]
        }
    }

    private static func command(_ command: Command) -> JSON {
        let word = JSON.string(command.word)
        return switch command {
        case .welcome(let agent, let session):
            ["type": word, "agent_id": id(agent), "session_id": id(session)]
        case .configure(let agent, let version):
            ["type": word, "agent_id": id(agent), "config_version": .integer(version)]
        case .dispatch(let agent, let run, let attempt, let isRepeatable):
            [
                "type": word, "agent_id": id(agent), "run_id": id(run), "attempt": .integer(attempt.number),
                "repeatable": .bool(isRepeatable),
            ]
        case .cancel(let agent, let run, let attempt):
            ["type": word, "agent_id": id(agent), "run_id": id(run), "attempt": .integer(attempt.number)]
        case .observe(let run, let attempt), .delete(let run, let attempt):
            ["type": word, "run_id": id(run), "attempt": .integer(attempt.number)]
        case .survey:
            ["type": word]
        case .disconnect(let agent, let session), .probe(let agent, let session), .refuse(let agent, let session):
            ["type": word, "agent_id": id(agent), "session_id": id(session)]
        case .readZone(let zone, let moment):
            ["type": word, "time_zone": text(zone), "from": Moment.json(moment)]
        case .probeTarget(let check):
            ["type": word, "check_id": id(check)]
        case .runCheck(let agent, let check):
            ["type": word, "agent_id": id(agent), "check_id": id(check)]
        }
    }

    private static func result(_ result: CommandOutcome.Result) -> JSON {
        switch result {
        case .done: ["type": "done"]
        case .undone(let problem): ["type": "undone", "problem": text(problem)]
        case .unknown: ["type": "unknown"]
        case .found(let byteCount, let bytes):
            ["type": "found", "size_bytes": .integer(byteCount), "sha256": digest(bytes)]
        case .missing: ["type": "missing"]
        case .surveyed(let survey): RetentionJSON.survey(survey)
        case .zone(let rules): SlotJSON.zone(rules)
        case .probed(let found): ["type": "probed", "found": CheckJSON.result(found)]
        }
    }

    static func text(_ text: Text) -> JSON { .string(text.string) }
    static func texts(_ texts: [Text]) -> JSON { .array(texts.map(text)) }
    static func id<Thing>(_ id: Identifier<Thing>) -> JSON { .string(id.text.string) }
    static func digest(_ bytes: [UInt8]?) -> JSON { .optional(bytes.map { Hex.encode($0) }) }
}
