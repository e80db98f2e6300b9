import Core
import Testing

/// One entry may set a place free in more than one way: what follows is decided in the same state, and must not follow twice.
@Suite("What is set free is started once")
struct StartedOnceTests {
    private static let journal = [ProtocolExtension.journal]
    private static let second: SessionID = "ses_2"
    private static let other = RunID("run_2")
    private static let start = Fleet.Message.decided(other, .started(.first, isRepeatable: true))

    private func startCount(_ said: [Fleet.Message]) -> Int { said.count { $0 == Self.start } }

    /// A run of another job waits for the target of the first, which outlasts its deadline before its agent's eyes.
    private func overdue(_ story: inout Story, attempt: UInt32) {
        let job = JobID("job_K")
        story.ask(.createJob(job, Story.agent, Story.target, []))
        story.ask(.runJob(Self.other, job))
        for _ in 0..<91 {
            story.pass(.seconds(30))
            story.beat([(Story.run, attempt)])
        }
        #expect(story.phase == .reconciling(Attempt(attempt), .timeout))
        #expect(story.state.runs[Self.other]?.phase == .queued)
    }

    @Test("by the completion of what was given up, while the store is being asked")
    func completed() {
        var story = Story.running(extensions: Self.journal, [.timeoutSeconds(600)])
        overdue(&story, attempt: 1)
        #expect(startCount(story.complete()) == 1)
        #expect(story.state.runs[Self.other]?.phase == .sending(.first))
    }

    @Test("by a failure, behind which an earlier attempt's object is asked about")
    func failed() {
        var story = Story.running(
            extensions: Self.journal, [.timeoutSeconds(600), .maxAttempts(2), .backoffSeconds([1])])
        story.update(.failed, failure: .timeout)
        story.complete()
        story.observe(.undone("the store gives no answer"))
        story.pass(.seconds(1))
        story.send()
        overdue(&story, attempt: 2)
        #expect(startCount(story.update(.failed, attempt: 2, failure: .source)) == 1)
        #expect(story.phase == .reconciling(.first, .source))
        #expect(story.state.runs[Self.other]?.phase == .sending(.first))
    }

    @Test("by a failure that nothing else follows from")
    func ended() {
        var story = Story.running(extensions: Self.journal, [.timeoutSeconds(600)])
        overdue(&story, attempt: 1)
        #expect(startCount(story.update(.failed, failure: .source)) == 1)
    }

    @Test("by a first list that comes after it was waited for, or by a report in its place", arguments: [true, false])
    func lateList(isList: Bool) {
        var story = Story.running(extensions: Self.journal)
        story.disconnect()
        story.ask(.runJob(Self.other, story.addJob(2)))
        story.connect(session: Self.second, extensions: Self.journal, sequence: 9)
        story.pass(.seconds(60))
        story.hear(.acknowledgement(accepted: true, reason: ""), session: Self.second)
        story.pass(.seconds(31))
        let completion = Completion(
            job: Story.job, run: WireRunID(Story.run, .first), objectName: "o", byteCount: 10, digest: nil,
            durationMilliseconds: 5, compression: "zstd", databaseVersion: "SQLite 3")
        let said =
            isList
            ? story.beat([(Story.run, 1)], session: Self.second)
            : story.hear(.completed(completion), session: Self.second)
        #expect(startCount(said) == 1)
    }
}
