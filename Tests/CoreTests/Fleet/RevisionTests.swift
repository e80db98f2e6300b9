import Core
import Testing

@Suite("Conflicting edits and configurations that are too large")
struct RevisionTests {
    private func refusal(_ said: [Fleet.Message]) -> Refusal? {
        said.compactMap { if case .refused(let refusal) = $0 { refusal } else { nil } }.first
    }

    private static let target = TargetID("tgt_2")

    private static let changes: [(name: String, request: Request, revision: @Sendable (Story) -> Position?)] = [
        (
            "settings", .configureAgent(Story.agent, [.maxParallelJobs(2)]),
            { $0.state.agents[Story.agent]?.settingsPosition }
        ),
        ("target", .changeTarget(Story.target, [.displayName("x")]), { $0.state.targets[Story.target]?.position }),
        ("target's deletion", .deleteTarget(target), { $0.state.targets[target]?.position }),
        ("job", .changeJob(Story.job, [.retentionDays(3)]), { $0.state.jobs[Story.job]?.position }),
        ("job's deletion", .deleteJob(Story.job), { $0.state.jobs[Story.job]?.position }),
    ]

    private func story() -> Story {
        var story = Story.ready()
        story.ask(.createTarget(Self.target, Story.agent, [.type(.sqlite), .database("/b.db")]))
        return story
    }

    @Test("What was made from the present state is granted, once", arguments: changes.indices)
    func granted(index: Int) throws {
        let change = Self.changes[index]
        var story = story()
        let seen = try #require(change.revision(story))
        let ticket = Ticket(token: "a", expected: seen)
        #expect(refusal(story.ask(change.request, ticket: ticket)) == nil)
        let present = change.revision(story)
        let second = refusal(story.ask(change.request, ticket: ticket))
        if let present {
            #expect(present > seen)
            #expect(second?.code == .precondition && second?.current == present && second?.field == "If-Match")
        } else {
            #expect(second?.code == .notFound)
        }
    }

    @Test("A refused edit changes nothing, and whoever says nothing is granted as before")
    func lastWriterWins() {
        var story = story()
        let before = story.state.jobs[Story.job]
        #expect(
            refusal(
                story.ask(.changeJob(Story.job, [.retentionDays(1)]), ticket: Ticket(token: "a", expected: Position(1)))
            )?
            .code == .precondition)
        #expect(story.state.jobs[Story.job] == before)
        #expect(refusal(story.ask(.changeJob(Story.job, [.retentionDays(1)]))) == nil)
        #expect(story.state.jobs[Story.job]?.spec.retentionDays == 1)
    }

    @Test("A change of a target is none of the settings, though both are new versions of one configuration")
    func apart() {
        var story = story()
        let settings = story.state.agents[Story.agent]?.settingsPosition
        let version = story.state.agents[Story.agent]?.configVersion ?? 0
        story.ask(.changeTarget(Story.target, [.displayName("y")]))
        #expect(story.state.agents[Story.agent]?.settingsPosition == settings)
        #expect(story.state.agents[Story.agent]?.configVersion == version + 1)
    }

    @Test("A revision of what has none is refused as wrong")
    func without() {
        var story = story()
        let answer = refusal(
            story.ask(.renameAgent(Story.agent, name: "z"), ticket: Ticket(token: "a", expected: Position(9))))
        #expect(answer?.code == .validation && answer?.field == "If-Match")
    }

    @Test("A run that is open keeps its order while its job and target are changed and deleted")
    func openRun() throws {
        var story = Story.running()
        let order = try #require(story.state.runs[Story.run]?.order)
        story.ask(.changeJob(Story.job, [.timeoutSeconds(1), .retentionDays(99)]))
        story.ask(.changeTarget(Story.target, [.database("/other.db")]))
        #expect(story.state.runs[Story.run]?.order == order)
        story.ask(.deleteJob(Story.job))
        story.ask(.deleteTarget(Story.target))
        #expect(story.state.runs[Story.run]?.order == order)
        story.complete()
        story.observe(Story.found())
        guard case .closed(.success) = story.phase else {
            Issue.record("the run ended as \(String(describing: story.phase))")
            return
        }
        #expect(story.state.objects[Story.run]?.job == Story.job)
    }

    @Test("A configuration beyond what an agent takes is refused when it is asked for, with the sizes")
    func tooLarge() throws {
        var story = story()
        let hooks: [JobField] = [
            .preHooks([Text](repeating: Text(String(repeating: "h", count: 4_096)), count: 16)),
            .postHooks([Text](repeating: Text(String(repeating: "h", count: 4_096)), count: 16)),
        ]
        var answer: Refusal?
        var count = 0
        while answer == nil, count < 100 {
            count += 1
            answer = refusal(story.ask(.createJob(JobID(Text("job_\(count)")), Story.agent, Story.target, hooks)))
        }
        #expect(count == 32 && answer?.code == .conflict)
        #expect(answer?.text.string.contains("4194304") == true && answer?.text.string.contains("agt_A") == true)
        #expect(ConfigurationSize.byteCount(of: Story.agent, in: story.state) <= ConfigurationSize.limit)
        #expect(refusal(story.ask(.createJob(JobID("job_last"), Story.agent, Story.target, []))) == nil)
        #expect(refusal(story.ask(.changeJob(JobID("job_last"), hooks)))?.code == .conflict)
        // What makes it smaller is granted, and then there is room.
        #expect(refusal(story.ask(.changeJob(JobID("job_1"), [.preHooks([]), .postHooks([])]))) == nil)
        #expect(refusal(story.ask(.changeJob(JobID("job_last"), hooks))) == nil)
    }
}
