import Testing

@testable import Core

/// A state that was read from a file may hold what no build ever writes.
@Suite("A state with numbers at their ends")
struct DamagedStateTests {
    @Test("the next heartbeat is counted")
    func heartbeats() {
        var numbers = MessageNumbers(
            missing: [], awaited: [7], heartbeatCount: .max, hasGap: false, isReorderingNoted: false)
        #expect(numbers.beat() == [7])
        #expect(numbers.heartbeatCount == 2)
    }

    @Test("starts go on, no more at once than otherwise")
    func starts() {
        let (moment, policy) = (Timestamp(milliseconds: 1_900_000_000_000), FleetPolicy())
        var budget = StartBudget()
        budget.thousandths = .max
        budget.countedAt = moment
        #expect(budget.available(at: moment + .seconds(30), policy) == 50)
    }
}
