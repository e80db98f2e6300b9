import Testing

@testable import Core

/// Commands that could not be sent although the agent is connected, as while the vault is busy.
@Suite("What could not be sent to an agent that is there")
struct UnsendableTests {
    private static func busy(_ command: Command) -> CommandOutcome.Result? {
        if case .dispatch = command { .undone("the vault is busy") } else { nil }
    }

    @Test(
        "a run that waits to be sent again holds up no other once it is cancelled",
        arguments: ["while it waits", "while it is sent"])
    func cancelled(moment: String) {
        var story = Story.ready()
        let other = story.addJob(2)
        story.ask(.runJob(Story.run, Story.job))
        if moment == "while it is sent" { story.ask(.cancelRun(Story.run)) }
        story.carryOut(Self.busy)
        if moment == "while it waits" {
            story.ask(.runJob(RunID("run_2"), other))
            #expect(story.state.runs[RunID("run_2")]?.phase == .queued, "the vault is busy for all of them")
            story.ask(.cancelRun(Story.run))
        } else {
            story.ask(.runJob(RunID("run_2"), other))
        }
        #expect(story.phase == .closed(.cancelled))
        #expect(story.state.runs[RunID("run_2")]?.phase == .sending(.first))
    }

    @Test("an order that could not be repeated holds up no other run")
    func repeated() {
        let journal = [ProtocolExtension.journal]
        var story = Story.running(extensions: journal)
        let other = story.addJob(2)
        story.disconnect()
        story.connect(session: "ses_2", extensions: journal, sequence: 5)
        story.hear(.heartbeat(Heartbeat(configVersion: 5, metrics: nil, activeJobIDs: [])), session: "ses_2")
        #expect(!story.carryOut(Self.busy).isEmpty, "the run is sent once more")
        story.ask(.runJob(RunID("run_2"), other))
        #expect(story.state.runs[RunID("run_2")]?.phase == .sending(.first))
    }

    @Test("a configuration is sent again with the agent's next heartbeat")
    func configuration() {
        var story = Story.ready()
        story.deliversConfigurations = false
        story.ask(.changeJob(Story.job, [.retentionDays(9)]))
        let version = story.state.agents[Story.agent]?.configVersion ?? 0
        let command = Fleet.Message.command(.configure(Story.agent, version: version))
        func beat(_ version: UInt64) -> Report {
            .heartbeat(Heartbeat(configVersion: version, metrics: nil, activeJobIDs: []))
        }
        story.carryOut { if case .configure = $0 { .undone("the vault is busy") } else { nil } }
        #expect(story.hear(beat(version - 1)).contains(command))
        story.carryOut { if case .configure = $0 { .done } else { nil } }
        #expect(!story.hear(beat(version - 1)).contains(command), "it was sent")
        #expect(!story.hear(beat(version)).contains(command))
    }

    @Test(
        "a run does not start before the agent was sent what its job has become", arguments: [nil, "busy"] as [Text?])
    func startBeforeConfiguration(problem: Text?) {
        var story = Story.ready()
        story.deliversConfigurations = false
        let job = story.addJob(2)
        story.ask(.runJob(Story.run, job))
        #expect(story.phase == .queued)
        #expect(Fleet.wait(of: Story.run, at: story.now, in: story.state) == .agent)
        if let problem {
            story.carryOut { if case .configure = $0 { .undone(problem) } else { nil } }
            #expect(story.phase == .queued)
            // Whatever version it names: a reference agent names its highest one until it is restarted.
            let heartbeat = Heartbeat(configVersion: 99, metrics: nil, activeJobIDs: [])
            #expect(
                story.hear(.heartbeat(heartbeat)).contains { if case .command(.configure) = $0 { true } else { false } }
            )
            #expect(story.phase == .queued)
        }
        story.carryOut { if case .configure = $0 { .done } else { nil } }
        #expect(story.phase == .sending(.first))
    }
}
