import Core
import SwiftProtobuf

@testable import Wire

/// At least one message of every case of every enum that the control plane's log can hold.
enum MessageSamples {
    static let agent = AgentID(bits: 1)
    static let target = TargetID(bits: 2)
    static let job = JobID(bits: 3)
    static let run = RunID(bits: 4)
    static let check = CheckID(bits: 5)
    static let session = SessionID(bits: 6)
    static let digest = [UInt8](0..<32)
    static let ticket = Ticket(token: "admin")
    static let keyed = Ticket(token: "ü", idempotency: .init(key: "", bodyDigest: digest))

    static let all: [Fleet.Message] =
        facts + frames + requests.map { .requested($0, ticket) } + acceptances.map { .accepted($0, keyed) }
        + Refusal.Code.allCases.map { .refused(Refusal(code: $0, field: "name", text: "must not be empty")) }
        + timers.map { .deadline($0) } + decisions + alerts + slots + commands.map { .command($0) } + outcomes

    static let facts: [Fleet.Message] =
        [
            .started(EngineStart(build: "1.0", rules: .max, seed: .max)),
            .started(EngineStart(build: "", rules: 0, seed: 0)),
            .started(EngineStart(build: "1.0", rules: 3, seed: 1, clockBehind: .hours(25))),
            .clockStepped(Milliseconds(.min)), .clockStepped(Milliseconds(0)), .faulted("a turn was cut off"),
            .disk(.logWasFull(Milliseconds(.max))), .disk(.short(DiskRoom(freeByteCount: 1, totalByteCount: .max))),
            .disk(.roomy(DiskRoom(freeByteCount: 0, totalByteCount: 0))),
            .captureOpened(agent),
            .sessionOpened(agent, SessionOpening(session: session, remoteAddress: "[::1]:1", extensions: ["a", "b"])),
            .sessionOpened(
                agent, SessionOpening(session: session, remoteAddress: "", extensions: [], hostname: "db-1")),
            .sessionOpened(agent, SessionOpening(session: nil, remoteAddress: "", extensions: [])),
            .sessionOpened(agent, SessionOpening(session: SessionID(""), remoteAddress: "", extensions: [])),
            .requested(.deleteAgent(agent), keyed),
            .requested(.deleteAgent(agent), Ticket(token: "tok_1", role: .operator)),
            .requested(.deleteAgent(agent), Ticket(token: "tok_1", role: .viewer)),
            .requested(.deleteJob(job), Ticket(token: "tok_1", expected: Position(.max))),
            .refused(Refusal(code: .precondition, field: "If-Match", text: "changed", current: Position(3))),
        ] + SessionClosing.allCases.map { .sessionClosed(agent, session, $0) }

    static let frames: [Fleet.Message] = {
        var messages: [Fleet.Message] = [
            .unreadable(agent, UnreadableFrame(isFromAgent: true, byteCount: 3, start: [1, 2, 3], problem: "cut off")),
            .unreadable(agent, UnreadableFrame(isFromAgent: false, byteCount: .max, start: [], problem: "")),
            .received(AgentID(""), frame(WireEnvelope())),
        ]
        for sample in RoundTripTests.samples {
            messages.append(.received(agent, frame(sample)))
            messages.append(.captured(agent, CapturedFrame(bytes: bytes(of: sample), order: CapturedOrder(sample))))
        }
        for failure in [nil] + FailureClass.allCases.map(Optional.some) {
            var frame = frame(WireEnvelope.with { $0.jobUpdate.status = .failed })
            frame.session = nil
            frame.isReplayed = true
            frame.failure = failure
            messages.append(.received(agent, frame))
        }
        return messages
    }()

    static func bytes(of envelope: WireEnvelope) -> [UInt8] { (try? envelope.serializedBytes()) ?? [] }

    private static func frame(_ envelope: WireEnvelope) -> ReceivedFrame {
        let bytes = bytes(of: envelope)
        return ReceivedFrame(
            session: session, bytes: bytes, fingerprint: Fingerprint(of: bytes).value, sequence: envelope.seq,
            sentAt: Timestamp(clamping: envelope.tsMs), isReplayed: false, failure: nil, report: Report(envelope))
    }

    static let settingsFields: [SettingsField] = [
        .maintenance(start: "22:00", end: "04:00"), .maxParallelJobs(8), .logLevel("debug"), .autoUpdate(true),
        .autoUpdate(false),
    ]

    static let targetFields: [TargetField] =
        TargetSpec.DatabaseType.allCases.map { .type($0) } + [
            .displayName("db"), .host("h"), .port(5_432), .database("d"), .username("u"), .password(.none),
            .password(.vault("secret:1")), .password(.reference("env:PW")), .containerID("c"),
        ] + TargetSpec.Strategy.allCases.map { .strategy($0) }

    static let jobFields: [JobField] =
        [
            .cron("0 3 * * *"), .retentionDays(7), .compression("zstd"), .preHooks(["a", ""]), .postHooks([]),
            .maxAttempts(3), .backoffSeconds([0, 60]), .timeoutSeconds(.max),
            .timeZone("Europe/Berlin"), .jitterSeconds(60), .catchUpSeconds(0),
        ] + Overlap.allCases.map { .overlap($0) }
        + RetentionRule.Count.allCases.map { .keep($0, UInt32($0.rawValue)) }

    static let targetSpec: TargetSpec = {
        var spec = TargetSpec()
        for field in targetFields { spec.set(field) }
        return spec
    }()

    static let jobSpec: JobSpec = {
        var spec = JobSpec()
        for field in jobFields { spec.set(field) }
        return spec
    }()

    static let policy: FleetPolicy = {
        var policy = FleetPolicy()
        policy.set(.startsPerSecond(.max))
        return policy
    }()

    static let token = TokenID(bits: 7)

    static func tokenSpec(expiresAt: Timestamp?) -> APITokenSpec {
        APITokenSpec(name: "ci", role: .operator, digest: digest, expiresAt: expiresAt)
    }

    static func checkSpec(_ kind: CheckSpec.Kind) -> CheckSpec {
        CheckSpec(
            name: "web", kind: kind, target: "https://example.org", intervalSeconds: 60, timeoutSeconds: 5,
            expectedStatus: 200)
    }

    static let lock = ObjectLock(
        until: Timestamp(milliseconds: .max), reason: "audit", token: "ci", setAt: Timestamp(milliseconds: 5))
    static let object = ObjectReference(agent: agent, job: job, run: run, attempt: Attempt(2))

    static let survey: Survey = {
        var survey = Survey()
        survey.objectCount = .max
        survey.byteCount = 1
        survey.foreignCount = 2
        survey.strangerCount = 3
        survey.unowned = [object]
        survey.missing = [object.key]
        survey.returned = [ObjectKey(run: run, attempt: .first), object.key]
        survey.isCut = true
        return survey
    }()

    static let changedCheck: CheckSpec = {
        var spec = checkSpec(.https)
        for field in checkFields { spec.set(field) }
        return spec
    }()

    static let checkFields: [CheckField] =
        CheckSpec.Kind.allCases.map { .kind($0) } + [
            .name("web"), .target("https://example.org/ü"), .intervalSeconds(30), .timeoutSeconds(.max),
            .expectedStatus(204), .failuresToDown(1), .successesToUp(20), .flapChanges(0), .certificateDays(0),
            .isPaused(false), .isPaused(true),
        ]

    static let checkDecisions: [CheckDecision] =
        ([.up, .down, .flapping] + Check.Ignorance.allCases.map { .unknown($0) }).map { .became($0, grounds: []) }
        + [
            .became(.down, grounds: [Position(1), Position(.max)]), .certificateRenewed,
            .certificateExpiring(Timestamp(milliseconds: -1)),
        ]

    static let probed: [HealthResult] = {
        var results = [
            HealthResult(
                check: check, probedAt: Timestamp(milliseconds: .min), isHealthy: true, latencyMilliseconds: .max,
                errorText: "", statusCode: 200),
            HealthResult(
                check: CheckID(""), probedAt: Timestamp(milliseconds: 0), isHealthy: false, latencyMilliseconds: 0,
                errorText: "refused", statusCode: 0, detail: ProbeDetail()),
        ]
        for failure in ProbeFailure.allCases {
            var detail = ProbeDetail()
            detail.resolveMilliseconds = 0
            detail.connectMilliseconds = 1
            detail.tlsMilliseconds = .max
            detail.firstByteMilliseconds = 3
            detail.certificateExpiresAt = Timestamp(milliseconds: 4)
            detail.failure = failure
            results[1].detail = detail
            results.append(results[1])
        }
        return results
    }()

    static let requests: [Request] =
        [
            .createAgent(agent, name: "a", keyDigest: digest), .renameAgent(agent, name: "b"), .deleteAgent(agent),
            .rotateKey(agent, keyDigest: digest), .configureAgent(agent, settingsFields),
            .createTarget(target, agent, targetFields), .changeTarget(target, []), .deleteTarget(target),
            .createJob(job, agent, target, jobFields), .changeJob(job, [.cron("")]), .deleteJob(job),
            .runJob(run, job), .cancelRun(run), .deleteRun(run), .issueDecryptionToken(run),
            .lockRun(run, until: Timestamp(milliseconds: -1), reason: "audit"), .lockRun(run, until: nil, reason: ""),
            .unlockRun(run),
            .createCheck(check, nil, checkSpec(.http)), .deleteCheck(check),
            .createToken(token, tokenSpec(expiresAt: nil)), .deleteToken(token),
            .changePolicy([.startsPerSecond(7)]), .changePolicy([]),
            .acknowledgeAlert(AlertID(bits: 8)), .confirmClock,
            .changeCheck(check, checkFields), .changeCheck(check, []), .runCheck(check),
        ] + CheckSpec.Kind.allCases.map { .createCheck(check, agent, checkSpec($0)) }

    static let acceptances: [Acceptance] = {
        var settings = AgentSettings()
        for field in settingsFields { settings.set(field) }
        return [
            .agentCreated(agent, name: "a", keyDigest: digest), .agentRenamed(agent, name: "b"), .agentDeleted(agent),
            .keyRotated(agent, keyDigest: digest), .agentConfigured(agent, settings),
            .agentConfigured(agent, AgentSettings()), .targetCreated(target, agent, targetSpec),
            .targetChanged(target, TargetSpec()), .targetDeleted(target), .jobCreated(job, agent, target, jobSpec),
            .jobChanged(job, JobSpec()), .jobDeleted(job),
            .runQueued(
                run,
                RunOrder(
                    job: job, agent: agent, target: target, isManual: true, timeoutSeconds: 1, retentionDays: 2)),
            .runQueued(
                run,
                RunOrder(
                    job: job, agent: agent, target: target, isManual: false, timeoutSeconds: 0, retentionDays: 0,
                    maxAttempts: .max, backoffSeconds: [0, .max])),
            .runQueued(run, slotOrder), .cancelRequested(run), .runDeletionRequested(run), .tokenIssued(run, .first),
            .runLocked(run, lock), .runLocked(run, ObjectLock(until: nil, reason: "", token: "", setAt: lock.setAt)),
            .runUnlocked(run),
            .checkCreated(check, agent, checkSpec(.tcp)), .checkCreated(check, nil, checkSpec(.http)),
            .checkChanged(check, changedCheck), .checkRunRequested(check),
            .checkDeleted(check), .tokenCreated(token, tokenSpec(expiresAt: Timestamp(milliseconds: -1))),
            .tokenDeleted(token), .alertAcknowledged(AlertID(bits: 8), AlertKey(.agentLost, agent)),
            .clockConfirmed, .repeated(Position(.max)), .policyChanged(policy), .policyChanged(FleetPolicy()),
        ]
    }()

    static let slot = Slot(localMinute: 29_500_000, offsetSeconds: -12_600)
    static let slotOrder = RunOrder(
        job: job, agent: agent, target: target, isManual: false, timeoutSeconds: 0, retentionDays: 0, slot: slot,
        overlap: .queue, takeBy: Timestamp(milliseconds: 1_800_000_000_000))

    static let timers: [TimerKey] =
        [
            .silence(agent), .run(run), .idempotency(IdempotencyKey(token: "t", key: "k")), .claim(agent),
            .window(agent),
            .starts, .cancellation(run), .check(check), .retention(job), .leftovers(run), .deletion(object.key),
            .survey,
            .schedule(job), .zone("Europe/Berlin"),
        ] + Alert.Kind.allCases.map { .alert(AlertKey($0, "subject")) }

    static let verdicts: [Verdict] =
        Evidence.DigestSource.allCases.map {
            .success(.first, Evidence(byteCount: 10, digest: $0 == .none ? nil : digest, source: $0))
        } + [.reported, .cancelled] + FailureClass.allCases.flatMap { [.failed($0), .lost($0)] }

    static let retry = Retry(
        attempt: .first, failure: .disconnect, due: Timestamp(milliseconds: 1_800_000_000_000), isFree: true)

    static let decisions: [Fleet.Message] =
        [
            .presence(agent, .online), .presence(agent, .offline),
            .decided(run, .started(.first, isRepeatable: true)),
            .decided(run, .started(Attempt(.max), isRepeatable: false)),
            .decided(run, .closed(.reported, grounds: [Position(1), Position(.max)])),
            .decided(run, .retried(retry, grounds: [Position(1), Position(.max)])),
        ]
        + FailureClass.allCases.map {
            let due = Timestamp(milliseconds: -1)
            return .decided(
                run, .retried(Retry(attempt: Attempt(.max), failure: $0, due: due, isFree: false), grounds: []))
        } + verdicts.map { .decided(run, .closed($0, grounds: [])) }
        + Anomaly.Kind.allCases.map { .noted(Anomaly(agent: agent, kind: $0, run: run, detail: "d")) }
        + ([.expired(reason: "old"), .vanished, .returned] + OrphanReason.allCases.map { .orphaned($0) }).map {
            .object(object, $0)
        }
        + [.noted(Anomaly(agent: agent, kind: .unknownRun, run: nil, detail: ""))]
        + checkDecisions.map { .judged(check, $0) }

    static let alerts: [Fleet.Message] = AlertDecision.Step.allCases.map {
        .alerted(
            AlertDecision(
                key: AlertKey(.runFailed, job), id: AlertID(bits: 8), agent: $0 == .opened ? agent : nil, step: $0,
                detail: "d", grounds: $0 == .resolved ? [Position(3)] : []))
    }

    static let slotVerdicts: [SlotVerdict] =
        [.completed] + FailureClass.allCases.map { .failed($0) } + SlotVerdict.MissedReason.allCases.map { .missed($0) }
        + SlotVerdict.SkipReason.allCases.map { .skipped($0) }

    static let slots: [Fleet.Message] =
        [
            .scheduled(job, .opened(slot, run, slotOrder, isLate: true)),
            .scheduled(job, .opened(Slot(localMinute: 0, offsetSeconds: 0), run, slotOrder, isLate: false)),
        ]
        + slotVerdicts.flatMap { verdict in
            [nil, run].map { .scheduled(job, .judged(slot, verdict, run: $0)) }
        }

    static let commands: [Command] = [
        .welcome(agent, session), .configure(agent, version: 2), .dispatch(agent, run, .first, isRepeatable: true),
        .cancel(agent, run, .first), .observe(run, .first), .delete(run, Attempt(2)), .disconnect(agent, session),
        .probe(agent, session), .refuse(agent, session), .probeTarget(check), .runCheck(agent, check), .survey,
        .readZone("Europe/Berlin", from: Timestamp(milliseconds: -1)),
    ]

    static let results: [CommandOutcome.Result] =
        [
            .done, .undone(""), .undone("no session"), .unknown, .found(byteCount: 0, digest: nil),
            .found(byteCount: 1, digest: digest), .found(byteCount: 1, digest: []), .missing, .surveyed(survey),
            .surveyed(Survey()), .zone(.utc),
            .zone(
                ZoneRules(
                    offsetSeconds: -3_600,
                    transitions: [ZoneRules.Transition(at: Timestamp(milliseconds: 1), offsetSeconds: 7_200)],
                    until: Timestamp(milliseconds: 2))),
        ] + probed.map { .probed($0) }

    static let outcomes: [Fleet.Message] = commands.flatMap { command in
        results.map { .outcome(CommandOutcome(position: Position(9), command: command, result: $0)) }
    }
}
