import Core
import Engine
import HTTPTypes
import Wire
import Zones

@testable import Door

extension Target {
    /// Bodies of requests, as far as an answer on the log and the configuration that an agent is sent.
    static let bodies = Target(name: "bodies", maximumByteCount: 4_096, seeds: bodySeeds) { bytes in
        var feed = Feed(bytes)
        let form = feed.byte()
        let json = feed.remainder()
        do throws(RESTError) {
            guard let request = try request(form, json) else { return }
            answer(request)
        } catch {
            promise(error.status.code >= 400 && error.status.code < 500, "a refusal is the client's: \(error)")
            promise(JSON(parsing: error.details.bytes) == error.details, "its details are JSON")
        }
    }

    private static let agent = AgentID("agt_1")
    private static let target = TargetID("tgt_1")
    private static let job = JobID("job_1")
    private static let check = CheckID("chk_1")

    private static func request(_ form: UInt8, _ json: [UInt8]) throws(RESTError) -> Request? {
        switch form % 16 {
        case 7: try query(json)
        case 8: try times(json)
        case 9:
            let tag = try Revision.expected(by: String(decoding: json, as: UTF8.self))
            let again = try Revision.expected(by: tag.map(Revision.tag))
            promise(again == tag, "a tag comes back")
        case let form: return try request(form, Body.parse(json))
        }
        return nil
    }

    private static func request(_ form: UInt8, _ parsed: Body) throws(RESTError) -> Request? {
        var body = parsed
        switch form {
        case 0:
            let name = try body.text("name") ?? ""
            try body.end()
            return .createAgent(AgentID("agt_2"), name: name, keyDigest: [UInt8](repeating: 2, count: 32))
        case 1:
            let target = try TargetBody(&body)
            return .createTarget(
                TargetID("tgt_2"), agent, target.fields(secret: target.password.map { _ in "secret:1" }))
        case 2:
            let change = try TargetBody(&body)
            return .changeTarget(target, change.fields(secret: change.password.map { _ in "secret:1" }))
        case 3:
            let target = try body.text("target_id", byteLimit: 200) ?? ""
            return .createJob(JobID("job_2"), agent, TargetID(target), try JobBody.fields(&body))
        case 4: return .changeJob(job, try JobBody.fields(&body))
        case 5: return .configureAgent(agent, try SettingsBody.fields(&body, AgentSettings()))
        case 6:
            let prober = try body.identifier("agent_id", of: AgentID.self)
            return .createCheck(CheckID("chk_2"), prober.map { _ in agent }, try CheckBody(&body).spec)
        case 10: return .changeCheck(check, try CheckBody(&body).fields)
        case 11: return .changePolicy(try PolicyBody.fields(&body))
        case 12:
            let lock = try LockBody(&body)
            return .lockRun(RunID("run_1"), until: lock.until, reason: lock.reason)
        case 13:
            let token = try TokenBody(&body)
            let digest = [UInt8](repeating: 3, count: 32)
            return .createToken(
                TokenID("tok_1"),
                APITokenSpec(name: token.name, role: token.role, digest: digest, expiresAt: token.expiresAt))
        case 14:
            let fields = try RetentionBody.fields(&body)
            try body.end()
            preview(fields)
            return nil
        default:
            try body.end()
            return .confirmClock
        }
    }

    /// What a changed rule would delete, of backups at all distances in time.
    private static func preview(_ fields: [JobField]) {
        var spec = JobSpec()
        for field in fields { spec.set(field) }
        let rule = spec.retention
        let now = Timestamp(milliseconds: 1_800_000_000_000)
        let objects = (0..<40 as Range<Int64>).map { age in
            let moment = now + Milliseconds(-(1 << age))
            return KeptObject(
                run: RunID(bits: UInt64(age)), attempt: .first, createdAt: moment, storedAt: moment, byteCount: 1,
                lock: nil)
        }
        let verdicts = rule.judge(objects, at: now)
        promise(verdicts.map(\.object) == objects, "each backup has its verdict, the newest first")
        promise(verdicts.first?.isExpired == false, "the newest backup is kept")
        promise(!rule.keepsAll || verdicts.allSatisfy { !$0.isExpired }, "without a rule nothing is deleted")
        for verdict in verdicts {
            let json = RetentionJSON.verdict(verdict, rule, newest: objects.first, at: now)
            promise(JSON(parsing: json.bytes) == json, "a verdict that is shown is JSON")
        }
    }

    private static func times(_ bytes: [UInt8]) throws(RESTError) {
        let query = try CronQuery(Query(pairs(bytes), allowed: ["cron", "time_zone", "count"]))
        let start = Timestamp(milliseconds: 1_800_000_000_000)
        guard let zone = ZoneReader.rules(of: query.zone, from: start, now: start) else { return }
        let times = query.times(after: start, in: zone).map(\.instant)
        promise(times.count <= query.count, "no more than were asked for")
        promise(zip([start] + times, times).allSatisfy { $0 < $1 }, "each time is later than the one before")
    }

    private static func pairs(_ bytes: [UInt8]) -> [(Substring, Substring)] {
        String(decoding: bytes, as: UTF8.self).split(separator: "&").map { pair in
            let ends = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (ends[0], ends.count == 2 ? ends[1] : "")
        }
    }

    private static func query(_ bytes: [UInt8]) throws(RESTError) {
        let query = try Query(pairs(bytes), allowed: ["limit", "cursor", "after"])
        let page = try Page(query, kind: "runs")
        promise(Page.limits.contains(page.limit), "a page has its limits")
        guard let after = page.after else { return }
        let ids = (UInt64(0)..<20).map { RunID(bits: $0) } + [RunID(Text(after))]
        let (chosen, next) = page.select(ids)
        promise(chosen.count <= page.limit && !(next != nil && chosen.isEmpty), "a page is no longer than asked for")
        promise(page.cursor(behind: after) == query["cursor"], "a cursor comes back")
    }

    /// Puts the request to a fleet with an agent, a target and a job.
    private static func answer(_ request: Request) {
        do {
            var kernel = try Kernel<Fleet, MemoryLog, FleetCodec>(log: MemoryLog(), codec: FleetCodec())
            let ticket = Ticket(token: "t")
            let start = EngineStart(build: "b", rules: Fleet.rules, seed: 1)
            let digest = [UInt8](repeating: 1, count: 32)
            let story: [Fleet.Message] = [
                .started(start), .requested(.createAgent(agent, name: "a", keyDigest: digest), ticket),
                .requested(.createTarget(target, agent, [.type(.sqlite), .displayName("d"), .database("/d")]), ticket),
                .requested(.createJob(job, agent, target, []), ticket),
                .requested(.createCheck(check, nil, CheckBody.usual), ticket), .requested(request, ticket),
            ]
            for message in story { _ = try kernel.turn(message, at: Timestamp(milliseconds: 9)) }
            let turn = kernel.staged.lastIndex { $0.role == .request } ?? 0
            let answers = kernel.staged[turn...].filter { $0.role == .answer }
            promise(answers.count == 1, "one answer to one request")
            for entry in kernel.staged[turn...] { check(entry.entry.message) }
            let configuration = try AgentConfiguration(of: agent, in: kernel.state) { _ in "password" }
            let frame = try ServerMessage.configUpdate(configuration).envelope(
                sequence: 1, sentAt: Timestamp(milliseconds: 9))
            guard case .configUpdate(let settings?) = try ServerFrame(bytes: frame) else {
                fatalError("broken: a configuration is none to its agent")
            }
            promise(settings.version == configuration.version, "an agent is told what is configured")
        } catch {
            fatalError("broken: no request leads here: \(error)")
        }
    }

    static func bodySeeds() -> [[UInt8]] {
        let bodies: [(UInt8, String)] = [
            (0, #"{"name":"db-1"}"#),
            (
                6,
                #"{"name":"web","type":"https","target":"https://[::1]:8443/x","agent_id":"agt_1","interval_sec":5,"timeout_sec":5,"paused":true}"#
            ),
            (
                1,
                #"{"type":"postgresql","display_name":"x","connection":{"host":"h","port":5432,"database":"d","username":"u","password_secret_ref":"p","container_id":"c","strategy":"docker_exec"}}"#
            ),
            (2, #"{"connection":{"password_secret_ref":"env:PG_PASSWORD"}}"#),
            (2, #"{"connection":{"password_secret_ref":"file:/etc/x","port":65535,"strategy":"tcp"}}"#),
            (
                3,
                #"{"target_id":"tgt_1","cron":"*/5 8-18/2 * jan mon,wed","retention_days":30,"compression":"zstd","encryption_enabled":true,"pre_hooks":["a"],"post_hooks":["b"],"retry":{"max_attempts":3,"backoff_seconds":[1,2]},"timeout_sec":60}"#
            ),
            (4, #"{"cron":"@daily","retry":{"max_attempts":1}}"#),
            (
                5,
                #"{"maintenance":{"start_utc":"22:00","end_utc":"02:00"},"advanced":{"max_parallel_jobs":2,"log_level":"debug","auto_update_enabled":false}}"#
            ),
            (7, "limit=10&cursor=cnVuczpydW5fMQ"), (7, "after=1"),
            (8, "cron=*/5 8-18/2 1,15 jan-mar mon&time_zone=Europe/Berlin&count=20"), (8, "cron=@daily"),
            (9, "\"42\""), (9, "*"), (10, #"{"paused":true,"target":"web:443","certificate_days":14}"#),
            (11, #"{"starts_per_second":7}"#),
            (12, #"{"until":"2027-01-31T08:05:09Z","reason":"audit"}"#), (12, #"{"until":null,"reason":"audit"}"#),
            (13, #"{"name":"t","role":"viewer","expires_at":"2027-01-31T08:05:09Z"}"#),
            (
                14,
                #"{"retention_days":30,"retention":{"keep_last":7,"keep_daily":7,"keep_weekly":4,"keep_yearly":1,"minimum":2}}"#
            ),
            (15, "{}"),
        ]
        return bodies.map { [$0.0] + Array($0.1.utf8) }
    }
}
