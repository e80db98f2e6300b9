/// How many runs may start: a bucket that fills with time and is emptied by starts, so that a fleet whose jobs all have the
/// same hour does not start them in the same second.
///
/// It counts thousandths of a start: at n starts a second it gains n of them a millisecond, without any rounding.
public struct StartBudget: Hashable, Sendable {
    /// The bucket holds no more than a second's starts, nor more than one turn can make.
    static let largestBurst: UInt64 = 60
    /// A second fills it however slowly it fills.
    private static let fillingTime = Milliseconds.minutes(1)

    /// What was in it.
    var thousandths: UInt64 = 0
    /// When that was; nil before the first start, when it is full.
    var countedAt: Timestamp?

    /// At least one, whatever a damaged log says.
    private static func rate(_ policy: FleetPolicy) -> UInt64 { max(1, UInt64(policy.startsPerSecond)) }
    /// The most that it holds.
    private static func burst(_ policy: FleetPolicy) -> UInt64 { min(rate(policy), largestBurst) }

    private func thousandths(at moment: Timestamp, _ policy: FleetPolicy) -> UInt64 {
        let capacity = Self.burst(policy) * 1_000
        guard let countedAt else { return capacity }
        let span = max(moment - countedAt, Milliseconds(0))
        guard span < Self.fillingTime else { return capacity }
        // First the least, since a state that was read may hold anything.
        return min(capacity, min(thousandths, capacity) + UInt64(span.count) * Self.rate(policy))
    }

    /// How many runs may start now.
    func available(at moment: Timestamp, _ policy: FleetPolicy) -> Int {
        Int(thousandths(at: moment, policy) / 1_000)
    }

    /// A run has started.
    mutating func take(at moment: Timestamp, _ policy: FleetPolicy) {
        let rest = thousandths(at: moment, policy)
        thousandths = rest - min(rest, 1_000)
        countedAt = moment
    }

    /// When those that wait are served next: a tenth of a second's starts at once, which bounds the deadlines to ten a
    /// second.
    func refilled(after moment: Timestamp, _ policy: FleetPolicy) -> Timestamp {
        let rate = Self.rate(policy)
        let batch = min(max(1, rate / 10), Self.burst(policy)) * 1_000
        let rest = thousandths(at: moment, policy)
        let missing = batch - min(rest, batch)
        return moment + Milliseconds(Int64(max(1, (missing + rate - 1) / rate)))
    }
}

extension StartBudget: Restorable {
    /// Writes every field.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
        encoder.encode("thousandths", thousandths)
        encoder.encode("counted_at", countedAt)
    }

    /// Reads every field.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        thousandths = try decoder.decode("thousandths")
        countedAt = try decoder.decode("counted_at")
    }
}
