import Core
import Testing

@Suite("A verdict names what it rests on besides its cause")
struct GroundsTests {
    @Test("success: how it was sent, and what the agent said about the object")
    func success() {
        var story = Story.running()
        story.complete()
        story.observe(Story.found())
        #expect(kinds(of: story) == ["outcome.dispatch", "frame.backup_completed"])
    }

    @Test("an object that is not what was reported: the same")
    func storage() {
        var story = Story.running()
        story.complete()
        story.observe(Story.found(byteCount: 11))
        #expect(story.phase == .closed(.failed(.storage)))
        #expect(kinds(of: story) == ["outcome.dispatch", "frame.backup_completed"])
    }

    @Test("a failure that the agent reports: the report is the cause, so only how it was sent")
    func failed() {
        var story = Story.running()
        story.update(.failed, failure: .source)
        #expect(kinds(of: story) == ["outcome.dispatch"])
    }

    @Test("a failure that is reported after the completion, and changes nothing, is no ground of the success")
    func late() {
        var story = Story.running()
        story.complete()
        story.update(.failed, failure: .source)
        story.observe(Story.found())
        #expect(kinds(of: story) == ["outcome.dispatch", "frame.backup_completed"])
    }

    @Test("lost: how it was sent")
    func lost() {
        var story = Story.running()
        story.disconnect()
        story.pass(.seconds(150))
        story.observe(.missing)
        #expect(kinds(of: story) == ["outcome.dispatch"])
    }

    @Test("cancelled: how it was sent, and who wished it; before it was sent, nothing but the wish, which is the cause")
    func cancelled() {
        var story = Story.running()
        story.ask(.cancelRun(Story.run))
        story.update(.cancelled)
        #expect(kinds(of: story) == ["outcome.dispatch", "accepted.cancel_requested"])
        var queued = Story()
        queued.ask(.createAgent(Story.agent, name: "db", keyDigest: [UInt8](repeating: 1, count: 32)))
        queued.ask(.createTarget(Story.target, Story.agent, [.type(.sqlite), .displayName("a"), .database("/a.db")]))
        queued.ask(.createJob(Story.job, Story.agent, Story.target, []))
        queued.ask(.runJob(Story.run, Story.job))
        queued.ask(.cancelRun(Story.run))
        #expect(kinds(of: queued) == [])
    }

    @Test("an earlier attempt's sending is no ground for what became of a later one")
    func attempts() {
        var story = Story.ready()
        story.ask(.runJob(Story.run, Story.job))
        story.carryOut { if case .dispatch = $0 { .unknown } else { nil } }
        story.pass(.seconds(80))
        story.hear(.heartbeat(Heartbeat(configVersion: 3, metrics: nil, activeJobIDs: [])))
        story.pass(.seconds(70))
        story.observe(.missing)
        #expect(story.phase == .sending(Attempt(2)))
        story.carryOut { if case .dispatch = $0 { .done } else { nil } }
        story.update(.failed, attempt: 2, failure: .source)
        let sent = story.entries.filter { $0.kind == "outcome.dispatch" }.map(\.position)
        #expect(sent.count == 2 && grounds(of: story) == sent.suffix(1))
    }

    /// The grounds of the only verdict; nil when there is none.
    private func grounds(of story: Story) -> [Position]? {
        story.entries.last { $0.kind == "run.closed" }.map { Fleet.grounds(of: $0.message) }
    }

    private func kinds(of story: Story) -> [Text]? {
        grounds(of: story)?.map { story.entries[Int($0.number) - 1].kind }
    }
}
