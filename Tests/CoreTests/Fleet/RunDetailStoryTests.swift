import Core
import Testing

/// What is read of a run, where it cannot be told from the run's own entries alone.
@Suite("A run as it is read")
struct RunDetailStoryTests {
    /// Whether it was sent is not known, and a heartbeat, which is no entry of the run's, says that the agent works on it.
    private func listed() -> Story {
        var story = Story.ready(extensions: [ProtocolExtension.journal])
        story.ask(.runJob(Story.run, Story.job))
        story.carryOut { if case .dispatch = $0 { .unknown } else { nil } }
        story.hear(
            .heartbeat(
                Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [WireRunID(Story.run, .first).text])))
        #expect(story.phase == .running(.first))
        return story
    }

    @Test("an attempt that only heartbeats told of is lost as one that was sent, and not replaced")
    func listedAndLost() throws {
        var story = listed()
        story.disconnect()
        story.pass(.seconds(150))
        story.observe(.missing)
        #expect(story.phase == .closed(.lost(.lost)))
        let detail = try #require(story.detail)
        #expect(detail.status == .lost && detail.errorClass == "lost")
        #expect(detail.tries.count == 1 && detail.tries.last?.errorClass == "lost")
        #expect(detail.tries.last?.errorText == detail.errorText && detail.errorText != nil)
        #expect(detail.tries.last?.endedAt == story.now)
    }

    @Test("of such an attempt a cancellation that nobody answered is not confirmed by the store")
    func listedAndCancelled() throws {
        var story = listed()
        story.ask(.cancelRun(Story.run))
        story.carryOut { if case .cancel = $0 { .done } else { nil } }
        story.disconnect()
        story.pass(.seconds(150))
        story.observe(.missing)
        #expect(story.phase == .closed(.cancelled))
        let detail = try #require(story.detail)
        #expect(detail.cancellation == .sent && detail.errorText?.string.hasPrefix("not confirmed: ") == true)
    }

    @Test("an attempt that may never have been sent is over once the store has no object, and its replacement waits")
    func replaced() throws {
        var story = Story.ready()
        story.ask(.runJob(Story.run, Story.job))
        story.carryOut { if case .dispatch = $0 { .unknown } else { nil } }
        story.disconnect()
        story.pass(.seconds(150))
        story.observe(.missing)
        let missed = story.now
        var detail = try #require(story.detail)
        #expect(story.phase == .queued && detail.status == .queued && detail.currentStep == nil)
        #expect(detail.tries.last?.endedAt == missed && detail.tries.last?.errorClass == "unknown")
        story.pass(.hours(25))
        #expect(story.phase == .closed(.lost(.lost)))
        detail = try #require(story.detail)
        #expect(detail.tries.last?.endedAt == missed && detail.tries.last?.errorClass == "unknown")
        #expect(detail.errorText == "its agent did not take another attempt in time")
    }

    @Test("what never left the queue was not sent, and no store was asked about it")
    func expired() throws {
        var story = Story.ready()
        story.disconnect()
        story.ask(.runJob(Story.run, Story.job))
        story.pass(.hours(25))
        #expect(story.phase == .closed(.lost(.lost)))
        #expect(story.detail?.errorText == "its agent did not take it in time; nothing was sent")
        let closed = try #require(story.entries.last { $0.kind == "run.closed" })
        #expect(
            Fleet.sentence(for: closed.message)
                == "Run run_R was given up as lost: its agent did not take it in time, or nothing more was heard from "
                + "it; no object of it was seen in the store.")
    }

    @Test("an attempt that was tried says why it failed, and the run that its agent did not come for another one")
    func notTakenAgain() throws {
        var story = Story.running([.maxAttempts(2), .backoffSeconds([60])])
        story.update(.failed, failure: .source)
        story.disconnect()
        story.pass(.hours(26))
        #expect(story.phase == .closed(.lost(.lost)))
        let detail = try #require(story.detail)
        #expect(detail.errorText == "its agent did not take another attempt in time")
        #expect(detail.tries.last?.errorClass == "source")
    }

    @Test("the next attempt is put off with a jump of the clock, also as it is read")
    func jump() throws {
        var story = Story.running([.maxAttempts(2), .backoffSeconds([600])])
        story.update(.failed, failure: .source)
        let due = try #require(story.detail?.nextAttemptAt)
        story.now = story.now + .hours(1)
        story.tell(.clockStepped(.hours(1)))
        #expect(story.state.runs[Story.run]?.nextAttemptAt == due + .hours(1))
        #expect(story.detail?.nextAttemptAt == due + .hours(1))
    }
}
