import Core
import Testing

/// Every event about a check in every phase: total, timers in step, one probe at a time, and time alone brings truth.
@Suite("Every event of a check in every phase")
struct CheckTotalityTests {
    static let phases: [(name: String, make: @Sendable () -> Story)] = [
        ("new, of an agent", { Story.checked() }),
        ("new, of the control plane", { Story.probing() }),
        (
            "up",
            {
                var story = Story.checked()
                story.find("++")
                return story
            }
        ),
        (
            "down",
            {
                var story = Story.probing()
                story.probe("---")
                return story
            }
        ),
        (
            "flapping",
            {
                var story = Story.checked(Story.spec(flapChanges: 3))
                story.find("++-+-")
                return story
            }
        ),
        (
            "silent",
            {
                var story = Story.checked()
                story.find("++")
                story.pass(.hours(1))
                return story
            }
        ),
        ("paused", { Story.probing(Story.spec(isPaused: true)) }),
        (
            "being probed",
            {
                var story = Story.probing()
                story.pass(.seconds(30))
                return story
            }
        ),
    ]

    static let events: [(name: String, tell: @Sendable (inout Story) -> Void)] = [
        ("well", { $0.hear(.health(Story.result(true, at: $0.now))) }),
        ("not well", { $0.hear(.health(Story.result(false, at: $0.now))) }),
        ("old", { $0.hear(.health(Story.result(false, at: $0.now + .seconds(-60))), isReplayed: true) }),
        ("from the future", { $0.hear(.health(Story.result(false, at: $0.now + .hours(9)))) }),
        ("from another", { $0.hear(.health(Story.result(false, at: $0.now)), from: Story.other, session: nil) }),
        ("probed well", { $0.answerProbe(true) }), ("probed not well", { $0.answerProbe(false) }),
        (
            "forbidden to probe",
            { story in
                var found = Story.result(false, at: story.now)
                found.detail = ProbeDetail()
                found.detail?.failure = .forbidden
                story.carryOut { if case .probeTarget = $0 { .probed(found) } else { nil } }
            }
        ),
        ("not probed", { $0.carryOut { if case .probeTarget = $0 { .undone("") } else { nil } } }),
        (
            "an outcome of nothing",
            {
                $0.tell(
                    .outcome(
                        CommandOutcome(
                            position: Position(1), command: .probeTarget(Story.check),
                            result: .probed(Story.result(true, at: $0.now)))))
            }
        ),
        ("paused", { $0.ask(.changeCheck(Story.check, [.isPaused(true)])) }),
        ("resumed", { $0.ask(.changeCheck(Story.check, [.isPaused(false)])) }),
        ("other target", { $0.ask(.changeCheck(Story.check, [.target("https://other/")])) }),
        ("other interval", { $0.ask(.changeCheck(Story.check, [.intervalSeconds(60)])) }),
        ("run", { $0.ask(.runCheck(Story.check)) }), ("delete", { $0.ask(.deleteCheck(Story.check)) }),
        ("disconnect", { $0.disconnect() }),
        ("connect", { $0.connect(session: "ses_2", extensions: [ProtocolExtension.healthDetail], sequence: 50) }),
        ("restart", { $0.tell(.started(EngineStart(build: "test", rules: 3, seed: 1))) }),
        ("jump", { $0.tell(.clockStepped(.hours(1))) }), ("jump back", { $0.tell(.clockStepped(.hours(-1))) }),
        (
            "a decision from nowhere",
            {
                guard $0.state.checks[Story.check]?.spec.isPaused == false else { return }
                $0.tell(.judged(Story.check, .became(.down, grounds: [])))
            }
        ),
        ("a deadline out of turn", { $0.tell(.deadline(.check(Story.check))) }),
        ("60 s", { $0.pass(.seconds(60)) }), ("1 h", { $0.pass(.hours(1)) }),
    ]

    @Test("is total, and ends unknown when nobody says anything any more", arguments: phases.indices)
    func walk(phase: Int) async {
        for first in Self.events {
            await Task.yield()  // others want the thread too
            for second in Self.events {
                var story = Self.phases[phase].make()
                let trail = "\(Self.phases[phase].name), \(first.name), \(second.name)"
                first.tell(&story)
                second.tell(&story)
                #expect(story.probesUnderWay <= 1, "\(trail)")
                guard let check = story.state.checks[Story.check] else { continue }
                let sums = check.uptime.sums(.quarter, at: story.now)
                #expect(
                    Int64(sums.up) + Int64(sums.down) + Int64(sums.unknown) <= 100_000,
                    "\(trail): more time than there was: \(sums)")
                // Whatever happened, silence alone makes it unknown.
                story.pass(.hours(1))
                let phase = story.checkPhase
                #expect(phase?.ignorance != nil, "\(trail): \(String(describing: phase))")
                #expect((phase?.ignorance == .paused) == check.spec.isPaused, "\(trail)")
                // And as many good results as it asks for make it up.
                guard !check.spec.isPaused else { continue }
                story.ask(.changeCheck(Story.check, [.intervalSeconds(30)]))
                story.connect(session: "ses_3", extensions: [ProtocolExtension.healthDetail], sequence: 99)
                if check.agent == nil {
                    story.answerProbe(true)
                    story.probe("++++++++++++++++++++++")
                } else {
                    story.find("++++++++++++++++++++++", session: "ses_3")
                }
                #expect(story.checkPhase == .up, "\(trail): \(String(describing: story.checkPhase))")
            }
        }
    }
}

extension Story {
    fileprivate mutating func answerProbe(_ isHealthy: Bool) {
        let found = Self.result(isHealthy, at: now)
        carryOut { if case .probeTarget = $0 { .probed(found) } else { nil } }
    }
}
