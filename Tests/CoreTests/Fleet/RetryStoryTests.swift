import Core
import Testing

@Suite("From one attempt of a run to the next")
struct RetryStoryTests {
    @Test("a failed attempt is followed by another after the job's waits, the last of them again, up to its attempts")
    func waits() {
        var story = Story.running([.maxAttempts(4), .backoffSeconds([10, 20])])
        var waits: [Int64] = []
        for attempt in 1...3 as ClosedRange<UInt32> {
            let said = story.update(.failed, attempt: attempt, failure: .source)
            #expect(story.phase == .waiting(Attempt(attempt), .source))
            #expect(story.state.agents[Story.agent]?.inFlightCount == 0)
            let due = story.state.runs[Story.run]?.nextAttemptAt
            waits.append(due.map { ($0 - story.now).count / 1_000 } ?? 0)
            #expect(said.contains { if case .decided(_, .retried(let retry, _)) = $0 { !retry.isFree } else { false } })
            story.pass(Milliseconds(waits[waits.count - 1] * 1_000 - 1))
            #expect(story.phase == .waiting(Attempt(attempt), .source))
            story.pass(Milliseconds(1))
            #expect(story.phase == .sending(Attempt(attempt + 1)))
            story.send()
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
        }
        #expect(waits == [10, 20, 20])
        story.update(.failed, attempt: 4, failure: .upload)
        #expect(story.phase == .closed(.failed(.upload)))
    }

    @Test("without waits of its own a job waits for a minute, and without attempts it has one")
    func defaults() {
        var story = Story.running([.maxAttempts(2)])
        story.update(.failed, failure: .source)
        #expect(story.state.runs[Story.run]?.nextAttemptAt == story.now + .seconds(60))
        var hasty = Story.running([.maxAttempts(2), .backoffSeconds([0])])
        hasty.update(.failed, failure: .source)
        #expect(hasty.state.runs[Story.run]?.nextAttemptAt == hasty.now + .seconds(1))
        var single = Story.running()
        single.update(.failed, failure: .source)
        #expect(single.phase == .closed(.failed(.source)))
    }

    @Test("at most 100 attempts and waits, none of them longer than a day")
    func bounds() {
        let waits = [UInt32](repeating: 1, count: 101)
        for (field, isRefused) in [
            (.maxAttempts(101), true), (.maxAttempts(100), false), (.backoffSeconds(waits), true),
            (.backoffSeconds([86_401]), true), (.backoffSeconds([86_400]), false),
        ] as [(JobField, Bool)] {
            var story = Story.ready()
            let wasRefused = if case .refused = story.ask(.changeJob(Story.job, [field])).last { true } else { false }
            #expect(wasRefused == isRefused, "\(field)")
        }
    }

    @Test("what trying again cannot help is final, everything else is tried again", arguments: FailureClass.allCases)
    func classes(reason: FailureClass) {
        var story = Story.running([.maxAttempts(2)])
        story.update(.failed, failure: reason)
        #expect(story.phase == (reason == .configuration ? .closed(.failed(reason)) : .waiting(.first, reason)))
    }

    @Test(
        "the first attempt that is cut off is replaced without counting, also where there is one attempt; a second counts"
    )
    func cutOff() {
        var story = Story.running()
        let said = story.update(.failed, failure: .disconnect)
        let retry = Retry(
            attempt: .first, failure: .disconnect, due: story.now + Fleet.Limits.shortestWait, isFree: true)
        #expect(said.contains { if case .decided(_, .retried(retry, _)) = $0 { true } else { false } })
        story.pass(.seconds(1))
        #expect(story.phase == .sending(Attempt(2)))
        story.send()
        story.update(.failed, attempt: 2, failure: .disconnect)
        #expect(story.phase == .closed(.failed(.disconnect)))
    }

    @Test("a free replacement leaves the job's attempts and waits as they are")
    func cutOffCounts() {
        var story = Story.running([.maxAttempts(2), .backoffSeconds([5, 50])])
        story.update(.failed, failure: .disconnect)
        story.pass(.seconds(1))
        story.send()
        story.update(.failed, attempt: 2, failure: .source)
        #expect(story.state.runs[Story.run]?.nextAttemptAt == story.now + .seconds(5))
        story.pass(.seconds(5))
        story.send()
        story.update(.failed, attempt: 3, failure: .source)
        #expect(story.phase == .closed(.failed(.source)))
    }

    @Test("a run that was lost, and one whose object is missing, are tried again too")
    func lostAndMissing() {
        var lost = Story.running([.maxAttempts(2)])
        lost.disconnect()
        lost.pass(.seconds(150))
        lost.observe(.missing)
        #expect(lost.phase == .waiting(.first, .lost))
        var missing = Story.running([.maxAttempts(2)])
        missing.complete()
        missing.observe(.missing)
        #expect(missing.phase == .waiting(.first, .storage))
    }

    @Test("a verified object of an earlier attempt completes the run, while it waits and while the next one is at work")
    func lateObject() {
        let evidence = Evidence(byteCount: 10, digest: [UInt8](repeating: 9, count: 32), source: .store)
        for isStarted in [false, true] {
            var story = Story.running([.maxAttempts(2)])
            story.update(.failed, failure: .timeout)
            if isStarted {
                story.pass(.seconds(60))
                story.send()
            }
            #expect(story.complete().contains(.command(.observe(Story.run, .first))))
            story.observe(Story.found())
            #expect(story.phase == .closed(.success(.first, evidence)))
            #expect(story.state.objects[Story.run]?.attempt == .first)
        }
    }

    @Test("the next attempt's completion is none after a failure")
    func noAnomaly() {
        var story = Story.running([.maxAttempts(2)])
        story.update(.failed, failure: .source)
        story.pass(.seconds(60))
        story.send()
        story.complete(attempt: 2)
        #expect(story.anomalies()[.completionAfterFailure] == nil)
    }

    @Test("reports about an attempt that was given up change only counters")
    func stale() {
        var story = Story.running([.maxAttempts(2)])
        story.update(.failed, failure: .source)
        let before = story.state.runs[Story.run]
        story.update(.running, percent: 50)
        story.update(.failed, failure: .upload)
        story.update(.cancelled)
        #expect(story.state.runs[Story.run]?.phase == before?.phase)
        #expect(story.state.runs[Story.run]?.progressPercent == before?.progressPercent)
        #expect(story.anomalies()[.lateReport] == 3)
    }

    @Test(
        "an agent with a journal that says once more how an attempt ended is not late; one without is, and so is another end"
    )
    func toldAgain() {
        for isJournaling in [true, false] {
            var failed = Story.running(extensions: isJournaling ? [ProtocolExtension.journal] : [], [.maxAttempts(2)])
            for _ in 0..<2 { failed.update(.failed, failure: .disconnect) }
            var cancelled = Story.running(extensions: isJournaling ? [ProtocolExtension.journal] : [])
            cancelled.ask(.cancelRun(Story.run))
            for _ in 0..<2 { cancelled.update(.cancelled) }
            for story in [failed, cancelled] { #expect(story.anomalies()[.lateReport] == (isJournaling ? nil : 1)) }
            var completed = Story.running(extensions: isJournaling ? [ProtocolExtension.journal] : [])
            for _ in 0..<2 { completed.complete() }
            completed.observe(Story.found())
            completed.complete()
            #expect(completed.anomalies() == (isJournaling ? [:] : [.repeatedCompletion: 2]))
            completed.complete(digest: 7)
            #expect(completed.anomalies() == [.repeatedCompletion: isJournaling ? 1 : 3])
        }
    }

    @Test("nor is it late when the next attempt has begun meanwhile", arguments: [true, false])
    func toldAgainLater(isJournaling: Bool) {
        var story = Story.running(extensions: isJournaling ? [ProtocolExtension.journal] : [], [.maxAttempts(2)])
        story.update(.failed, failure: .disconnect)
        story.pass(.seconds(1))
        story.send()
        #expect(story.phase == .running(Attempt(2)))
        story.update(.failed, failure: .disconnect)
        #expect(story.anomalies()[.lateReport] == (isJournaling ? nil : 1))
    }

    @Test("a second attempt that cannot be sent does not get all of its queue time anew with each try")
    func unsendable() {
        var story = Story.running([.maxAttempts(2), .backoffSeconds([1])])
        story.update(.failed, failure: .source)
        story.pass(.seconds(1))
        var tries = 0
        while story.state.runs[Story.run]?.isOpen == true, tries < 10_000 {
            if !story.carryOut({ if case .dispatch = $0 { .undone("busy") } else { nil } }).isEmpty { tries += 1 }
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
            story.pass(.seconds(30))
        }
        #expect(story.phase == .closed(.lost(.lost)))
        #expect((2_000...2_881).contains(tries))
    }

    @Test("the decision names what it rests on")
    func grounds() throws {
        var story = Story.running([.maxAttempts(2)])
        let sent = try #require(story.entries.last { $0.kind == "outcome.dispatch" })
        let said = story.update(.failed, failure: .source)
        guard case .decided(_, .retried(_, let grounds)) = said.dropFirst().first else {
            Issue.record("\(said)")
            return
        }
        #expect(grounds == [sent.position])
    }

    // A journaling agent that died before the run was in its journal.

    @Test("a journaling agent that is back and does not list an attempt is sent it again; others never")
    func redelivery() {
        for extensions in [[ProtocolExtension.journal], []] as [[Text]] {
            var story = Story.running(extensions: extensions)
            story.disconnect()
            story.pass(.seconds(10))
            story.connect(session: "ses_2", extensions: extensions, sequence: 5)
            let heartbeat = Report.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: []))
            let again = Fleet.Message.command(.dispatch(Story.agent, Story.run, .first, isRepeatable: true))
            let said = story.hear(heartbeat, session: "ses_2")
            #expect(said.contains(again) == !extensions.isEmpty)
            story.send()
            #expect(story.phase == .running(.first))
            #expect(!story.hear(heartbeat, session: "ses_2").contains(again), "once a session")
            story.update(.queued, session: "ses_2")
            #expect((story.state.runs[Story.run]?.grace == nil))
        }
    }

    @Test("what was sent again is not given up before the agent could list it, also where that sending is unknown too")
    func timeAfterRedelivery() {
        let journal = [ProtocolExtension.journal]
        let results = [CommandOutcome.Result.done, .unknown]
        for (first, second) in results.flatMap({ first in results.map { (first, $0) } }) {
            var story = Story.ready(extensions: journal)
            story.ask(.runJob(Story.run, Story.job))
            story.carryOut { if case .dispatch = $0 { first } else { nil } }
            story.disconnect()
            story.pass(.seconds(130))
            story.connect(session: "ses_2", extensions: journal, sequence: 5)
            story.beat(session: "ses_2")
            #expect(!story.carryOut { if case .dispatch = $0 { second } else { nil } }.isEmpty, "it is sent again")
            story.pass(.seconds(29))
            story.beat([(Story.run, 1)], session: "ses_2")
            #expect(story.phase == .running(.first), "sent with \(first), then with \(second)")
        }
    }

    @Test("what is sent again with each connection and never listed is given up all the same")
    func redeliveryEnds() {
        let journal = [ProtocolExtension.journal]
        var story = Story.running(extensions: journal)
        var session = Story.session
        var (count, sentAt, lostAt) = (0, story.now, story.now)
        /// Another connection, on which the agent lists nothing and is sent the run again.
        func cycle() {
            story.disconnect(session: session)
            story.pass(.seconds(20))
            count += 1
            session = SessionID(Text("again_\(count)"))
            story.connect(session: session, extensions: journal, sequence: UInt64(count) * 10)
            story.beat(session: session)
            if !story.send().isEmpty { sentAt = story.now }
        }
        for _ in 0..<10 { cycle() }
        #expect(sentAt - lostAt == .seconds(140), "no later than it has as long as any other to be listed")
        story.beat([(Story.run, 1)], session: session)
        #expect(story.state.runs[Story.run]?.grace == nil)
        lostAt = story.now
        for _ in 0..<5 { cycle() }
        #expect(sentAt - lostAt == .seconds(100), "it begins anew where the agent has listed it")
        // Our own absence is not the agent's: it begins anew.
        story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 1)))
        lostAt = story.now
        for _ in 0..<14 { cycle() }
        #expect(sentAt - lostAt == .seconds(140))
        #expect(story.phase == .running(.first))
        story.pass(.seconds(11))
        #expect(story.phase == .reconciling(.first, .lost), "150 s after it was sent last")
    }

    @Test("an attempt is sent again only where the agent journaled when it was sent and does so now")
    func redeliveryToAnotherBuild() {
        let journal = [ProtocolExtension.journal]
        for (before, after) in [(journal, []), ([], journal)] as [([Text], [Text])] {
            var story = Story.running(extensions: before)
            story.disconnect()
            story.connect(session: "ses_2", extensions: after, sequence: 5)
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])), session: "ses_2")
            #expect(story.pending.isEmpty, "\(before) before")
        }
    }

    @Test("what somebody wants cancelled is not sent again: it ends when its grace is over")
    func noRedeliveryOfCancelled() {
        let journal = [ProtocolExtension.journal]
        var story = Story.running(extensions: journal)
        story.disconnect()
        story.ask(.cancelRun(Story.run))
        story.connect(session: "ses_2", extensions: journal, sequence: 5)
        story.carryOut { if case .cancel = $0 { .done } else { nil } }
        story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])), session: "ses_2")
        #expect(!story.pending.contains { if case .dispatch = $0.1 { true } else { false } })
        for _ in 0..<10 {
            story.pass(.seconds(30))
            story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])), session: "ses_2")
            story.observe(.missing)
        }
        #expect(story.phase == .closed(.cancelled))
    }

    @Test("what it lists, and what it was sent on this very connection, is not sent again")
    func noRedelivery() {
        let journal = [ProtocolExtension.journal]
        var listed = Story.running(extensions: journal)
        listed.disconnect()
        listed.connect(session: "ses_2", extensions: journal, sequence: 5)
        let active = Heartbeat(
            configVersion: 3, metrics: nil, activeJobIDs: [WireRunID(Story.run, .first).text])
        listed.hear(.heartbeat(active), session: "ses_2")
        #expect(listed.pending.isEmpty)
        var fresh = Story.running(extensions: journal)
        fresh.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
        #expect(fresh.pending.isEmpty)
    }
}
