import Core
import Testing

@Suite("An object of an earlier attempt that the store has not been able to speak of")
struct ClaimedObjectTests {
    private static let evidence = Evidence(byteCount: 10, digest: [UInt8](repeating: 9, count: 32), source: .store)

    /// The first attempt was given up, then reported, and the look at the store came to nothing. The second is at work.
    private func claimed() -> Story {
        var story = Story.running([.maxAttempts(2)])
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
}
