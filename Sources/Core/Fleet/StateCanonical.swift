extension Fleet.State: Restorable {
    /// Writes the scalars, then every table; timers aside, since the entities do not say which entry armed them,
    /// and what was seen of connections that replace each other, which no result shows until it is a conflict.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("seed", seed)
        encoder.encode("start_count", startCount)
        encoder.encode("policy", policy)
        encoder.encode("start_budget", startBudget)
        encoder.encode("queueing", list: queueing)
        encoder.encode("agents", table: agents) { $0.text }
        encoder.encode("targets", table: targets) { $0.text }
        encoder.encode("jobs", table: jobs) { $0.text }
        encoder.encode("runs", table: runs) { $0.text }
        encoder.encode("objects", table: objects) { $0.text }
        encoder.encode("locks", table: locks) { $0.text }
        encoder.encode("deletions", table: deletions) { WireRunID($0.run, $0.attempt).text }
        encoder.encode("checks", table: checks) { $0.text }
        encoder.encode("answers", table: answers) { Text("\($0.token)\u{0}\($0.key)") }
        encoder.encode("tokens", table: tokens) { $0.text }
        encoder.encode("claims", table: claims) { $0.text }
        encoder.encode("conflicts", table: conflicts) { $0.text }
        encoder.encode("alerts", table: alerts) { $0.joined }
        encoder.encode("schedules", table: schedules) { $0.text }
        encoder.encode("zones", table: zones) { $0 }
        encoder.encode("schedules_since", schedulesSince)
        encoder.encode("clock_doubt", clockDoubt)
        encoder.encode("clock_leap", clockLeap)
        encoder.encode("clock_lead_ms", clockLead.count)
        encoder.encode("clock_lead_at", clockLeadAt)
        encoder.encode("recorded_at", recordedAt)
        encoder.encode("disk_shortage", diskShortage)
        encoder.encode("made_count", madeCount)
        encoder.encodeAside("timers", list: timers.inOrder.map { ArmedTimer(timer: $0) })
        encoder.encodeAside(
            "alternations",
            list: alternations.idsByCreation.compactMap { id in
                alternations[id].map { AgentAlternation(agent: id, alternation: $0) }
            })
    }

    /// Reads the same, and derives what each agent has from the tables.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        seed = try decoder.decode("seed")
        startCount = try decoder.decode("start_count")
        policy = try decoder.decode("policy")
        startBudget = try decoder.decode("start_budget")
        queueing = try decoder.decode("queueing")
        agents = try decoder.decode("agents") { AgentID($0) }
        targets = try decoder.decode("targets") { TargetID($0) }
        jobs = try decoder.decode("jobs") { JobID($0) }
        runs = try decoder.decode("runs") { RunID($0) }
        objects = try decoder.decode("objects") { RunID($0) }
        locks = try decoder.decode("locks") { RunID($0) }
        deletions = try decoder.decode("deletions") { ObjectKey(joined: $0) }
        checks = try decoder.decode("checks") { CheckID($0) }
        answers = try decoder.decode("answers") { IdempotencyKey(joined: $0) }
        tokens = try decoder.decode("tokens") { TokenID($0) }
        claims = try decoder.decode("claims") { AgentID($0) }
        conflicts = try decoder.decode("conflicts") { AgentID($0) }
        alerts = try decoder.decode("alerts") { AlertKey(restored: $0) }
        schedules = try decoder.decode("schedules") { JobID($0) }
        zones = try decoder.decode("zones") { $0 }
        schedulesSince = try decoder.decode("schedules_since")
        clockDoubt = try decoder.decode("clock_doubt")
        clockLeap = try decoder.decode("clock_leap")
        clockLead = Milliseconds(try decoder.decode("clock_lead_ms"))
        clockLeadAt = try decoder.decode("clock_lead_at")
        recordedAt = try decoder.decode("recorded_at")
        diskShortage = try decoder.decode("disk_shortage")
        madeCount = try decoder.decode("made_count")
        let armed: [ArmedTimer] = try decoder.decode("timers")
        for item in armed { timers.arm(item.timer.key, due: item.timer.due, by: item.timer.armedBy) }
        let alternating: [AgentAlternation] = try decoder.decode("alternations")
        for item in alternating { alternations[item.agent] = item.alternation }
        derive()
    }

    private mutating func derive() {
        for id in targets.idsByCreation {
            if let agent = targets[id]?.agent { agents[agent]?.targets.append(id) }
        }
        for id in jobs.idsByCreation {
            if let agent = jobs[id]?.agent { agents[agent]?.jobs.append(id) }
        }
        for id in objects.idsByCreation {
            if let job = objects[id]?.job { shelves[job, default: []].append(id) }
        }
        for id in checks.idsByCreation {
            checks[id]?.last?.check = id
            if let agent = checks[id]?.agent { agents[agent]?.checks.append(id) }
        }
    }
}

extension IdempotencyKey {
    /// The key of an entity's id: token and key around the first zero byte, which no token has.
    fileprivate init(joined text: Text) {
        let bytes = text.string.utf8
        let end = bytes.firstIndex(of: 0) ?? bytes.endIndex
        self.init(
            token: Text(String(text.string[..<end])),
            key: Text(String(text.string[(end == bytes.endIndex ? end : bytes.index(after: end))...])))
    }
}

/// What is due when, and which entry armed it: the cause of the deadline's entry.
private struct ArmedTimer: Restorable {
    var timer: Timers<TimerKey>.Timer

    init(timer: Timers<TimerKey>.Timer) { self.timer = timer }

    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("due", timer.due)
        encoder.encode("armed_by", timer.armedBy)
        switch timer.key {
        case .silence(let agent):
            encoder.encode("kind", "silence" as Text)
            encoder.encode("id", agent)
        case .claim(let agent):
            encoder.encode("kind", "claim" as Text)
            encoder.encode("id", agent)
        case .alert(let key):
            encoder.encode("kind", "alert" as Text)
            encoder.encode("id", key.joined)
        case .run(let run):
            encoder.encode("kind", "run" as Text)
            encoder.encode("id", run)
        case .window(let agent):
            encoder.encode("kind", "window" as Text)
            encoder.encode("id", agent)
        case .cancellation(let run):
            encoder.encode("kind", "cancellation" as Text)
            encoder.encode("id", run)
        case .starts:
            encoder.encode("kind", "starts" as Text)
        case .schedule(let job):
            encoder.encode("kind", "schedule" as Text)
            encoder.encode("id", job)
        case .zone(let zone):
            encoder.encode("kind", "zone" as Text)
            encoder.encode("id", zone)
        case .check(let check):
            encoder.encode("kind", "check" as Text)
            encoder.encode("id", check)
        case .idempotency(let key):
            encoder.encode("kind", "idempotency" as Text)
            encoder.encode("token", key.token)
            encoder.encode("key", key.key)
        case .retention(let job):
            encoder.encode("kind", "retention" as Text)
            encoder.encode("id", job)
        case .leftovers(let run):
            encoder.encode("kind", "leftovers" as Text)
            encoder.encode("id", run)
        case .deletion(let key):
            encoder.encode("kind", "deletion" as Text)
            encoder.encode("id", key.run)
            encoder.encode("attempt", key.attempt.number)
        case .survey:
            encoder.encode("kind", "survey" as Text)
        }
    }

    init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        let due: Timestamp = try decoder.decode("due")
        let armedBy: Position = try decoder.decode("armed_by")
        let kind: Text = try decoder.decode("kind")
        let key: TimerKey =
            switch kind {
            case "silence": .silence(try decoder.decode("id"))
            case "claim": .claim(try decoder.decode("id"))
            case "run": .run(try decoder.decode("id"))
            case "window": .window(try decoder.decode("id"))
            case "cancellation": .cancellation(try decoder.decode("id"))
            case "starts": .starts
            case "alert": .alert(try decoder.decode("id") { AlertKey(joined: $0) })
            case "schedule": .schedule(try decoder.decode("id"))
            case "zone": .zone(try decoder.decode("id"))
            case "check": .check(try decoder.decode("id"))
            case "idempotency":
                .idempotency(IdempotencyKey(token: try decoder.decode("token"), key: try decoder.decode("key")))
            case "retention": .retention(try decoder.decode("id"))
            case "leftovers": .leftovers(try decoder.decode("id"))
            case "deletion":
                .deletion(ObjectKey(run: try decoder.decode("id"), attempt: Attempt(try decoder.decode("attempt"))))
            case "survey": .survey
            default: throw CanonicalError(field: "kind", problem: "is no kind of timer that this version knows")
            }
        timer = Timers.Timer(due: due, key: key, armedBy: armedBy)
    }
}

extension RememberedAnswer: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("body_digest", bytes: bodyDigest)
        encoder.encode("position", position)
        encoder.encode("expires_at", expiresAt)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        bodyDigest = try decoder.decodeBytes("body_digest")
        position = try decoder.decode("position")
        expiresAt = try decoder.decode("expires_at")
    }
}
