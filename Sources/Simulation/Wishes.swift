import Core

/// What people have made so far, so that they can speak of it.
struct Wishes: Sendable {
    /// By agent.
    var jobs: [[JobID]] = []
    var checks: [CheckID] = []
    var tokens: [TokenID] = []
    /// Agents that never connect.
    var ghosts: [AgentID] = []
    var madeCount: UInt64 = 0

    mutating func next() -> UInt64 {
        madeCount += 1
        return madeCount
    }
}

extension World {
    /// Sets up the fleet, and begins to want things.
    mutating func planWishes() {
        var moment = now + .seconds(1)
        for agent in links.indices {
            wishes.jobs.append([])
            ask(
                .createAgent(links[agent].agent, name: links[agent].host, keyDigest: dice.bytes(32)), at: moment)
            ask(.configureAgent(links[agent].agent, [.maxParallelJobs(UInt32(dice.number(1...3)))]), at: moment)
            for target in Self.targets(of: agent) {
                ask(
                    .createTarget(
                        target, links[agent].agent,
                        [
                            .type(isOurs(agent) ? .sqlite : .postgresql), .displayName("d"), .database("/d"),
                            .host(isOurs(agent) ? "" : "db"), .password(.vault(Text("password-\(agent)"))),
                        ]), at: moment)
            }
            for _ in 0..<2 { createJob(of: agent, at: moment) }
            moment = moment + Milliseconds(50)
            agenda.add(.wish(agent), at: moment + .seconds(5) + dice.span(0...plan.profile.wishInterval.count))
        }
    }

    /// Two: runs of one target wait for each other, and some must go on side by side.
    private static func targets(of agent: Int) -> [TargetID] {
        [TargetID(Text("tgt_\(agent)")), TargetID(Text("tgt_\(agent)_b"))]
    }

    private mutating func createJob(of agent: Int, at moment: Timestamp) {
        let job = JobID(Text("job_\(agent)_\(wishes.next())"))
        let targets = Self.targets(of: agent)
        let target = targets[wishes.jobs[agent].count % targets.count]
        wishes.jobs[agent].append(job)
        ask(.createJob(job, links[agent].agent, target, jobFields()), at: moment)
    }

    private mutating func jobFields() -> [JobField] {
        [
            .timeoutSeconds(dice.chance(in: 3) ? 0 : 600), .retentionDays(dice.chance(in: 4) ? 1 : 0),
            .preHooks(dice.chance(in: 8) ? ["true"] : []), .cron(dice.pick(plan.profile.schedules) ?? ""),
            .timeZone(dice.chance(in: 2) ? "Europe/Berlin" : "UTC"), .jitterSeconds(dice.chance(in: 4) ? 40 : 0),
            .overlap(dice.pick(Overlap.allCases) ?? .skip),
            .catchUpSeconds(dice.pick([0, 240, JobSpec.defaultCatchUpSeconds]) ?? 0),
            .maxAttempts(UInt32(dice.number(0...3))), .backoffSeconds(dice.chance(in: 2) ? [5, 20] : [2]),
            .keep(.last, UInt32(dice.number(0...3))),
        ]
    }

    /// Half the time none; otherwise some minutes, which begin soon or have begun.
    private mutating func maintenance() -> SettingsField {
        guard dice.chance(in: 2) else { return .maintenance(start: "", end: "") }
        let start = wallTime + dice.span(-120_000...240_000)
        let end = start + dice.span(60_000...600_000)
        return .maintenance(start: start.timeOfDay, end: end.timeOfDay)
    }

    /// People who want nothing more have no schedules either, and say that the clock is right once it is. Asked again while
    /// a late wish has left a schedule.
    mutating func endWishes() {
        guard unansweredCount == 0 else { return }
        if fleetAudit.state.holdsRetention { askNow(.confirmClock) }
        let jobs = fleetAudit.state.jobs
        for job in jobs.idsByCreation where jobs[job]?.spec.cron.isEmpty == false {
            askNow(.changeJob(job, [.cron("")]))
        }
    }

    /// One wish about an agent, and the next one a while later.
    mutating func wish(_ agent: Int) {
        guard now < end else { return }
        let mean = plan.profile.wishInterval.count
        after(dice.chance(in: 4) ? dice.span(0...mean / 10) : dice.span(mean / 2...mean * 2), .wish(agent))
        switch dice.number(1...40) {
        case 1...24: wishForRun(of: agent)
        case 25...28: wishAboutRun(of: agent)
        case 29...35: wishAboutAgent(agent)
        default: wishAboutOthers(agent)
        }
    }

    private mutating func wishForRun(of agent: Int) {
        guard let job = dice.pick(wishes.jobs[agent]) else { return }
        let key = dice.chance(in: 3) ? Text("key-\(wishes.next())") : nil
        askNow(
            .runJob(RunID(bits: dice.bits()), job), key: key,
            cancelAfter: dice.chance(in: 8) ? dice.span(0...60_000) : nil)
    }

    private mutating func wishAboutRun(of agent: Int) {
        let stored = dice.pick(fleetAudit.state.objects.idsByCreation)
        switch dice.number(1...6) {
        case 1: if let run = runToCancel(of: agent) { askNow(.cancelRun(run)) }
        case 2: if let stored { askNow(.deleteRun(stored)) }
        case 3: if let stored { askNow(.issueDecryptionToken(stored)) }
        case 4:
            let until = dice.chance(in: 3) ? nil : wallTime + dice.span(60_000...900_000)
            if let stored { askNow(.lockRun(stored, until: until, reason: "audit")) }
        case 5: if let locked = dice.pick(fleetAudit.state.locks.idsByCreation) { askNow(.unlockRun(locked)) }
        default: askNow(.cancelRun(RunID(bits: dice.bits())))
        }
    }

    /// An open run, and one that waits for its next attempt rather than others: it does so for seconds only.
    private mutating func runToCancel(of agent: Int) -> RunID? {
        let state = fleetAudit.state
        let open = state.agents[links[agent].agent]?.openRuns ?? []
        let waiting = open.filter { state.runs[$0]?.nextAttemptAt != nil }
        return dice.pick(waiting.isEmpty ? open : waiting)
    }

    private mutating func wishAboutAgent(_ agent: Int) {
        let id = links[agent].agent
        switch dice.number(1...8) {
        case 1: askNow(.configureAgent(id, [.maxParallelJobs(UInt32(dice.number(1...4)))]))
        case 2: askNow(.configureAgent(id, [maintenance()]))
        case 3: askNow(.renameAgent(id, name: Text("name-\(wishes.next())")))
        case 4: askNow(.changeTarget(TargetID(Text("tgt_\(agent)")), [.database(Text("/d\(wishes.next())"))]))
        case 5, 6:
            guard let job = dice.pick(wishes.jobs[agent]) else { return }
            askNow(.changeJob(job, jobFields()))
        case 7:
            if wishes.jobs[agent].count < 4 { createJob(of: agent, at: now) }
        default:
            guard wishes.jobs[agent].count > 2 else { return }
            askNow(.deleteJob(wishes.jobs[agent].removeLast()))
        }
    }

    private mutating func wishAboutOthers(_ agent: Int) {
        switch dice.number(1...17) {
        case 1:
            let id = AgentID(Text("agt_ghost_\(wishes.next())"))
            wishes.ghosts.append(id)
            askNow(.createAgent(id, name: "ghost", keyDigest: dice.bytes(32)))
        case 2: if let id = wishes.ghosts.popLast() { askNow(.deleteAgent(id)) }
        case 3, 4: createCheck(agent)
        case 5: askNow(.deleteTarget(TargetID(Text("tgt_\(agent)"))))  // refused: jobs use it
        case 6: askNow(.runJob(RunID(bits: dice.bits()), JobID("job_unknown")))
        case 7: askNow(.deleteAgent(AgentID("agt_unknown")))
        case 8: if fleetAudit.state.holdsRetention { askNow(.confirmClock) }
        case 9: if let id = wishes.checks.popLast() { askNow(.deleteCheck(id)) }
        case 10, 11: if let id = dice.pick(wishes.checks) { askNow(.changeCheck(id, [checkField()])) }
        case 12: if let id = dice.pick(wishes.checks) { askNow(.runCheck(id)) }
        case 13: askNow(.changePolicy([.startsPerSecond(dice.chance(in: 2) ? 1 : 50)]))
        case 14:
            let id = TokenID(bits: dice.bits())
            wishes.tokens.append(id)
            askNow(.createToken(id, APITokenSpec(name: "t", role: .viewer, digest: dice.bytes(32), expiresAt: nil)))
        case 15: if let id = wishes.tokens.popLast() { askNow(.deleteToken(id)) }
        case 16:
            let alerts = fleetAudit.state.alerts
            if let alert = dice.pick(alerts.idsByCreation).flatMap({ alerts[$0] }) {
                askNow(.acknowledgeAlert(alert.id))
            }
        default: askNow(.configureAgent(AgentID("agt_unknown"), [.maxParallelJobs(1)]))
        }
    }
}

extension World {
    private mutating func createCheck(_ agent: Int) {
        let id = CheckID(bits: dice.bits())
        wishes.checks.append(id)
        let spec = CheckSpec(
            name: "c", kind: .tcp, target: "db:5432", intervalSeconds: 60, timeoutSeconds: 5, expectedStatus: 0)
        askNow(.createCheck(id, dice.chance(in: 2) ? links[agent].agent : nil, spec))
    }

    private mutating func checkField() -> CheckField {
        switch dice.number(1...4) {
        case 1: .isPaused(true)
        case 2: .isPaused(false)
        case 3: .intervalSeconds(dice.chance(in: 2) ? 30 : 60)
        default: .target("db:5433")
        }
    }
}

extension Timestamp {
    /// `HH:MM` in UTC.
    var timeOfDay: Text { Text(String(text.dropFirst(11).prefix(5))) }
}
