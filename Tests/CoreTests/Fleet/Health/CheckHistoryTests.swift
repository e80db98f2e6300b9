import Core
import Testing

/// Goal: a result is shown just when it counted. Method: beside each event of a story, what the state counts.
@Suite("The results of a check that are shown")
struct CheckHistoryTests {
    /// The results that are shown, and how many the check counted.
    private func shown(_ story: Story) -> [HealthResult] {
        var history = CheckHistory()
        let results = story.entries.filter { $0.stream == .check(Story.check) }.compactMap { history.fold($0) }
        #expect(history.count == UInt64(results.count))
        return results
    }

    @Test("an exact repetition is shown once")
    func repeated() {
        var story = Story.checked()
        story.find("+-")
        guard let last = story.entries.last(where: { $0.kind == "frame.health_result" }) else {
            Issue.record("no result")
            return
        }
        story.tell(last.message)
        #expect(story.state.checks[Story.check]?.resultCount == 2)
        #expect(shown(story).map(\.isHealthy) == [true, false])
    }

    @Test("what comes during a pause is not shown")
    func paused() {
        var story = Story.checked()
        story.find("+")
        story.ask(.changeCheck(Story.check, [.isPaused(true)]))
        story.find("--")
        story.ask(.changeCheck(Story.check, [.isPaused(false)]))
        story.find("+")
        #expect(story.state.checks[Story.check]?.resultCount == 2)
        #expect(shown(story).map(\.isHealthy) == [true, true])
        var made = Story.checked(Story.spec(isPaused: true))
        made.find("-")
        #expect(shown(made).isEmpty)
    }

    @Test("what a probe found of a former target is not shown, and the next is")
    func formerTarget() {
        var story = Story.probing()
        story.probe("+")
        story.pass(.seconds(30))
        story.ask(.changeCheck(Story.check, [.name("renamed")]))
        story.ask(.changeCheck(Story.check, [.target("https://other.example/")]))
        let found = Story.result(false, at: story.now)
        story.carryOut { if case .probeTarget = $0 { .probed(found) } else { nil } }
        story.probe("+")
        #expect(story.state.checks[Story.check]?.resultCount == 2)
        #expect(shown(story).map(\.isHealthy) == [true, true])
    }

    @Test("whatever happens, as many are shown as counted", arguments: UInt64(0)..<40)
    func anyOrder(seed: UInt64) {
        for isAgents in [true, false] {
            var story = isAgents ? Story.checked() : Story.probing()
            for step in 0..<60 as Range<UInt64> {
                let draw = Mix.bits(seed: seed, counter: step)
                switch draw % 8 {
                case 0: story.ask(.changeCheck(Story.check, [.isPaused(draw >> 8 % 2 == 0)]))
                case 1: story.ask(.changeCheck(Story.check, [.target(Text("https://host-\(draw >> 8 % 2)/"))]))
                case 2: story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 1)))
                case 3: story.hear(.health(Story.result(true, at: story.now)), session: nil)
                case 4:
                    if let last = story.entries.last(where: { $0.kind == "frame.health_result" }) {
                        story.tell(last.message)
                    }
                case 5: story.carryOut { if case .probeTarget = $0 { .undone("") } else { nil } }
                case 6: story.ask(.changeCheck(Story.check, [.name(Text("\(step)"))]))
                default: story.probe("+")
                }
            }
            #expect(story.state.checks[Story.check]?.resultCount == UInt64(shown(story).count), "seed \(seed)")
        }
    }
}
