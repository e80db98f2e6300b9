import Core
import Engine
import HTTPTypes
import Objects
import Wire

@testable import Door

extension Target {
    /// Addresses of the embedded store: any target, and a genuine one that was changed.
    static let addresses = Target(name: "addresses", maximumByteCount: 1_024, seeds: addressSeeds) { bytes in
        var feed = Feed(bytes)
        let form = feed.byte()
        let method = form & 1 == 0 ? "PUT" : "GET"
        let base = form & 2 == 0 ? "http://127.0.0.1:8443" : "https://host.example/backup/"
        let signer = ObjectURLSigner(key: [UInt8](0..<32), base: base)
        if form & 4 == 0 {
            let target = String(decoding: feed.remainder(), as: UTF8.self)
            promise(signer.verify(method: method, target: target, nowMilliseconds: 5) == .invalid, "nobody guesses")
        } else {
            change(signer, method, &feed)
        }
    }

    private static let grant = ObjectName("agt_1/run_1.zst").map {
        ObjectURLSigner.Grant(name: $0, expiresAtMilliseconds: 77_000, maximumByteCount: 4_096)
    }

    private static func change(_ signer: ObjectURLSigner, _ method: String, _ feed: inout Feed) {
        guard var grant else { fatalError("broken: that is a name") }
        let name = grant.name
        let url: String
        if method == "PUT" {
            url = signer.uploadURL(for: name, maximumByteCount: 4_096, expiresAtMilliseconds: 77_000)
        } else {
            url = signer.downloadURL(for: name, expiresAtMilliseconds: 77_000)
            grant.maximumByteCount = 0
        }
        var target = Array(url.utf8.drop { $0 != UInt8(ascii: "o") })
        target.insert(UInt8(ascii: "/"), at: 0)
        let genuine = String(decoding: target, as: UTF8.self)
        while !feed.isEmpty {
            let place = Int(feed.byte()) % (target.count + 1)
            target.replaceSubrange(place..<min(place + 1, target.count), with: feed.shortPiece())
        }
        let text = String(decoding: target, as: UTF8.self)
        switch signer.verify(method: method, target: text, nowMilliseconds: 5) {
        case .valid(let found): promise(found == grant, "only what was granted")
        case .expired: promise(false, "a time that was not granted")
        case .invalid: promise(text != genuine || !genuine.hasPrefix("/objects/"), "what was granted")
        }
    }

    private static func addressSeeds() -> [[UInt8]] {
        let target = "/objects/agt_1/run_1.zst?expires=77000&max=4096&signature=00ff"
        return [
            [0] + target.utf8, [1] + target.utf8, [2] + "/backup".utf8 + target.utf8, [4], [5], [4, 9, 1, 0x41],
            [7, 3, 0],
        ]
    }

    /// JSON alone.
    static let json = Target(name: "json", maximumByteCount: 4_096, seeds: jsonSeeds) { bytes in
        guard let value = JSON(parsing: bytes) else { return }
        promise(JSON(parsing: value.bytes) == value, "a value comes back from its text")
        promise(JSON(parsing: value.bytes)?.bytes == value.bytes, "and the text from the value")
    }

    private static func jsonSeeds() -> [[UInt8]] {
        let texts = [
            "{}", "[]", "null", "true", "[false, -0.5e+10, \"\\ud83d\\ude00\\u00e9\\n\"]",
            #"{"a":{"b":[1,2,{"c":null}]}}"#,
            String(repeating: "[", count: 40), String(repeating: "{\"a\":", count: 33), "\"\u{e9}\u{1F600}\"",
            " \t\r\n1 ",
        ]
        return texts.map { Array($0.utf8) } + bodySeeds().map { Array($0.dropFirst()) }
    }

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

    private static func request(_ form: UInt8, _ json: [UInt8]) throws(RESTError) -> Request? {
        var body = try Body.parse(json)
        switch form % 8 {
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
        default:
            try query(json)
            return nil
        }
    }

    private static func query(_ bytes: [UInt8]) throws(RESTError) {
        let text = String(decoding: bytes, as: UTF8.self)
        let pairs = text.split(separator: "&").map { pair in
            let ends = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (ends[0], ends.count == 2 ? ends[1] : "")
        }
        let query = try Query(pairs, allowed: ["limit", "cursor", "after"])
        let page = try Page(query, kind: "runs")
        promise(Page.limits.contains(page.limit), "a page has its limits")
        guard let after = page.after else { return }
        let ids = (UInt64(0)..<20).map { RunID(bits: $0) } + [RunID(Text(after))]
        let (chosen, hasMore) = page.select(ids)
        promise(chosen.count <= page.limit && !(hasMore && chosen.isEmpty), "a page is no longer than asked for")
        promise(Page.cursor("runs", after) == query["cursor"], "a cursor comes back")
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
                .requested(.createJob(job, agent, target, []), ticket), .requested(request, ticket),
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

    private static func bodySeeds() -> [[UInt8]] {
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
        ]
        return bodies.map { [$0.0] + Array($0.1.utf8) }
    }
}
