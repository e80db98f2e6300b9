import Testing

@testable import Core

/// Goal: whatever happens in whatever order, alerts keep their promise, and a settled fleet has none. Method: random
/// facts from a seed, then peace: all connect, the disk has room, all objects are there, the check is up, each job succeeds.
@Suite("Alerts in any order of facts")
struct AlertOrderTests {
    private let tests = AlertTests()

    @Test("In any order of facts each alert is opened once and resolved once", arguments: UInt64(0)..<60)
    func anyOrder(seed: UInt64) {
        var story = Story.ready()
        story.ask(.createCheck(Story.check, Story.agent, Story.spec(failures: 1, successes: 1, flapChanges: 4)))
        var count = 0
        for step in 0..<120 as Range<UInt64> {
            let draw = Mix.bits(seed: seed, counter: step)
            switch draw % 16 {
            case 0: story.disconnect(session: SessionID(Text("ses_\(count)")))
            case 1, 2:
                count += 1
                story.connect(session: SessionID(Text("ses_\(count)")), sequence: UInt64(count) * 1_000)
            case 3: tests.run(&story, 1_000 + Int(step)) { _, _ in }
            case 4: for run in story.state.agents[Story.agent]?.openRuns ?? [] { tests.fail(&story, run) }
            case 5: story.pass(.minutes(Int64(draw >> 32 % 90)))
            case 6: story.observe(draw >> 40 % 2 == 0 ? .missing : Story.found())
            case 7: story.tell(.started(EngineStart(build: "test", rules: Fleet.rules, seed: 1)))
            case 8: for run in story.state.agents[Story.agent]?.openRuns ?? [] { tests.succeed(&story, run) }
            case 9: survey(&story, draw >> 32)
            case 10, 11, 12: probe(&story, draw >> 32)
            case 13: change(&story, draw >> 32)
            case 14: beat(&story, UInt64(draw >> 32 % 12))
            default: story.tell(.clockStepped(.seconds(Int64(draw >> 32 % 600))))
            }
        }
        settle(&story)
        _ = tests.steps(story, AlertKey(.runFailed, Story.job))
        #expect(story.state.alerts.idsSorted == [], "seed \(seed)")
    }

    private func settle(_ story: inout Story) {
        for run in story.state.agents[Story.agent]?.openRuns ?? [] { story.ask(.cancelRun(run)) }
        for _ in 0..<6 {
            story.pass(.hours(13))
            story.observe(.missing)
        }
        story.connect(session: "ses_end", sequence: 1_000_000)
        tests.run(&story, 1) { tests.succeed(&$0, $1) }
        story.ask(.changeCheck(Story.check, [.isPaused(false), .certificateDays(14)]))
        for _ in 0..<25 { probe(&story, 1 << 8) }
        while !story.pending.contains(where: { $0.1 == .survey }) { story.pass(.minutes(10)) }
        survey(&story, 1)
        story.connect(session: "ses_last", sequence: 2_000_000)
        beat(&story, story.state.agents[Story.agent]?.configVersion ?? 0)
        story.pass(.seconds(60))
    }

    /// A survey that misses an object, or finds all.
    private func survey(_ story: inout Story, _ draw: UInt64) {
        var survey = Survey()
        for run in story.state.objects.idsByCreation {
            guard let object = story.state.objects[run] else { continue }
            let key = ObjectKey(run: run, attempt: object.attempt)
            if object.isVanished, draw % 2 == 1 { survey.returned.append(key) }
            if !object.isVanished, draw % 2 == 0, survey.missing.isEmpty { survey.missing.append(key) }
        }
        story.carryOut { $0 == .survey ? .surveyed(survey) : nil }
    }

    /// A result of the check, with a certificate that ends soon, late, or is not told.
    private func probe(_ story: inout Story, _ draw: UInt64) {
        story.pass(.seconds(30))
        let days: Int64? = [90, 5, nil, 3][Int(draw % 4)]
        let end = days.map { story.now + .hours(24 * $0) }
        story.hear(.health(Story.result(draw >> 8 % 2 == 1, at: story.now, certificate: end)), session: nil)
    }

    private func change(_ story: inout Story, _ draw: UInt64) {
        var fields: [CheckField] = []
        if draw % 2 == 0 { fields.append(.isPaused(draw >> 1 % 2 == 0)) }
        if draw >> 2 % 2 == 0 { fields.append(.certificateDays([0, 4, 14][Int(draw >> 3 % 3)])) }
        if draw >> 8 % 4 == 0 { fields.append(.target(Text("https://host-\(draw >> 10 % 2)/"))) }
        story.ask(.changeCheck(Story.check, fields))
    }

    private func beat(_ story: inout Story, _ version: UInt64) {
        story.hear(.heartbeat(Heartbeat(configVersion: version, metrics: nil, activeJobIDs: [])), session: nil)
    }
}
