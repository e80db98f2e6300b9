@testable import Core

/// A value of each kind with nothing empty, and one with nothing in it. A field that is the same in both would not be
/// noticed if it were lost: a test compares them member by member, so whoever adds a field fills it in here.
enum Samples {
    static let digest = [UInt8](repeating: 7, count: 32)
    static let moment = Timestamp(milliseconds: 1_700_000_000_123)

    static let fullAgent: Agent = {
        var agent = Agent(name: "Bücher", keyDigest: digest, isCaptured: true)
        agent.status = .offline
        agent.settings.maintenanceStart = "22:00"
        agent.settings.maintenanceEnd = "23:30"
        agent.settings.maxParallelJobs = 9
        agent.settings.logLevel = "debug"
        agent.settings.autoUpdate = true
        agent.configVersion = 17
        agent.appliedConfigVersion = 16
        agent.configSentAt = moment
        agent.settingsPosition = Position(12)
        agent.restartedBy = Position(13)
        agent.numbers = MessageNumbers(
            missing: [4, .max], awaited: [2], heartbeatCount: 1, hasGap: true, isReorderingNoted: true)
        agent.heartbeatSentAt = moment
        agent.registration = fullRegistration
        agent.session = fullSession
        agent.journalsRuns = true
        agent.metrics = AgentMetrics(
            cpuThousandths: 1_500, memoryUsedByteCount: 1, memoryTotalByteCount: 2, diskUsedByteCount: 3,
            diskTotalByteCount: .max, queueDepth: 5)
        agent.discovered = [fullContainer]
        agent.discoveredSentAt = moment
        agent.lastSeenAt = moment
        agent.targets = ["tgt_1"].map { TargetID(Text($0)) }
        agent.jobs = ["job_1"].map { JobID(Text($0)) }
        agent.checks = ["chk_1"].map { CheckID(Text($0)) }
        agent.openRuns = ["run_2", "run_1"].map { RunID(Text($0)) }
        agent.inFlightCount = 2
        agent.queuedCount = 4
        agent.highestLiveSequence = 99
        for number in 1...70 { _ = agent.recent.add(sequence: UInt64(number), fingerprint: UInt64(number) << 40) }
        agent.duplicateCount = 3
        agent.note(.clockSkew)
        agent.note(.repeatedCompletion)
        return agent
    }()
    static let emptyAgent: Agent = {
        var agent = Agent(name: "", keyDigest: [], isCaptured: false)
        agent.configVersion = 0
        return agent
    }()

    static let fullRegistration = Registration(
        agentVersion: "1", hostname: "h", os: "linux", arch: "amd64", dockerVersion: "27", capabilities: ["a", "b"],
        lastKnownConfigVersion: 4)
    static let emptyRegistration = Registration(
        agentVersion: "", hostname: "", os: "", arch: "", dockerVersion: "", capabilities: [], lastKnownConfigVersion: 0
    )
    static let fullSession: Agent.Session = {
        var session = Agent.Session(id: SessionID("ses_1"), remoteAddress: "10.0.0.1:1", extensions: ["journal"])
        session.registeredSentAt = moment
        session.welcomedAt = moment
        session.hasSpoken = true
        session.hasListedRuns = true
        session.listed = [ListedAttempt(run: RunID("run_1"), attempt: Attempt(2))]
        session.stops = [SentStop(item: session.listed[0], sentAt: Timestamp(milliseconds: 9))]
        session.isStopNoted = true
        session.takesRuns = true
        session.savedCount = 3
        session.isSkewNoted = true
        session.isConfigurationNoted = true
        return session
    }()
    static let emptySession = Agent.Session(id: nil, remoteAddress: "", extensions: [])
    static let fullContainer = DiscoveredContainer(
        id: "c", name: "db", image: "postgres:16", databaseType: "postgresql", networks: ["n"],
        environmentHints: [KeyValue(key: "POSTGRES_USER", value: "set")],
        ports: [.init(container: 5_432, host: 15_432, transport: "tcp")])
    static let emptyContainer = DiscoveredContainer(
        id: "", name: "", image: "", databaseType: "", networks: [], environmentHints: [], ports: [])
    static let fullMetrics = fullAgent.metrics ?? emptyMetrics
    static let emptyMetrics = AgentMetrics(
        cpuThousandths: nil, memoryUsedByteCount: 0, memoryTotalByteCount: 0, diskUsedByteCount: 0,
        diskTotalByteCount: 0, queueDepth: 0)

    static let fullTarget: Target = {
        var spec = TargetSpec()
        spec.type = .sqlite
        spec.displayName = "d"
        spec.host = "h"
        spec.port = 5_432
        spec.database = "/var/lib/a.db"
        spec.username = "u"
        spec.password = .vault("secret:1")
        spec.containerID = "c"
        spec.strategy = .unixSocket
        return Target(agent: AgentID("agt_1"), spec: spec, position: Position(5))
    }()
    static let emptyTarget = Target(agent: AgentID(""), spec: TargetSpec(), position: .start)

    static let fullJob: Job = {
        var spec = JobSpec()
        spec.cron = "*/5 * * * *"
        spec.retention = fullRule
        spec.compression = "none"
        spec.preHooks = ["a", "b"]
        spec.postHooks = ["c"]
        spec.maxAttempts = 3
        spec.backoffSeconds = [1, 60]
        spec.timeoutSeconds = 90
        spec.timeZone = "Europe/Berlin"
        spec.jitterSeconds = 30
        spec.overlap = .queue
        spec.catchUpSeconds = 0
        var job = Job(agent: AgentID("agt_1"), target: TargetID("tgt_1"), spec: spec, position: Position(6))
        job.startedBy = Position(7)
        return job
    }()
    static let emptyJob = Job(agent: AgentID(""), target: TargetID(""), spec: JobSpec(), position: .start)

    static let evidence = Evidence(byteCount: 77, digest: digest, source: .store)
    static let fullRun: Run = {
        let order = RunOrder(
            job: JobID("job_1"), agent: AgentID("agt_1"), target: TargetID("tgt_1"), isManual: true, timeoutSeconds: 60,
            retentionDays: 30, maxAttempts: 3, backoffSeconds: [0, 60],
            slot: Slot(localMinute: 29_500_000, offsetSeconds: -12_600), overlap: .alongside,
            takeBy: moment)
        var run = Run(order: order, phase: .stored(Attempt(2), evidence), at: moment)
        run.attempt = Attempt(2)
        run.replacementCount = 1
        run.wasCutOff = true
        run.isRepeatable = true
        run.deliveryCount = 2
        run.completionCount = 3
        run.failure = .timeout
        run.hasFailedSinceDelivery = true
        run.wasCancelled = true
        run.reported = [
            .init(attempt: Attempt(1), byteCount: 5, digest: digest, position: Position(8), isSettled: true)
        ]
        run.progressPercent = 50
        run.progressSentAt = moment
        run.sentBy = Position(4)
        run.orderedBy = Position(3)
        run.stoppedBy = Position(6)
        run.formerlyStopped = Attempt(1)
        run.unansweredBy = Position(7)
        run.cancelRequestedBy = Position(7)
        run.cancellation = .unanswered
        run.queuedAt = Timestamp(milliseconds: 5)
        run.graceLimit = Timestamp(milliseconds: 6)
        run.grace = moment
        return run
    }()
    static let emptyRun = Run(
        order: RunOrder(
            job: JobID(""), agent: AgentID(""), target: TargetID(""), isManual: false, timeoutSeconds: 0,
            retentionDays: 0), phase: .queued, at: Timestamp(milliseconds: 0))

    /// Every phase, with every class of failure and kind of evidence somewhere.
    static let phases: [Run.Phase] =
        [
            .queued, .expired, .sending(Attempt(1)), .unconfirmed(Attempt(2)), .running(.first), .verifying(.first),
            .stored(.first, Evidence(byteCount: 0, digest: nil, source: .none)),
            .stored(.first, Evidence(byteCount: 0, digest: digest, source: .readBack)), .stopped, .captured, .ended,
            .closed(.success(.first, evidence)), .closed(.reported), .closed(.cancelled),
        ]
        + FailureClass.allCases.flatMap {
            [
                .reconciling(.first, $0), .failed(.first, $0), .gone(.first, $0), .waiting(.first, $0),
                .closed(.failed($0)),
                .closed(.lost($0)),
            ]
        }

    static let fullObject = StoredObject(
        agent: AgentID("agt_1"), job: JobID("job_1"), attempt: Attempt(2), byteCount: 5, createdAt: moment,
        storedAt: moment, keepUntil: moment, deferral: .hours(90), isBeingDeleted: true, isVanished: true)
    static let emptyObject = StoredObject(
        agent: AgentID(""), job: JobID(""), attempt: .none, byteCount: 0,
        createdAt: Timestamp(milliseconds: 0), storedAt: Timestamp(milliseconds: 0),
        keepUntil: Timestamp(milliseconds: 0))

    static let fullLock = ObjectLock(until: moment, reason: "audit", token: "ci", setAt: moment)
    static let emptyLock = ObjectLock(until: nil, reason: "", token: "", setAt: Timestamp(milliseconds: 0))
    static let fullDeletion = Deletion(agent: AgentID("agt_1"), job: JobID("job_1"), failureCount: 3)
    static let emptyDeletion = Deletion(agent: AgentID(""), job: JobID(""))
    static let fullRule: RetentionRule = {
        var rule = RetentionRule(days: 30)
        for part in RetentionRule.Count.allCases { rule[part] = UInt32(part.rawValue) }
        return rule
    }()

    static let fullCheck: Check = {
        var spec = CheckSpec(
            name: "n", kind: .tcp, target: "db:5432", intervalSeconds: 60, timeoutSeconds: 5, expectedStatus: 204)
        spec.failuresToDown = 4
        spec.successesToUp = 5
        spec.flapChanges = 7
        spec.certificateDays = 30
        spec.isPaused = true
        var check = Check(agent: AgentID("agt_1"), spec: spec, at: moment)
        for seconds in [0, 60, 4_000, 90_000] as [Int64] {
            var result = fullResult
            result.probedAt = moment + .seconds(seconds)
            _ = check.take(result, isLive: true, Position(3), at: result.probedAt)
        }
        check.become(.flapping, at: moment + .seconds(90_001))
        check.probe = Position(8)
        check.isProbeOfFormer = true
        check.expiringCertificate = moment
        check.laterCertificates = 4
        return check
    }()
    static let emptyCheck = Check(
        agent: nil,
        spec: CheckSpec(name: "", kind: .http, target: "", intervalSeconds: 0, timeoutSeconds: 0, expectedStatus: 0),
        at: Timestamp(milliseconds: 0))
    static let fullResult = HealthResult(
        check: CheckID(""), probedAt: moment, isHealthy: true, latencyMilliseconds: 5, errorText: "e", statusCode: 200,
        detail: fullDetail)
    static let fullDetail: ProbeDetail = {
        var detail = ProbeDetail()
        detail.resolveMilliseconds = 1
        detail.connectMilliseconds = 2
        detail.tlsMilliseconds = 3
        detail.firstByteMilliseconds = 4
        detail.certificateExpiresAt = moment
        detail.failure = .other
        return detail
    }()
    static let emptyResult = HealthResult(
        check: CheckID("-"), probedAt: Timestamp(milliseconds: 0), isHealthy: false, latencyMilliseconds: 0,
        errorText: "", statusCode: 0)

    static let fullAnswer = RememberedAnswer(bodyDigest: digest, position: Position(9), expiresAt: moment)
    static let emptyAnswer = RememberedAnswer(
        bodyDigest: [], position: .start, expiresAt: Timestamp(milliseconds: 0))

    static let fullPolicy: FleetPolicy = {
        var policy = FleetPolicy()
        policy.startsPerSecond = 7
        return policy
    }()
    static let fullBudget: StartBudget = {
        var budget = StartBudget()
        budget.thousandths = 1_500
        budget.countedAt = moment
        return budget
    }()

    static let slot = Slot(localMinute: 29_500_000, offsetSeconds: -12_600)
    static let fullSchedule: Schedule = {
        var schedule = Schedule()
        let (next, met) = (slot, Slot(localMinute: slot.localMinute - 60, offsetSeconds: slot.offsetSeconds))
        let ending = Schedule.Ending(at: moment, reason: .jobChanged)
        schedule.plans = [
            Schedule.Plan(cron: "@daily", zone: "UTC", cursor: met.instant, ending: ending),
            Schedule.Plan(cron: "@hourly", zone: "Europe/Berlin", cursor: moment, ending: nil),
        ]
        schedule.next = Schedule.Upcoming(slot: next, due: moment)
        schedule.lastDue = moment
        schedule.open = [Schedule.OpenSlot(slot: met, run: RunID("run_1"))]
        schedule.absence = Schedule.Absence(Schedule.Absence(nil, and: met), and: slot)
        return schedule
    }()
    static let fullZone: Zone = {
        var zone = Zone()
        let transition = ZoneRules.Transition(at: moment, offsetSeconds: -3_600)
        zone.rules = ZoneRules(offsetSeconds: 7_200, transitions: [transition], until: moment + .hours(1))
        zone.readAt = moment
        zone.readFrom = moment
        zone.isAsked = true
        return zone
    }()

    static let fullToken = APIToken(
        name: "ops", role: .operator, digest: digest, createdAt: moment, expiresAt: moment)
    static let emptyToken = APIToken(
        name: "", role: .viewer, digest: [], createdAt: Timestamp(milliseconds: 0), expiresAt: nil)

    static let fullClaim = Claim(
        session: SessionID("ses_2"), remoteAddress: "10.0.0.2", extensions: ["journal"], hostname: "other",
        registration: fullRegistration, registeredSentAt: moment, sequence: 4, dueAt: moment)
    static let emptyClaim = Claim(
        session: SessionID(""), remoteAddress: "", extensions: [], hostname: "", dueAt: Timestamp(milliseconds: 0))
    static let fullConflict = Conflict(
        hostname: "other", session: SessionID("ses_3"), remoteAddress: "10.0.0.2", refusedAt: moment, count: 3)
    static let emptyConflict = Conflict(
        hostname: "", session: nil, remoteAddress: "", refusedAt: Timestamp(milliseconds: 0), count: 0)

    static let fullAlert = Alert(
        id: AlertID("alt_1"), agent: AgentID("agt_1"), detail: "d", openedAt: moment, openedBy: Position(3), count: 2,
        lastAt: moment, lastCause: Position(4), acknowledgedBy: "tok_1", acknowledgedAt: moment)
    static let emptyAlert = Alert(
        id: AlertID(""), agent: nil, detail: "", openedAt: Timestamp(milliseconds: 0), openedBy: .start,
        lastAt: Timestamp(milliseconds: 0), lastCause: .start)

    static let fullStationRun: Station.Run = {
        var run = Station.Run(Station.Order(job: "j", object: "o", isManual: true))
        run.phase = .reporting(.failed("no"), Position(4))
        run.isCancelled = true
        run.progress = Station.Progress(step: "upload", percent: 80)
        run.staged = Station.Staged(byteCount: 5, digest: "ab", engineVersion: "SQLite 3")
        run.begunAt = moment
        run.begunInStart = 2
        run.durationMilliseconds = 77
        run.keptUntil = moment
        run.repeatCount = 3
        return run
    }()
    static let emptyStationRun = Station.Run(Station.Order(job: "", object: "", isManual: false))
    static let stationPhases: [Station.Run.Phase] =
        [.queued, .dumping(Position(1)), .staged, .uploading(Position(2))]
        + [Station.Ending.completed, .failed(""), .failed("text"), .cancelled].flatMap {
            [.concluded($0), .reporting($0, Position(3)), .confirmed($0)]
        }

    /// A state with two of everything, in an order of creation that is not that of the ids.
    static let fleet: Fleet.State = {
        var state = Fleet.State()
        state.seed = 42
        state.startCount = 3
        state.policy = fullPolicy
        state.startBudget = fullBudget
        state.queueing = [AgentID("agt_2"), AgentID("agt_1")]
        for (id, name) in [("agt_2", "b"), ("agt_1", "a")] as [(Text, Text)] {
            state.agents[AgentID(id)] = fullAgent
            state.agents[AgentID(id)]?.name = name
            state.agents[AgentID(id)]?.targets = id == "agt_1" ? [TargetID("tgt_9"), TargetID("tgt_1")] : []
            state.agents[AgentID(id)]?.jobs = id == "agt_1" ? [JobID("job_9"), JobID("job_1")] : []
            state.agents[AgentID(id)]?.checks = id == "agt_1" ? [CheckID("chk_9"), CheckID("chk_1")] : []
        }
        state.targets[TargetID("tgt_9")] = fullTarget
        state.targets[TargetID("tgt_1")] = fullTarget
        state.targets[TargetID("tgt_1")]?.spec.password = .reference("env:PASSWORD")
        state.jobs[JobID("job_9")] = fullJob
        state.jobs[JobID("job_1")] = fullJob
        for (number, phase) in phases.enumerated() {
            var run = fullRun
            run.phase = phase
            state.runs[RunID(Text("run_\((number + 7) % phases.count)"))] = run
        }
        for id in ["run_5", "run_1"] as [Text] {
            state.objects[RunID(id)] = fullObject
            state.shelves[fullObject.job, default: []].append(RunID(id))
            state.locks[RunID(id)] = fullLock
            state.deletions[ObjectKey(run: RunID(id), attempt: Attempt(2))] = fullDeletion
        }
        for id in ["chk_9", "chk_1"] as [Text] {
            state.checks[CheckID(id)] = fullCheck
            state.checks[CheckID(id)]?.last?.check = CheckID(id)
        }
        let keys = [IdempotencyKey(token: "z", key: "k"), IdempotencyKey(token: "a", key: "")]
        for key in keys { state.answers[key] = fullAnswer }
        for id in ["tok_9", "tok_1"] as [Text] { state.tokens[TokenID(id)] = fullToken }
        for id in ["agt_9", "agt_1"] as [Text] {
            state.claims[AgentID(id)] = fullClaim
            state.conflicts[AgentID(id)] = fullConflict
            state.alternations[AgentID(id)] = Alternation(
                replacedAddress: "10.0.0.2", formerSequence: 5, returns: [moment], lastRise: 6, lastFall: 4)
        }
        for kind in Alert.Kind.allCases { state.alerts[AlertKey(kind, "a/b")] = fullAlert }
        state.timers.arm(.alert(AlertKey(.agentLost, "agt_1")), due: moment, by: Position(14))
        for id in ["job_9", "job_1"] as [Text] { state.schedules[JobID(id)] = fullSchedule }
        for name in ["Europe/Berlin", "America/New_York"] as [Text] { state.zones[name] = fullZone }
        state.schedulesSince = moment
        state.clockDoubt = ClockDoubt(behind: .hours(30), since: moment)
        state.clockLeap = ClockLeap(ahead: .hours(90), since: moment)
        state.clockLead = .hours(91)
        state.clockLeadAt = moment
        state.recordedAt = moment
        state.diskShortage = DiskShortage(since: moment, room: DiskRoom(freeByteCount: 1, totalByteCount: 2))
        state.madeCount = 4
        state.timers.arm(.schedule(JobID("job_1")), due: moment, by: Position(16))
        state.timers.arm(.zone("Europe/Berlin"), due: moment, by: Position(15))
        state.timers.arm(.claim(AgentID("agt_9")), due: moment, by: Position(10))
        state.timers.arm(.retention(JobID("job_1")), due: moment, by: Position(14))
        state.timers.arm(.leftovers(RunID("run_1")), due: moment, by: Position(15))
        state.timers.arm(
            .deletion(ObjectKey(run: RunID("run_1"), attempt: Attempt(2))), due: moment, by: Position(16))
        state.timers.arm(.survey, due: moment, by: Position(17))
        state.timers.arm(.silence(AgentID("agt_1")), due: moment, by: Position(11))
        state.timers.arm(.run(RunID("run_1")), due: moment, by: Position(12))
        state.timers.arm(.window(AgentID("agt_1")), due: moment, by: Position(14))
        state.timers.arm(.cancellation(RunID("run_1")), due: moment, by: Position(15))
        state.timers.arm(.starts, due: moment, by: Position(16))
        state.timers.arm(.check(CheckID("chk_1")), due: moment, by: Position(17))
        state.timers.arm(.idempotency(keys[0]), due: Timestamp(milliseconds: 5), by: Position(13))
        return state
    }()

    static let station: Station.State = {
        var state = Station.State()
        state.build = "1.0"
        state.startCount = 2
        state.session = "ses"
        state.extensions = ["journal"]
        state.configVersion = 8
        state.parallelRunLimit = 3
        for (number, phase) in stationPhases.enumerated() {
            var run = fullStationRun
            run.phase = phase
            state.runs[Text("r\((number + 5) % stationPhases.count)")] = run
        }
        state.waiting = ["r3", "r1"]
        state.activeCount = 2
        state.staleCount = 9
        state.timers.arm("r3", due: moment, by: Position(2))
        state.timers.arm("r1", due: moment, by: Position(3))
        return state
    }()
}
