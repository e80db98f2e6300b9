import Testing

@testable import Core

/// A recorded decision is a fact: it counts whatever the rules of today would have made of what came before it.
@Suite("Decisions on a log of other rules")
struct RecordedDecisionTests {
    private static let second: SessionID = "ses_2"
    private static let journal = [ProtocolExtension.journal]

    private func started(_ attempt: Attempt) -> Fleet.Message {
        .decided(Story.run, .started(attempt, isRepeatable: true))
    }

    private func retried(_ story: Story, _ attempt: Attempt) -> Fleet.Message {
        .decided(
            Story.run,
            .retried(
                Retry(attempt: attempt, failure: .lost, due: story.now + .seconds(1), isFree: false), grounds: []))
    }

    @Test("the attempt that followed one whose grace ended earlier than it would today is the run's")
    func earlierGrace() throws {
        var story = Story.running(extensions: Self.journal, [.maxAttempts(3), .backoffSeconds([1])])
        story.disconnect()
        story.pass(.seconds(140))
        story.connect(session: Self.second, extensions: Self.journal, sequence: 9)
        story.beat(session: Self.second)
        story.send()
        // As rules 5 had it: 150 s after the loss the store is asked, and another attempt follows.
        func record(_ message: Fleet.Message) { story.tell(message, isRecorded: true) }
        func carryOut(_ command: Command, _ result: CommandOutcome.Result) throws {
            record(.command(command))
            let position = try #require(story.entries.last?.position)
            record(.outcome(CommandOutcome(position: position, command: command, result: result)))
        }
        story.now = story.now + .seconds(10)
        record(.deadline(.run(Story.run)))
        try carryOut(.observe(Story.run, .first), .missing)
        record(retried(story, .first))
        #expect(story.phase == .waiting(.first, .lost))
        story.now = story.now + .seconds(1)
        record(.deadline(.run(Story.run)))
        record(started(Attempt(2)))
        try carryOut(.dispatch(Story.agent, Story.run, Attempt(2), isRepeatable: true), .done)
        #expect(story.phase == .running(Attempt(2)))
        #expect(story.disagreement == nil)
        // And from here on today's rules go on with it.
        story.pass(.seconds(20))
        story.beat([(Story.run, 2)], session: Self.second)
        story.update(.failed, attempt: 2, failure: .source, session: Self.second)
        #expect(story.anomalies()[.unknownRun] == nil)
        story.pass(.seconds(1))
        #expect(story.phase == .sending(Attempt(3)))
    }

    @Test("count in every open phase, once, and revive nothing", arguments: EveryPhaseTests.phases.indices)
    func everyPhase(place: Int) throws {
        let name = EveryPhaseTests.phases[place].name
        let former = EveryPhaseTests.phases[place].make()
        let run = try #require(former.state.runs[Story.run])
        let start = started(run.attempt.next)
        var story = former
        story.tell(start, isRecorded: true)
        if run.isOpen {
            #expect(story.phase == .sending(run.attempt.next), "\(name)")
            #expect(story.state.agents[Story.agent]?.inFlightCount == 1, "\(name)")
            #expect(story.state.agents[Story.agent]?.queuedCount == 0, "\(name)")
            #expect(story.disagreement == nil, "\(name)")
        } else {
            #expect(story.state.runs[Story.run] == run, "\(name)")
        }
        // Once more it begins nothing, and costs nothing.
        let (again, budget) = (story.state.runs[Story.run], story.state.startBudget)
        story.now = story.now + .seconds(1)
        story.tell(start, isRecorded: true)
        #expect(story.state.runs[Story.run] == again, "\(name)")
        #expect(story.state.startBudget == budget, "\(name)")
        #expect(story.disagreement == nil, "\(name)")

        story = former
        story.tell(retried(story, run.attempt), isRecorded: true)
        if run.isOpen {
            #expect(story.phase == .waiting(run.attempt, .lost), "\(name)")
        } else {
            #expect(story.state.runs[Story.run] == run, "\(name)")
        }
        // Of an attempt before the last one it says nothing.
        story = former
        story.tell(retried(story, Attempt(run.attempt.number + 1)), isRecorded: true)
        #expect(story.state.runs[Story.run] == run, "\(name)")
    }
}
