import Core
import Testing

@Suite("What tokens may ask for")
struct RoleTests {
    private func refusal(_ said: [Fleet.Message]) -> Refusal? {
        said.compactMap { if case .refused(let refusal) = $0 { refusal } else { nil } }.first
    }

    private func ask(_ story: inout Story, _ request: Request, _ role: Role) -> Refusal? {
        refusal(story.ask(request, ticket: Ticket(token: "tok_1", role: role)))
    }

    @Test(
        "Hooks are an administrator's, to set, to change and to take away",
        arguments: [
            ([.preHooks(["x"])], false), ([.postHooks(["x"])], false), ([.preHooks([]), .postHooks([])], true),
            ([.cron("0 3 * * *"), .retentionDays(8)], true), ([.timeoutSeconds(5), .preHooks(["x"])], false),
        ] as [([JobField], Bool)])
    func hooks(fields: [JobField], isOpen: Bool) {
        var story = Story.ready()
        #expect((ask(&story, .changeJob(Story.job, fields), .operator)?.code == nil) == isOpen)
        #expect((ask(&story, .createJob("job_2", Story.agent, Story.target, fields), .operator)?.code == nil) == isOpen)
        #expect(ask(&story, .changeJob(Story.job, fields), .admin) == nil)
        #expect(ask(&story, .changeJob(Story.job, fields), .operator) == nil, "nothing changes")
        if !isOpen {
            let empty = ask(&story, .changeJob(Story.job, [.preHooks([]), .postHooks([])]), .operator)
            #expect(empty?.code == .permission)
        }
    }

    @Test("Another zone, where retention counts days by it, is an administrator's")
    func zone() {
        var story = Story.ready()
        let zone = Request.changeJob(Story.job, [.timeZone("Asia/Tokyo")])
        #expect(ask(&story, .changeJob(Story.job, [.timeZone("Europe/Paris")]), .operator) == nil)
        #expect(ask(&story, .changeJob(Story.job, [.keep(.daily, 7)]), .admin) == nil)
        #expect(ask(&story, zone, .operator)?.field == "time_zone")
        #expect(ask(&story, zone, .admin) == nil)
    }

    @Test(
        "So are files, sockets and variables of the agent's host",
        arguments: [
            ([.database("/etc/shadow")], false), ([.displayName("b")], true), ([.database("/var/app.db")], true),
            ([.password(.reference("file:/etc/shadow"))], false), ([.password(.reference("env:HOME"))], false),
            ([.password(.vault("secret:1"))], true), ([.host("/run/x")], false), ([.host("db.internal")], true),
            ([.strategy(.unixSocket), .host("x")], false),
            ([.type(.postgresql), .host("db.internal,/run/postgresql")], false),
            ([.type(.postgresql), .host("@pg")], false), ([.type(.postgresql)], false),
            ([.type(.postgresql), .database("anything"), .host("h"), .port(1)], true),
        ] as [([TargetField], Bool)])
    func paths(fields: [TargetField], isOpen: Bool) {
        var story = Story.ready()
        let refused = ask(&story, .changeTarget(Story.target, fields), .operator)
        #expect((refused == nil) == isOpen, "\(String(describing: refused))")
        #expect(ask(&story, .changeTarget(Story.target, fields), .admin) == nil)
    }

    @Test("A new SQLite target is an administrator's, and so is making one of another kind")
    func sqlite() {
        var story = Story.ready()
        let fields: [TargetField] = [.type(.sqlite), .database("/a")]
        #expect(ask(&story, .createTarget("tgt_2", Story.agent, fields), .operator)?.code == .permission)
        let server: [TargetField] = [.type(.postgresql), .host("h"), .database("/a")]
        #expect(ask(&story, .createTarget("tgt_2", Story.agent, server), .operator) == nil)
        #expect(ask(&story, .changeTarget("tgt_2", [.type(.sqlite)]), .operator)?.code == .permission)
        #expect(ask(&story, .changeTarget("tgt_2", [.host("/a")]), .admin) == nil)
        #expect(ask(&story, .changeTarget("tgt_2", [.type(.sqlite)]), .operator)?.code == .permission)
    }

    @Test("An agent is allowed to replace its own program by an administrator only")
    func update() {
        var story = Story.ready()
        #expect(ask(&story, .configureAgent(Story.agent, [.autoUpdate(true)]), .operator)?.code == .permission)
        #expect(ask(&story, .configureAgent(Story.agent, [.autoUpdate(false)]), .operator) == nil)
        #expect(ask(&story, .configureAgent(Story.agent, [.autoUpdate(true)]), .admin) == nil)
    }

    @Test("Tokens are made once, judged, counted, and forgotten")
    func tokens() {
        var story = Story.ready()
        func spec(_ name: Text = "n", expiresAt: Timestamp? = nil) -> APITokenSpec {
            APITokenSpec(name: name, role: .operator, digest: [UInt8](repeating: 3, count: 32), expiresAt: expiresAt)
        }
        let expiry = story.now + .seconds(1)
        #expect(ask(&story, .createToken("tok_1", spec(expiresAt: expiry)), .admin) == nil)
        let token = story.state.tokens["tok_1"]
        #expect(token?.role == .operator && token?.expiresAt == expiry && token?.createdAt == story.now)
        #expect(ask(&story, .createToken("tok_1", spec()), .admin)?.code == .conflict)
        #expect(ask(&story, .createToken("tok_2", spec("")), .admin)?.field == "name")
        #expect(ask(&story, .createToken("tok_2", spec(expiresAt: story.now)), .admin)?.field == "expires_at")
        #expect(ask(&story, .deleteToken("tok_2"), .admin)?.code == .notFound)
        #expect(ask(&story, .deleteToken("tok_1"), .admin) == nil && story.state.tokens.isEmpty)
        for number in 0..<APIToken.limit {
            #expect(ask(&story, .createToken(TokenID(Text("tok_\(number)")), spec()), .admin) == nil)
        }
        #expect(ask(&story, .createToken("tok_more", spec()), .admin)?.code == .conflict)
    }

    @Test(
        "What a tool could take for an option is refused, whoever asks",
        arguments: [
            (.host("-h"), "connection.host"), (.database("--output=/x"), "connection.database"),
            (.username("-U"), "connection.username"), (.containerID("-v"), "connection.container_id"),
        ] as [(TargetField, Text)])
    func options(field: TargetField, name: Text) {
        var story = Story.ready()
        let refused = ask(&story, .changeTarget(Story.target, [field]), .admin)
        #expect(refused?.code == .validation && refused?.field == name)
    }
}
