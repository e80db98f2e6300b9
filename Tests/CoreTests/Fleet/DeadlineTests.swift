import Core
import Testing

/// Goal: no deadline keeps later ones from passing, whatever becomes of its turn.
/// Method: every story of these tests looks at that (`Story.pass`); here turns are cut off, so that what must follow from a
/// deadline does not.
@Suite("Deadlines that pass")
struct DeadlineTests {
    @Test(
        "leave, or come back later, also where the turn is cut off behind them",
        arguments: EveryPhaseTests.phases.indices, [1, 2, 3])
    func cutOff(phase: Int, turnLimit: Int) {
        for fact in EveryPhaseTests.facts {
            var story = EveryPhaseTests.phases[phase].make()
            fact.tell(&story)
            story.turnLimit = turnLimit
            for _ in 0..<12 {
                if let deadline = Fleet.nextDeadline(in: story.state) { story.pass(deadline.due - story.now) }
            }
            story.turnLimit = .max
            for _ in 0..<12 where story.state.runs[Story.run]?.isOpen == true {
                story.pass(.hours(25))
                story.observe(.missing)
            }
            #expect(
                story.state.runs[Story.run]?.isOpen != true, "\(EveryPhaseTests.phases[phase].name), \(fact.name)")
        }
    }
}
