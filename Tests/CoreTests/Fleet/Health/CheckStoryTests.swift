import Core
import Testing

@Suite("Health checks")
struct CheckStoryTests {
    @Test("three failures make it down, two successes make it up again, and each is a decision with its grounds")
    func thresholds() {
        var story = Story.checked()
        story.find("+")
        #expect(story.checkPhase == .unknown(.new))
        story.find("+")
        #expect(story.checkPhase == .up)
        story.find("--")
        #expect(story.checkPhase == .up)
        let third = story.entries.count
        story.find("-")
        #expect(story.checkPhase == .down)
        story.find("+-+")
        #expect(story.checkPhase == .down)
        story.find("+")
        #expect(story.checkPhase == .up)
        #expect(story.checkKinds == ["check.up", "check.down", "check.up"])
        // Down rests on the first of the failures in a row; the last one is its cause.
        let down = story.entries[third...].first { $0.kind == "check.down" }
        let failures = story.entries.filter { $0.kind == "frame.health_result" }.map(\.position)
        #expect(down?.cause == failures[4])
        #expect(down.map { Fleet.grounds(of: $0.message) } == [failures[2]])
        #expect(down?.stream == .check(Story.check))
    }

    @Test("to and fro is flapping, not up, and calm ends it")
    func flapping() {
        var story = Story.checked(Story.spec(flapChanges: 6))
        story.find("++-+-+-")
        #expect(story.checkPhase == .up)
        story.find("+")
        #expect(story.checkPhase == .flapping)
        story.find("++")
        #expect(story.checkPhase == .flapping, "six changes are among the last 20")
        story.find("++++++++++++")
        #expect(story.checkPhase == .flapping)
        story.find("++++++++")
        #expect(story.checkPhase == .up)
        #expect(story.checkKinds == ["check.up", "check.flapping", "check.up"])
    }

    @Test("without results for three intervals it is unknown, and never down")
    func silence() {
        var story = Story.checked()
        story.find("++")
        story.pass(.seconds(60))
        story.hear(.acknowledgement(accepted: true, reason: ""))
        story.pass(.seconds(29))
        #expect(story.checkPhase == .up)
        story.pass(.seconds(1))
        #expect(story.checkPhase == .unknown(.silent))
        #expect(story.checkKinds == ["check.up", "check.unknown"])
        let count = story.entries.count { $0.kind == "deadline.check" }
        story.disconnect()
        story.pass(.hours(48))
        #expect(story.entries.count { $0.kind == "deadline.check" } == count, "nothing fills the log meanwhile")
        story.connect(session: "ses_2", extensions: [ProtocolExtension.healthDetail], sequence: 60)
        story.find("+", session: "ses_2")
        #expect(story.checkPhase == .up)
    }

    @Test("an agent that is away makes it unknown, with that reason")
    func away() {
        var story = Story.checked()
        story.find("++")
        story.disconnect()
        story.pass(.seconds(91))
        #expect(story.checkPhase == .unknown(.agentAway))
        story.connect(session: "ses_2", sequence: 60)
        story.pass(.seconds(80))
        #expect(story.checkPhase == .unknown(.agentAway))
    }

    @Test("an agent of version 1 alone does not run checks, which is told")
    func unsupported() {
        var story = Story.ready()
        story.ask(.createCheck(Story.check, Story.agent, Story.spec()))
        story.hear(.acknowledgement(accepted: true, reason: ""))
        story.pass(.seconds(60))
        story.hear(.acknowledgement(accepted: true, reason: ""))
        story.pass(.seconds(31))
        #expect(story.checkPhase == .unknown(.unsupported))
        let answer = story.ask(.runCheck(Story.check)).last
        guard case .refused(let refusal) = answer else { return #expect(Bool(false), "\(String(describing: answer))") }
        #expect(refusal.code == .conflict)
        #expect(story.pending.isEmpty || !story.pending.contains { if case .runCheck = $0.1 { true } else { false } })
    }

    @Test("our own absence makes it unknown when it was long, and changes nothing when it was short")
    func absence() {
        for (wait, phase) in [(Milliseconds.seconds(80), Check.Phase.up), (.hours(6), .unknown(.agentAway))] {
            var story = Story.checked()
            story.find("++")
            story.now = story.now + wait
            story.tell(.started(EngineStart(build: "test", rules: 3, seed: 1)))
            story.pass(.seconds(1))
            #expect(story.checkPhase == phase)
            #expect(story.checkKinds.count == (phase == .up ? 1 : 2))
        }
    }

    @Test("after a start an agent has the first grace to come back before its checks are unknown")
    func grace() {
        var story = Story.checked()
        story.find("++")
        story.now = story.now + .seconds(80)
        story.tell(.started(EngineStart(build: "test", rules: 3, seed: 1)))
        story.pass(.seconds(149))
        #expect(story.checkPhase == .up)
        story.pass(.seconds(1))
        #expect(story.checkPhase == .unknown(.agentAway))
    }

    @Test("a jump of our clock is nobody's silence")
    func jump() {
        var story = Story.checked()
        story.find("++")
        story.now = story.now + .hours(3)
        story.tell(.clockStepped(.hours(3)))
        story.pass(.seconds(1))
        #expect(story.checkPhase == .up)
    }

    @Test("a result counts only from the agent it was given to")
    func foreign() {
        var story = Story.checked()
        story.find("++")
        story.find("---", from: Story.other, session: nil)
        #expect(story.state.checks[Story.check]?.resultCount == 2)
        #expect(story.entries.last?.stream == .agent(Story.other))
    }

    @Test("an overtaken or repeated result counts once and changes nothing else; a clock set back is believed")
    func order() {
        var story = Story.checked()
        story.find("++")
        let late = story.now
        story.find("-")
        story.hear(.health(Story.result(true, at: late)))
        story.hear(.health(Story.result(false, at: story.now)))
        let check = story.state.checks[Story.check]
        #expect(check?.resultCount == 5)
        #expect(check?.streak == 1)
        #expect(check?.last?.isHealthy == false)
        for step in 0..<2 as Range<Int64> {
            story.hear(.health(Story.result(true, at: story.now + .hours(-1) + .seconds(step))))
        }
        #expect(story.state.checks[Story.check]?.streak == 2)
        story.hear(.health(Story.result(false, at: story.now + .hours(-2))), isReplayed: true)
        #expect(story.state.checks[Story.check]?.streak == 2)
    }

    @Test("a prober whose clock was set back a little is not silent")
    func setBack() {
        var story = Story.checked()
        story.find("++")
        for _ in 0..<7 {
            story.pass(.seconds(30))
            story.hear(.health(Story.result(true, at: story.now + .minutes(-4))))
        }
        #expect(story.checkPhase == .up)
        #expect(!story.checkKinds.contains { $0.contains("unknown") })
    }

    @Test("the control plane probes at each interval, one probe at a time")
    func probing() {
        var story = Story.probing()
        story.pass(.seconds(30))
        #expect(story.probesUnderWay == 1)
        story.pass(.seconds(300))
        story.ask(.runCheck(Story.check))
        #expect(story.probesUnderWay == 1)
        #expect(story.checkPhase == .unknown(.silent), "a probe that never ends is no result")
        story.probe("++")
        #expect(story.checkPhase == .up)
        story.carryOut { if case .probeTarget = $0 { .undone("the process died") } else { nil } }
        story.pass(.seconds(30))
        #expect(story.probesUnderWay == 1)
        story.probe("---")
        #expect(story.checkPhase == .down)
    }

    @Test("probes are spread over the interval by their ids, also after an absence")
    func spread() {
        var story = Story.ready()
        for number in 0..<60 { story.ask(.createCheck(CheckID(bits: UInt64(number)), nil, Story.spec())) }
        // Known, unknown for some other reason than an absence, and known again.
        for isProbed in [true, true, false, true, true] {
            for round in 0..<3 {
                var moments: Set<Int64> = []
                let first = story.entries.count
                story.pass(.seconds(30))
                let now = story.now
                for entry in story.entries[first...] where entry.kind == "command.probe_target" {
                    moments.insert(entry.recordedAt.milliseconds % 30_000 / 1_000)
                }
                #expect(moments.count > 15, "\(moments) in round \(round)")
                story.carryOut {
                    guard case .probeTarget(let id) = $0 else { return nil }
                    return isProbed ? .probed(Story.result(true, at: now)) : .undone(id.text)
                }
            }
            #expect(story.state.checks[CheckID(bits: 0)]?.phase == (isProbed ? .up : .unknown(.silent)))
            story.now = story.now + .hours(6)
            story.tell(.started(EngineStart(build: "test", rules: 3, seed: 1)))
            story.pass(Milliseconds(0))
            #expect(story.state.checks[CheckID(bits: 0)]?.phase == .unknown(.silent))
        }
    }

    @Test("paused it is not probed, unknown, and no time counts; resumed it begins anew")
    func pause() {
        var story = Story.probing()
        story.probe("++")
        story.ask(.changeCheck(Story.check, [.isPaused(true)]))
        #expect(story.checkPhase == .unknown(.paused))
        let before = story.state.checks[Story.check]?.uptime.sums(.week, at: story.now)
        let first = story.entries.count
        story.pass(.hours(5))
        #expect(!story.entries[first...].contains { $0.kind == "deadline.check" || $0.kind == "command.probe_target" })
        guard case .refused = story.ask(.runCheck(Story.check)).last else { return #expect(Bool(false)) }
        story.ask(.changeCheck(Story.check, [.isPaused(false)]))
        #expect(story.checkPhase == .unknown(.new))
        #expect(story.state.checks[Story.check]?.uptime.sums(.week, at: story.now) == before)
        story.probe("++")
        #expect(story.checkPhase == .up)
    }

    @Test("another target is another question: what was found before says nothing about it")
    func otherTarget() {
        var story = Story.checked()
        story.find("++")
        story.ask(.changeCheck(Story.check, [.target("https://other.example/")]))
        #expect(story.checkPhase == .unknown(.new))
        story.find("-")
        #expect(story.checkPhase == .unknown(.new))
        story.ask(.changeCheck(Story.check, [.name("renamed")]))
        story.find("--")
        #expect(story.checkPhase == .down)
    }

    @Test("what a probe finds that is on its way when the target changes says nothing about the new one")
    func otherTargetWhileProbed() {
        var story = Story.probing(Story.spec(failures: 1))
        story.pass(.seconds(30))
        #expect(story.probesUnderWay == 1)
        story.ask(.changeCheck(Story.check, [.target("https://other.example/")]))
        story.pass(.seconds(60))
        #expect(story.probesUnderWay == 1, "one at a time, also of two targets")
        let found = Story.result(false, at: story.now)
        story.carryOut { if case .probeTarget = $0 { .probed(found) } else { nil } }
        let check = story.state.checks[Story.check]
        #expect(check?.phase == .unknown(.new) && check?.resultCount == 0 && check?.last == nil && check?.probe == nil)
        story.probe("-")
        #expect(story.checkPhase == .down)
        // Nor is it a former one's because some change came before it.
        story.ask(.changeCheck(Story.check, [.target("https://third.example/")]))
        story.probe("-")
        #expect(story.checkPhase == .down)
    }

    private func find(_ story: inout Story, days: Int64) {
        story.pass(.seconds(30))
        let end = Timestamp(milliseconds: 1_800_000_000_000) + .hours(24 * days)
        story.hear(.health(Story.result(true, at: story.now, certificate: end)))
    }

    @Test(
        "two servers of one name do not make their certificates alternate: it is renewed once results in a row say so")
    func certificates() {
        var story = Story.checked(Story.spec(successes: 3))
        for days in [13, 90, 90, 13, 90, 90, 13, 13] as [Int64] { find(&story, days: days) }
        #expect(story.checkKinds == ["check.certificate_expiring", "check.up"])
        find(&story, days: 5)
        for days in [13, 13, 5, 13] as [Int64] { find(&story, days: days) }
        #expect(story.checkKinds.count == 3, "told again is only the one that ends first")
        for days in [90, 13] as [Int64] { find(&story, days: days) }
        #expect(story.checkKinds.count == 4 && story.checkKinds.last == "check.certificate_expiring")
        for _ in 0..<2 { find(&story, days: 90) }
        #expect(story.checkKinds.count == 4)
        find(&story, days: 90)
        #expect(story.checkKinds.last == "check.certificate_renewed")
    }

    @Test("with fewer days of notice, a certificate that was told of is over at once where it does not end within them")
    func fewerDays() {
        for (days, isOver) in [(0, true), (5, true), (12, false)] as [(UInt32, Bool)] {
            var story = Story.checked()
            find(&story, days: 10)
            story.ask(.changeCheck(Story.check, [.certificateDays(days)]))
            #expect(story.checkKinds.contains("check.certificate_renewed") == isOver)
        }
    }

    @Test("a certificate that ends soon is told once, and its renewal too")
    func certificate() {
        var story = Story.checked()
        for days in [15, 13, 13, 90, 90] as [Int64] { find(&story, days: days) }
        #expect(
            story.checkKinds == ["check.up", "check.certificate_expiring", "check.certificate_renewed"])
        story.find("-")
        #expect(story.checkKinds.count == 3, "a probe that saw no certificate says nothing about it")
    }

    @Test("deleted, with its agent or alone, it leaves no timer and no results behind")
    func deletion() {
        var story = Story.checked()
        story.ask(.deleteCheck(Story.check))
        story.find("+")
        #expect(story.state.checks.isEmpty)
        #expect(story.entries.last?.stream == .agent(Story.agent))
        story.ask(.createCheck(Story.check, Story.agent, Story.spec()))
        story.ask(.deleteAgent(Story.agent))
        story.pass(.hours(1))
        #expect(!story.entries.contains { $0.kind == "deadline.check" })
    }

    @Test("running it now is an order to whoever probes, and refused where nobody can")
    func runNow() {
        var story = Story.checked()
        #expect(story.ask(.runCheck(Story.check)).last == .command(.runCheck(Story.agent, Story.check)))
        story.disconnect()
        guard case .refused(let refusal) = story.ask(.runCheck(Story.check)).last else {
            return #expect(Bool(false))
        }
        #expect(refusal.code == .conflict)
        guard case .refused(let unknown) = story.ask(.runCheck("chk_none")).last else { return #expect(Bool(false)) }
        #expect(unknown.code == .notFound)
    }

    @Test("each change of a check is a new version of its agent's configuration")
    func configuration() {
        var story = Story.checked()
        let first = story.state.agents[Story.agent]?.configVersion ?? 0
        story.ask(.changeCheck(Story.check, [.isPaused(true)]))
        story.ask(.deleteCheck(Story.check))
        #expect(story.state.agents[Story.agent]?.configVersion == first + 2)
    }
}
