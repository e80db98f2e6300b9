import Core
import Testing

@Suite("Checks of an address that must not be probed")
struct ForbiddenProbeTests {
    /// As many probes that were not made, since the name led to a forbidden address.
    private func forbid(_ story: inout Story, _ count: Int) {
        for _ in 0..<count {
            story.pass(.seconds(30))
            var found = Story.result(false, at: story.now)
            found.detail = ProbeDetail()
            found.detail?.failure = .forbidden
            story.carryOut { if case .probeTarget = $0 { .probed(found) } else { nil } }
        }
    }

    @Test("are unknown, with that reason, and never down")
    func unknown() {
        var story = Story.probing()
        forbid(&story, 10)
        #expect(story.checkPhase == .unknown(.forbidden))
        #expect(story.checkKinds == ["check.unknown"])
        #expect(story.state.alerts.isEmpty)
        var former = Story.probing()
        former.probe("++")
        forbid(&former, 1)
        #expect(former.checkPhase == .unknown(.forbidden), "whatever stood there before")
    }

    @Test("are no failures in a row, and none of what makes it flapping")
    func streak() {
        var story = Story.probing(Story.spec(flapChanges: 3))
        forbid(&story, 2)
        story.probe("-")
        #expect(story.checkPhase == .unknown(.forbidden))
        story.probe("--")
        #expect(story.checkPhase == .down)
        var up = Story.probing(Story.spec(flapChanges: 3))
        for _ in 0..<5 {
            up.probe("++")
            #expect(up.checkPhase == .up)
            forbid(&up, 1)
        }
    }

    @Test("are new again with another target, and paused as any other")
    func change() {
        var story = Story.probing()
        forbid(&story, 3)
        story.ask(.changeCheck(Story.check, [.isPaused(true)]))
        #expect(story.checkPhase == .unknown(.paused))
        story.ask(.changeCheck(Story.check, [.isPaused(false)]))
        forbid(&story, 1)
        #expect(story.checkPhase == .unknown(.forbidden))
        story.ask(.changeCheck(Story.check, [.target("https://other.example/")]))
        #expect(story.checkPhase == .unknown(.new))
    }
}
