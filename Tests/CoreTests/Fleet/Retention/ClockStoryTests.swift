import Testing

@testable import Core

@Suite("Clocks that leap, and are set back")
struct ClockStoryTests {
    private static let ahead = AlertKey(.clockAhead, AlertKey.server)

    @Test("a clock that leaps ahead makes nothing older: nothing goes until somebody says that it is right")
    func leap() {
        for isStart in [false, true] {
            var story = Story.tenDays()
            let count = story.state.objects.count
            story.now = story.now + .hours(400 * 24)
            story.tell(
                isStart
                    ? .started(EngineStart(build: "test", rules: Fleet.rules, seed: 8))
                    : .clockStepped(.hours(400 * 24)))
            #expect(story.state.alerts.contains(Self.ahead))
            story.pass(.hours(20 * 24))
            #expect(story.state.objects.count == count && story.deletions.isEmpty)
            story.ask(.confirmClock)
            story.pass(.seconds(1))
            #expect(!story.state.alerts.contains(Self.ahead))
            story.delete()
            #expect(story.state.objects.idsSorted == [Story.run(10)], "the last good one stays")
            story.checkDeletions()
        }
    }

    @Test("a clock in doubt lets nothing go until somebody says that it is right")
    func doubt() {
        var story = Story.tenDays()
        let count = story.state.objects.count
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 8, clockBehind: .hours(25))))
        story.pass(.hours(20 * 24))
        #expect(story.state.objects.count == count && story.deletions.isEmpty)
        story.ask(.confirmClock)
        story.pass(.hours(24))
        story.delete()
        #expect(story.state.objects.idsSorted == [Story.run(10)])
        story.checkDeletions()
    }

    @Test("a clock that is set back again: what leapt was no time, and ages go on from where they were")
    func leapAndBack() {
        var story = Story.tenDays()
        let count = story.state.objects.count
        story.ask(.lockRun(Story.run(9), until: story.now + .hours(40 * 24), reason: "audit"))
        story.now = story.now + .hours(400 * 24)
        story.tell(.clockStepped(.hours(400 * 24)))
        story.backUp(11)
        story.tell(.clockStepped(.hours(-400 * 24)))
        #expect(!story.state.alerts.contains(Self.ahead))
        story.pass(.seconds(1))
        #expect(story.deletions.isEmpty && story.state.objects.count == count + 1)
        story.pass(.hours(39 * 24))
        story.delete()
        #expect(story.state.objects.idsSorted == [Story.run(11), Story.run(9)], "the lock holds by the true time")
        story.pass(.hours(2 * 24))
        story.delete()
        #expect(story.state.objects.idsSorted == [Story.run(11)])
        story.checkDeletions()
    }

    @Test("a backup between two leaps is taken back by the second one only, and one of the same moment not at all")
    func twoLeaps() {
        var story = Story.tenDays()
        story.now = story.now + .hours(400 * 24)
        story.tell(.clockStepped(.hours(400 * 24)))
        story.backUp(11)
        story.backUp(12)
        story.pass(.minutes(1))
        story.now = story.now + .hours(8 * 24)
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 8)))
        story.backUp(13)
        story.backUp(14)
        story.ask(.confirmClock)
        story.pass(.seconds(1))
        story.delete()
        // Those of before the second leap are eight days old now, and those behind it are new.
        #expect(story.state.objects.idsSorted == [Story.run(13), Story.run(14)])
        story.pass(.hours(6 * 24))
        #expect(story.deletions.isEmpty)
        story.checkDeletions()
    }

    @Test("a lock holds by the true time, whatever a start a few milliseconds behind may seem to say")
    func lockOverRestart() {
        var story = Story.tenDays([.retentionDays(30)])
        story.ask(.lockRun(Story.run(1), until: story.now + .hours(40 * 24), reason: "audit"))
        story.now = story.now + .hours(300 * 24)
        story.tell(.clockStepped(.hours(300 * 24)))
        story.tell(
            .started(EngineStart(build: "test", rules: Fleet.rules, seed: 8, clockBehind: Milliseconds(5))))
        #expect(story.state.clockLead == .hours(300 * 24))
        story.tell(.clockStepped(.hours(-300 * 24)))
        story.pass(.hours(39 * 24))
        story.delete()
        #expect(story.state.objects.contains(Story.run(1)))
        story.pass(.hours(261 * 24))
        // Once the clocks have met, nothing is looked at by another one any more.
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 9)))
        #expect(story.state.clockLead == Milliseconds(0))
        story.checkDeletions()
    }

    @Test("a log that had no room for days is no leap of the clock")
    func longWithoutRoom() {
        var story = Story.tenDays()
        story.now = story.now + .hours(48)
        story.tell(.disk(.logWasFull(.hours(48))))
        #expect(story.state.clockLeap == nil)
        story.pass(.seconds(1))
        story.delete()
        #expect(story.state.objects.count == 4, "what is seven days old by now is gone")
        story.checkDeletions()
    }

    @Test("an absence of a week, and a step of a day, are believed")
    func believed() {
        var story = Story.tenDays()
        story.now = story.now + .hours(24)
        story.tell(.clockStepped(.hours(24)))
        story.pass(.seconds(1))
        #expect(story.state.clockLeap == nil)
        story.now = story.now + .hours(7 * 24) + .seconds(-1)
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 8)))
        story.pass(.seconds(1))
        #expect(story.state.clockLeap == nil)
        story.delete()
        story.pass(.hours(24))
        story.delete()
        #expect(story.state.objects.idsSorted == [Story.run(10)])
        story.checkDeletions()
    }

    @Test("the same wrong clock at each start: a lock holds by the true time", arguments: [Int64(0), 5])
    func wrongAtEachStart(behind: Int64) {
        var story = Story.tenDays([.retentionDays(1)])
        let (lead, set) = (Milliseconds.hours(300 * 24), story.now)
        story.ask(.lockRun(Story.run(10), until: set + .hours(40 * 24), reason: "audit"))
        for number in 11...12 { story.backUp(number) }
        story.now = story.now + lead
        story.tell(start())
        story.tell(.clockStepped(Milliseconds(0) - lead))
        #expect(story.state.clockLeap == nil && story.state.clockLead == lead)
        story.pass(.hours(12))  // a true day, at half speed
        story.now = story.now + .hours(12)
        story.tell(start(behind: Milliseconds(behind)))
        #expect(story.state.clockLeap != nil && story.state.alerts.contains(Self.ahead))
        story.tell(.clockStepped(Milliseconds(0) - lead))
        #expect(story.state.clockLeap == nil)
        story.pass(.hours(37 * 24))
        story.delete()
        #expect(story.state.objects.contains(Story.run(10)), "two true days after a lock of forty, and ever since")
        story.checkDeletions()
    }

    @Test("of a leap that was set back in part, the rest is what is confirmed", arguments: [true, false])
    func partlySetBack(isStart: Bool) {
        var story = Story.tenDays([.retentionDays(350)])
        story.ask(.lockRun(Story.run(1), until: story.now + .hours(330 * 24), reason: "audit"))
        let trueTime = story.now + .hours(300 * 24)
        story.now = story.now + .hours(400 * 24)
        story.tell(.clockStepped(.hours(400 * 24)))
        if isStart {
            story.tell(start(behind: .hours(100 * 24)))
            story.tell(start(behind: .hours(100 * 24)))
            story.ask(.confirmClock)
        } else {
            story.tell(.clockStepped(.hours(-40 * 24)))
            story.tell(.clockStepped(.hours(-60 * 24)))
        }
        #expect(story.state.clockLeap?.ahead == .hours(300 * 24))
        story.ask(.confirmClock)
        #expect(story.state.clockLead == .hours(100 * 24) && !story.state.holdsRetention)
        #expect(story.state.lockMoment(at: story.now) == trueTime)
        story.pass(.seconds(1))
        story.delete()
        #expect(story.state.objects.count == 10, "300 of 350 days old, and one locked for 30 more")
        story.pass(.hours(49 * 24))
        story.delete()
        #expect(story.state.objects.contains(Story.run(10)) && story.state.objects.count < 10)
        story.checkDeletions()
    }

    @Test("a clock without a battery, set right after each start, puts off no run's end")
    func noBattery() throws {
        var story = Story.running()
        let deadline = try #require(story.state.runs[Story.run]?.deadline)
        let years = Milliseconds.hours(50 * 365 * 24)
        story.now = story.now + .minutes(1)
        story.tell(start(behind: years))
        story.now = story.now + .seconds(10)
        story.tell(.clockStepped(years))
        let moved = try #require(story.state.runs[Story.run]?.deadline)
        #expect(moved - deadline < .hours(1))
        #expect(story.state.clockDoubt == nil && !story.state.alerts.contains(AlertKey(.clockBehind, AlertKey.server)))
        #expect(story.state.lockLead == Milliseconds(0))
        story.pass(.hours(48))
        #expect(story.state.runs[Story.run]?.isOpen != true)
    }

    @Test("a small leap is believed by no start with a clock that is a little behind")
    func smallLeap() {
        for lag in [Int64(0), 5] {
            var story = Story.tenDays()
            story.now = story.now + .hours(6 * 24)
            story.tell(.clockStepped(.hours(6 * 24)))
            story.tell(start(behind: Milliseconds(lag)))
            #expect(story.state.clockLeap != nil && story.state.clockLead == .hours(6 * 24))
        }
    }

    @Test("a clock in doubt that is set is so much nearer to the log, or further behind it")
    func setWhileInDoubt() {
        var story = Story.tenDays()
        let trueTime = story.now
        story.now = story.now + .hours(60 * 24)
        story.tell(.clockStepped(.hours(60 * 24)))
        story.ask(.confirmClock)
        story.tell(start(behind: .hours(30 * 24)))
        story.tell(.clockStepped(.hours(-30 * 24)))
        #expect(story.state.lockMoment(at: story.now) == trueTime)
        story.ask(.confirmClock)
        #expect(story.state.clockLead == .hours(60 * 24) && !story.state.holdsRetention)
        // What is known is no doubt at the next start, and is none of the time that was away.
        story.pass(.hours(10 * 24))
        story.tell(start(behind: .hours(49 * 24)))
        #expect(!story.state.holdsRetention && story.state.clockLead == .hours(49 * 24))
        story.tell(start(behind: .hours(49 * 24) + .hours(25)))
        #expect(story.state.clockDoubt != nil)
    }

    @Test("the rest of an absence comes as a step where the start's clock was far behind")
    func absenceAsStep() {
        var story = Story.tenDays()
        story.tell(start(behind: .hours(50 * 365 * 24)))
        story.now = story.now + .hours(2 * 24)
        story.tell(.clockStepped(.hours((50 * 365 + 2) * 24)))
        #expect(!story.state.holdsRetention && story.state.clockLead == Milliseconds(0))
    }

    @Test("the log's clock and the wall clock come closer by themselves: a start believes that")
    func meeting() {
        var story = Story.tenDays([.retentionDays(350)])
        story.now = story.now + .hours(100 * 24)
        story.tell(.clockStepped(.hours(100 * 24)))
        story.tell(.clockStepped(.hours(-100 * 24)))
        story.pass(.hours(40 * 24))  // eighty true days, at half speed
        story.tell(start(behind: .hours(60 * 24)))
        #expect(story.state.clockLeap == nil && story.state.clockLead == .hours(60 * 24))
        story.tell(start(behind: .hours(55 * 24)))
        #expect(story.state.clockLeap == nil && story.state.clockLead == .hours(55 * 24), "away for five days")
        story.tell(start(behind: .hours(40 * 24)))
        #expect(story.state.clockLeap?.ahead == .hours(15 * 24), "or for fifteen?")
        #expect(story.state.clockLead == .hours(55 * 24))
        story.checkDeletions()
    }

    @Test("a log that was ahead without anybody's doubt is ahead once its clock is set back")
    func installedAhead() {
        var story = Story.keeping([.retentionDays(7)])
        story.tell(.clockStepped(.hours(-300 * 24)))
        #expect(story.state.clockLead == .hours(300 * 24))
        story.backUp(1)
        let until = story.now + .hours(-299 * 24)
        story.ask(.lockRun(Story.run(1), until: until, reason: "audit"))
        #expect(story.state.locks[Story.run(1)]?.until == until, "a day from now, by the true clock")
        story.tell(.clockStepped(.seconds(-3)))
        #expect(story.state.clockLead == .hours(300 * 24), "what any clock does")
    }

    private func start(behind: Milliseconds = Milliseconds(0)) -> Fleet.Message {
        .started(EngineStart(build: "test", rules: Fleet.rules, seed: 8, clockBehind: behind))
    }
}
