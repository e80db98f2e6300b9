import Testing

@testable import Core

/// Goal: whatever becomes of connections, commands, looks at the store and processes, nothing starts on a host beside what
/// still goes on there, nothing waits for ever, and no run ends without a backup that was reported and is there.
/// Method: a seed draws some hours of one agent's life with faults; then these end, and all must come to rest.
@Suite("An agent with a journal, by seeds")
struct JournalingAgentTests {
    @Test("one run a target on its host, and every run ends", arguments: UInt64(0)..<24)
    func seeds(seed: UInt64) async {
        var agent = JournalingAgent(seed: seed)
        for step in 0..<1_500 {
            agent.step()
            if step.isMultiple(of: 100) { await Task.yield() }  // others want the thread too
        }
        agent.hasFaults = false
        var rest = 0
        while !agent.openRuns.isEmpty, rest < 1_500 {
            agent.step()
            rest += 1
        }
        #expect(agent.problems == [], "seed \(seed)")
        #expect(agent.openRuns.isEmpty, "stranded: seed \(seed)")
    }

    @Test("what was given up and goes on is met on the way")
    func strays() {
        var count = 0
        for seed in 0..<4 as Range<UInt64> {
            var agent = JournalingAgent(seed: seed)
            for _ in 0..<1_500 { agent.step() }
            count += agent.stopCount
        }
        #expect(count > 4)
    }
}
