import Core
import Testing

@Suite("An object of an earlier attempt that the store has not been able to speak of")
struct ClaimedObjectTests {
    private static let evidence = Evidence(byteCount: 10, digest: [UInt8](repeating: 9, count: 32), source: .store)

    /// The first attempt was given up, then reported, and the look at the store came to nothing. The second is at work.
    private func claimed(_ attempts: UInt32 = 2) -> Story {
        var story = Story.running([.maxAttempts(attempts)])
        story.update(.failed, failure: .timeout)
        story.complete()
        story.observe(.undone("the store gives no answer"))
        story.pass(.seconds(60))
        story.send()
        return story
    }

    @Test("is looked for once more before the run ends without one")
    func found() {
        var story = claimed()
        let said = story.update(.failed, attempt: 2, failure: .source)
        #expect(said.contains(.command(.observe(Story.run, .first))))
        #expect(story.phase == .reconciling(.first, .source))
        story.observe(Story.found())
        #expect(story.phase == .closed(.success(.first, Self.evidence)))
    }

    @Test(
        "is none when it is missing, or another than was reported: the run ends as it would have",
        arguments: [.missing, Story.found(digest: 8)])
    func missing(result: CommandOutcome.Result) {
        var story = claimed()
        story.update(.failed, attempt: 2, failure: .source)
        story.observe(result)
        #expect(story.phase == .closed(.failed(.source)))
        var lost = claimed()
        lost.disconnect()
        lost.pass(.seconds(150))
        lost.observe(.missing)
        #expect(lost.phase == .reconciling(.first, .lost))
        lost.observe(result)
        #expect(lost.phase == .closed(.lost(.lost)))
    }

    @Test("is asked about for a day, and no longer")
    func silentStore() {
        var story = claimed()
        story.update(.failed, attempt: 2, failure: .source)
        for _ in 0..<23 {
            story.observe(.undone("no answer"))
            story.pass(.hours(1))
            #expect(story.phase == .reconciling(.first, .source))
        }
        story.pass(.hours(1))
        #expect(story.phase == .closed(.failed(.source)))
    }

    @Test("is not asked about again where the store has answered")
    func answered() {
        var story = Story.running([.maxAttempts(2)])
        story.update(.failed, failure: .timeout)
        story.complete()
        story.observe(.missing)
        story.pass(.seconds(60))
        story.send()
        story.update(.failed, attempt: 2, failure: .source)
        #expect(story.phase == .closed(.failed(.source)))
    }

    @Test("what the last attempt still says changes nothing while it is looked for; a completion is looked at too")
    func meanwhile() {
        var story = claimed()
        story.update(.failed, attempt: 2, failure: .source)
        story.update(.cancelled, attempt: 2)
        story.update(.failed, attempt: 2, failure: .upload)
        #expect(story.phase == .reconciling(.first, .source))
        #expect(story.complete(attempt: 2).contains(.command(.observe(Story.run, Attempt(2)))))
        #expect(story.phase == .reconciling(.first, .source))
        story.carryOut { if case .observe(_, .first) = $0 { .missing } else { nil } }
        #expect(story.phase == .reconciling(Attempt(2), .source))
        story.observe(Story.found())
        #expect(story.phase == .closed(.success(Attempt(2), Self.evidence)))
    }

    @Test("is looked for before a run expires that no agent came for")
    func expiring() {
        var story = Story.running([.maxAttempts(2)])
        story.update(.failed, failure: .timeout)
        story.complete()
        story.observe(.undone("the store gives no answer"))
        story.disconnect()
        story.pass(.seconds(60) + .hours(24))
        var other = story
        #expect(!story.observe(Story.found()).isEmpty)
        #expect(story.phase == .closed(.success(.first, Self.evidence)))
        other.observe(.missing)
        other.pass(.minutes(1))
        #expect(other.phase == .closed(.lost(.lost)))
    }

    // With somebody's wish to cancel the run: it is not tried again, and a backup that is there completes it all the same.

    /// What the store is asked about when the last attempt has come to nothing.
    private static let endings: [(name: String, reason: FailureClass, end: @Sendable (inout Story) -> Void)] = [
        ("failed", .source, { $0.update(.failed, attempt: 2, failure: .source) }),
        (
            "lost", .lost,
            {
                $0.disconnect()
                $0.pass(.seconds(150))
                $0.observe(.missing)
            }
        ),
        (
            "its object missing", .storage,
            {
                $0.complete(attempt: 2)
                $0.observe(.missing)
            }
        ),
    ]

    @Test("is looked for before a run ends as cancelled whose agent did not confirm it", arguments: endings.indices)
    func cancelled(place: Int) {
        let (name, reason, end) = Self.endings[place]
        for attempts in [2, 5] as [UInt32] {
            var story = claimed(attempts)
            story.ask(.cancelRun(Story.run))
            story.carryOut { if case .cancel = $0 { .done } else { nil } }
            end(&story)
            #expect(story.phase == .reconciling(.first, reason), "\(name), of \(attempts) attempts")
            var other = story
            story.observe(Story.found())
            #expect(story.phase == .closed(.success(.first, Self.evidence)), "\(name), of \(attempts) attempts")
            other.observe(.missing)
            let isTriedAgain = attempts > 2 || name == "lost"
            #expect(
                other.phase == .closed(isTriedAgain ? .cancelled : .failed(reason)),
                "\(name), of \(attempts) attempts")
        }
    }

    @Test("is looked for where the last attempt may never have been sent, and none takes its place")
    func cancelledUnsent() {
        var story = Story.running([.maxAttempts(5)])
        story.update(.failed, failure: .timeout)
        story.complete()
        story.observe(.undone("the store gives no answer"))
        story.pass(.seconds(60))
        story.carryOut { if case .dispatch = $0 { .unknown } else { nil } }
        story.ask(.cancelRun(Story.run))
        story.pass(.seconds(150))
        story.observe(.missing)
        #expect(story.phase == .reconciling(.first, .unknown))
        story.observe(Story.found())
        #expect(story.phase == .closed(.success(.first, Self.evidence)))
    }

    @Test("keeps no run open whose cancellation is confirmed")
    func confirmed() {
        var story = claimed(5)
        story.ask(.cancelRun(Story.run))
        story.update(.cancelled, attempt: 2)
        #expect(story.phase == .closed(.cancelled))
    }
}
