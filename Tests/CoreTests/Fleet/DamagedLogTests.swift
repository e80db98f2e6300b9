import Testing

@testable import Core

/// Every entry is legal in every state. Those that the door and the deciders never write must not trap or hang either.
@Suite("Entries that only a damaged log holds")
struct DamagedLogTests {
    private static let ticket = Ticket(token: "admin")

    @Test("A job of an agent that was never created is changed without a size below zero")
    func ownerless() throws {
        var story = Story.ready()
        let spec = try #require(story.state.jobs[Story.job]?.spec)
        let (agent, job) = (AgentID("agt_lost"), JobID("job_lost"))
        story.tell(.accepted(.jobCreated(job, agent, Story.target, spec), Self.ticket))
        #expect(ConfigurationSize.byteCount(of: agent, in: story.state) == 0)
        story.ask(.changeJob(job, [.preHooks(["true"])]))
        #expect(story.state.jobs[job]?.spec.preHooks == ["true"])
    }

    @Test(
        "A maintenance window of no times of day is none",
        arguments: [
            ("9223372036854775807:0", "1:0"), ("1:0", "99999999999999999:0"), ("-1:0", "1:0"), ("24:00", "1:0"),
            ("1:0", "0:60"),
        ])
    func window(start: String, end: String) {
        var story = Story.ready()
        var settings = AgentSettings()
        (settings.maintenanceStart, settings.maintenanceEnd) = (Text(start), Text(end))
        story.tell(.accepted(.agentConfigured(Story.agent, settings), Self.ticket))
        story.ask(.runJob(Story.run, Story.job))
        #expect(story.state.runs[Story.run]?.attemptInFlight != nil)
    }

    @Test("A fleet of no starts a second has one")
    func noStarts() {
        var story = Story.ready()
        var policy = FleetPolicy()
        policy.startsPerSecond = 0
        story.tell(.accepted(.policyChanged(policy), Self.ticket))
        story.tell(.deadline(.starts))
        story.ask(.runJob(Story.run, Story.job))
        #expect(story.state.runs[Story.run]?.attemptInFlight != nil)
    }

    @Test("A clock that claims to be further from UTC than any is taken for a day and a half from it")
    func offsets() throws {
        let moment = Timestamp(milliseconds: 1_800_000_000_000)
        let rules = ZoneRules(
            offsetSeconds: .max, transitions: [.init(at: moment, offsetSeconds: .min)],
            until: Timestamp(milliseconds: .max))
        #expect(rules.offsetSeconds == ZoneRules.offsetLimit)
        #expect(rules.offset(at: moment) == -ZoneRules.offsetLimit)
        let slot = try #require(try Cron("0-59 0-23 * * *").next(after: moment, in: rules))
        // Each time of day once: the three days that it was set back by have been.
        #expect(slot.instant - moment == .hours(72))
    }
}
