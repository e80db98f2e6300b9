import Core
import Testing

@Suite("That a run is to be cancelled, and that it is")
struct CancellationStoryTests {
    private func cancellation(_ story: Story) -> Run.Cancellation? { story.state.runs[Story.run]?.cancellation }

    private func tell(_ story: inout Story) { story.carryOut { if case .cancel = $0 { .done } else { nil } } }

    @Test("asked for, told, confirmed")
    func confirmed() {
        var story = Story.running(extensions: [ProtocolExtension.journal])
        #expect(cancellation(story) == nil)
        story.ask(.cancelRun(Story.run))
        #expect(cancellation(story) == .requested)
        tell(&story)
        #expect(cancellation(story) == .sent)
        story.update(.cancelled)
        #expect(cancellation(story) == .confirmed)
        #expect(story.phase == .closed(.cancelled))
    }

    @Test(
        "an agent that does not answer is said not to: after a minute, and after ten where it journals runs",
        arguments: [([], 60), ([ProtocolExtension.journal], 600)] as [([Text], Int64)])
    func unanswered(extensions: [Text], seconds: Int64) {
        var story = Story.running(extensions: extensions)
        story.ask(.cancelRun(Story.run))
        tell(&story)
        for _ in 0..<(seconds / 20) {
            #expect(cancellation(story) == .sent)
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
            story.pass(.seconds(20))
        }
        #expect(cancellation(story) == .unanswered)
        #expect(story.phase == .running(.first), "the run goes on to its end")
        story.complete()
        story.observe(Story.found())
        let evidence = Evidence(byteCount: 10, digest: [UInt8](repeating: 9, count: 32), source: .store)
        #expect(story.phase == .closed(.success(.first, evidence)))
        #expect(cancellation(story) == .unanswered)
    }

    /// A reference agent that was told, goes on living, and never answers.
    private func ignored(_ fields: [JobField] = []) -> Story {
        var story = Story.running(fields)
        story.ask(.cancelRun(Story.run))
        tell(&story)
        return story
    }

    private func live(_ story: inout Story, _ span: Milliseconds) {
        let end = story.now + span
        while story.now < end {
            story.pass(.minutes(1))
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
        }
    }

    @Test(
        "an unanswered one ends by the run's deadline: the store is asked, and the end says that nobody confirmed it",
        arguments: [([], 12 * 60), ([.timeoutSeconds(600)], 45)] as [([JobField], Int64)])
    func deadline(fields: [JobField], minutes: Int64) throws {
        var story = ignored(fields)
        live(&story, .minutes(minutes + 1))
        #expect(story.phase == .reconciling(.first, .timeout))
        var other = story
        story.observe(.missing)
        #expect(story.phase == .closed(.cancelled))
        #expect(cancellation(story) == .unanswered)
        let closed = try #require(story.entries.last { $0.kind == "run.closed" })
        let unanswered = try #require(story.entries.last { $0.kind == "deadline.cancellation" })
        #expect(Fleet.grounds(of: closed.message).contains(unanswered.position))
        let detail = try #require(story.detail)
        #expect(detail.status == .cancelled && detail.cancellation == .unanswered)
        #expect(detail.errorText?.string.hasPrefix("not confirmed: ") == true)
        // The agent had finished it, and its report was lost.
        other.observe(Story.found())
        guard case .closed(.success) = other.phase else {
            Issue.record("\(String(describing: other.phase))")
            return
        }
        #expect(other.detail?.errorText == nil)
    }

    @Test("an unanswered one is an anomaly of the agent's, unless it is out of reach or answers in time")
    func unconfirmed() {
        var story = ignored()
        live(&story, .minutes(2))
        #expect(story.anomalies() == [.unconfirmedCommand: 1])
        live(&story, .hours(13))
        story.observe(.missing)
        #expect(story.anomalies() == [.unconfirmedCommand: 1])
        var away = ignored()
        away.disconnect()
        away.pass(.minutes(2))
        #expect(cancellation(away) == .unanswered && away.anomalies() == [:])
        var answered = ignored()
        answered.update(.cancelled)
        answered.pass(.minutes(2))
        #expect(answered.anomalies() == [:])
    }

    @Test("an agent that answers late has confirmed all the same")
    func late() {
        var story = Story.running()
        story.ask(.cancelRun(Story.run))
        tell(&story)
        story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
        story.pass(.seconds(61))
        #expect(cancellation(story) == .unanswered)
        story.update(.cancelled)
        #expect(cancellation(story) == .confirmed)
        #expect(story.phase == .closed(.cancelled))
    }

    @Test("what cannot be told stays asked for, is told with the next session, and its time begins then")
    func notConnected() {
        var story = Story.running()
        story.ask(.cancelRun(Story.run))
        story.carryOut { if case .cancel = $0 { .undone("not connected") } else { nil } }
        #expect(cancellation(story) == .requested)
        story.disconnect()
        story.pass(.seconds(100))
        #expect(cancellation(story) == .requested)
        story.connect(session: "ses_2", sequence: 9)
        tell(&story)
        #expect(cancellation(story) == .sent)
    }

    @Test("a configuration that is sent tells nobody once more to stop: another run of the job may have begun")
    func toldBeforeTheConfiguration() {
        var story = Story.running()
        story.ask(.cancelRun(Story.run))
        story.carryOut { if case .cancel = $0 { .done } else { nil } }
        story.ask(.changeTarget(Story.target, [.database("/other.db")]))
        story.carryOut { if case .configure = $0 { .done } else { nil } }
        #expect(!story.pending.contains { if case .cancel = $0.1 { true } else { false } })
    }

    @Test("what could not be told on a connection that lives is told with the next heartbeat, until it was")
    func untoldOnTheSameConnection() {
        var story = Story.running()
        story.ask(.cancelRun(Story.run))
        let command = Fleet.Message.command(.cancel(Story.agent, Story.run, .first))
        for _ in 0..<2 {
            story.carryOut { if case .cancel = $0 { .undone("the views are behind") } else { nil } }
            story.pass(.seconds(30))
            #expect(story.beat().contains(command))
        }
        tell(&story)
        #expect(cancellation(story) == .sent)
        #expect(!story.beat().contains(command))
    }

    @Test("our own absence, and a jump of our clock, is not the agent's: its time to answer begins anew")
    func restart() {
        for message in [
            .started(EngineStart(build: "test", rules: Fleet.rules, seed: 8)), .clockStepped(.hours(1)),
        ] as [Fleet.Message] {
            var story = Story.running()
            story.ask(.cancelRun(Story.run))
            tell(&story)
            story.now = story.now + .hours(1)
            story.tell(message)
            story.pass(.seconds(59))
            #expect(cancellation(story) == .sent)
            story.pass(.seconds(1))
            #expect(cancellation(story) == .unanswered)
        }
    }

    @Test("an unanswered one that is told again with the next session stays unanswered, and is no second anomaly")
    func toldAgain() {
        var story = ignored()
        live(&story, .minutes(2))
        story.disconnect()
        story.connect(session: "ses_2", sequence: 9)
        #expect(story.pending.map(\.1).contains(.cancel(Story.agent, Story.run, .first)))
        tell(&story)
        #expect(cancellation(story) == .unanswered)
        story.pass(.seconds(61))
        #expect(story.anomalies() == [.unconfirmedCommand: 1])
    }

    @Test("a store that gives no answer about it does not make it lost")
    func silentStore() {
        var story = ignored([.timeoutSeconds(600)])
        live(&story, .minutes(46))
        for _ in 0..<24 {
            #expect(story.phase == .reconciling(.first, .timeout))
            story.observe(.undone("no answer"))
            story.pass(.hours(1))
        }
        #expect(story.phase == .closed(.cancelled))
        #expect(cancellation(story) == .unanswered)
    }

    @Test("one of which the order is on its way: cancelled when it was not sent, or may not have been and left nothing")
    func ofSending() {
        for result in [CommandOutcome.Result.undone("not connected"), .unknown] {
            var story = Story.ready()
            story.ask(.runJob(Story.run, Story.job))
            story.ask(.cancelRun(Story.run))
            tell(&story)
            story.carryOut { if case .dispatch = $0 { result } else { nil } }
            if result == .unknown {
                story.disconnect()
                story.pass(.seconds(150))
                #expect(story.phase == .reconciling(.first, .unknown))
                story.observe(.missing)
            }
            #expect(story.phase == .closed(.cancelled))
            #expect(cancellation(story) == (result == .unknown ? .unanswered : .confirmed))
            #expect(story.detail?.status == .cancelled && story.detail?.cancellation == cancellation(story))
            #expect((story.detail?.errorText?.string.hasPrefix("not confirmed: ") ?? false) == (result == .unknown))
        }
    }

    @Test("what no agent has is cancelled at once: queued, and between two attempts")
    func atNoAgent() {
        var story = Story.running([.maxAttempts(2)])
        story.update(.failed, failure: .source)
        story.ask(.cancelRun(Story.run))
        #expect(story.phase == .closed(.cancelled))
        #expect(cancellation(story) == .confirmed)
    }

    @Test("a run that somebody wants cancelled gets no other attempt; what would have been final fails all the same")
    func noRetry() {
        for (reason, fields) in [(.source, [.maxAttempts(3)]), (.disconnect, [])] as [(FailureClass, [JobField])] {
            var story = Story.running(fields)
            story.ask(.cancelRun(Story.run))
            story.update(.failed, failure: reason)
            #expect(story.phase == .closed(.cancelled))
        }
        var last = Story.running()
        last.ask(.cancelRun(Story.run))
        last.update(.failed, failure: .source)
        #expect(last.phase == .closed(.failed(.source)))
    }

    @Test("an agent that is gone for good: cancelled once the store has no object")
    func gone() {
        var story = Story.running()
        story.ask(.cancelRun(Story.run))
        tell(&story)
        story.disconnect()
        story.pass(.seconds(150))
        story.observe(.missing)
        #expect(story.phase == .closed(.cancelled))
        #expect(cancellation(story) == .unanswered && story.detail?.cancellation == .unanswered)
        #expect(story.detail?.errorText?.string.hasPrefix("not confirmed: ") == true)
    }
}
