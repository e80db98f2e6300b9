import Core
import Testing

/// Every message about a run in every phase: total, one verdict for ever, counts and timers in step, and what is read of it
/// agrees with it.
@Suite("Every fact in every phase")
struct EveryPhaseTests {
    static let phases: [(name: String, make: @Sendable () -> Story)] = [
        (
            "queued",
            {
                var story = Story.ready()
                story.disconnect()
                story.ask(.runJob(Story.run, Story.job))
                return story
            }
        ),
        (
            "sending",
            {
                var story = Story.ready()
                story.ask(.runJob(Story.run, Story.job))
                return story
            }
        ),
        (
            "unconfirmed",
            {
                var story = Story.ready()
                story.ask(.runJob(Story.run, Story.job))
                story.carryOut { if case .dispatch = $0 { .unknown } else { nil } }
                return story
            }
        ),
        ("running", { Story.running() }),
        (
            "verifying",
            {
                var story = Story.running()
                story.complete()
                return story
            }
        ),
        (
            "reconciling",
            {
                var story = Story.running()
                story.disconnect()
                story.pass(.seconds(150))
                return story
            }
        ),
        (
            "waiting",
            {
                var story = Story.running([.maxAttempts(3), .backoffSeconds([60])])
                story.update(.failed, failure: .source)
                return story
            }
        ),
        (
            "reconciling of an earlier attempt",
            {
                var story = Story.running([.maxAttempts(2), .backoffSeconds([1])])
                story.update(.failed, failure: .timeout)
                story.complete()
                story.observe(.undone("store"))
                story.pass(.seconds(1))
                story.send()
                story.update(.failed, attempt: 2, failure: .source)
                return story
            }
        ),
        (
            "queued, with an earlier attempt of which the store has not spoken",
            {
                var story = Story.running([.maxAttempts(2), .backoffSeconds([1])])
                story.update(.failed, failure: .timeout)
                story.complete()
                story.observe(.undone("store"))
                story.disconnect()
                story.pass(.seconds(1))
                return story
            }
        ),
        (
            "the second attempt running, cancelled and unanswered",
            {
                var story = Story.running([.maxAttempts(2), .backoffSeconds([1])])
                story.update(.failed, failure: .source)
                story.pass(.seconds(1))
                story.send()
                story.ask(.cancelRun(Story.run))
                story.carryOut { if case .cancel = $0 { .done } else { nil } }
                story.pass(.seconds(60))
                return story
            }
        ),
        (
            "closed",
            {
                var story = Story.running()
                story.update(.failed, failure: .source)
                return story
            }
        ),
    ]

    static let facts: [(name: String, tell: @Sendable (inout Story) -> Void)] = [
        ("running", { $0.update(.running, percent: 50) }),
        (
            "running, as it was kept",
            {
                let update = JobUpdate(
                    job: Story.job, run: WireRunID(Story.run, .first), status: .running, progressPercent: 30,
                    step: "dump", errorText: "")
                $0.hear(.jobUpdate(update), isReplayed: true)
            }
        ),
        ("queued", { $0.update(.queued) }),
        ("success", { $0.update(.success) }), ("failed", { $0.update(.failed, failure: .source) }),
        ("cut off", { $0.update(.failed, failure: .disconnect) }),
        ("failed a second time", { $0.update(.failed, attempt: 2, failure: .upload) }),
        ("told to cancel", { $0.carryOut { if case .cancel = $0 { .done } else { nil } } }),
        ("cancelled", { $0.update(.cancelled) }), ("completed", { $0.complete() }),
        ("completed of a later attempt", { $0.complete(attempt: 2) }),
        ("completed by another", { $0.complete(from: Story.other) }),
        ("found", { $0.observe(Story.found()) }), ("missing", { $0.observe(.missing) }),
        ("no answer", { $0.observe(.undone("store")) }),
        ("sent", { $0.carryOut { if case .dispatch = $0 { .done } else { nil } } }),
        ("not sent", { $0.carryOut { if case .dispatch = $0 { .undone("") } else { nil } } }),
        ("disconnect", { $0.disconnect() }), ("connect", { $0.connect(session: "ses_2", sequence: 50) }),
        ("cancel", { $0.ask(.cancelRun(Story.run)) }), ("delete", { $0.ask(.deleteRun(Story.run)) }),
        ("restart", { $0.tell(.started(EngineStart(build: "test", rules: 1, seed: 1))) }),
        ("150 s", { $0.pass(.seconds(150)) }), ("12 h", { $0.pass(.hours(12)) }), ("8 days", { $0.pass(.hours(192)) }),
    ]

    @Test("is total, keeps one verdict, and the run ends", arguments: phases.indices)
    func walk(phase: Int) async {
        for first in Self.facts {
            await Task.yield()  // others want the thread too
            for second in Self.facts {
                var story = Self.phases[phase].make()
                let trail = "\(Self.phases[phase].name), \(first.name), \(second.name)"
                first.tell(&story)
                let verdict = closed(story)
                if let difference = story.disagreement { Issue.record("\(trail), behind the first: \(difference)") }
                second.tell(&story)
                if let difference = story.disagreement { Issue.record("\(trail): \(difference)") }
                if let verdict { #expect(closed(story) == verdict || closed(story) == nil, "\(trail)") }
                #expect(verdicts(story) <= 1, "\(trail)")
                #expect(inFlight(story) == story.state.agents[Story.agent]?.inFlightCount, "\(trail)")
                // Whatever happened, time alone brings the end, once the store answers.
                for _ in 0..<12 where verdicts(story) == 0 {
                    story.pass(.hours(25))
                    story.observe(.missing)
                }
                #expect(verdicts(story) == 1, "\(trail): \(String(describing: story.phase))")
                if let difference = story.disagreement { Issue.record("\(trail), at the end: \(difference)") }
            }
        }
    }

    private func verdicts(_ story: Story) -> Int {
        story.entries.count { if case .decided(Story.run, .closed) = $0.message { true } else { false } }
    }

    private func closed(_ story: Story) -> Verdict? {
        if case .closed(let verdict) = story.phase { verdict } else { nil }
    }

    private func inFlight(_ story: Story) -> UInt32 {
        var count: UInt32 = 0
        story.state.runs.forEach { _, run in if run.attemptInFlight != nil { count += 1 } }
        return count
    }
}
