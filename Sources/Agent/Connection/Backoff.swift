/// How long to wait before the next dial: 1 s, doubling up to 60 s, each within 20 % of that. Back to 1 s after a session
/// that lasted, so that a long-lived agent is as quick after its hundredth disconnect as after its first, and two with one
/// key do not replace each other once a second for ever.
struct Backoff: Hashable, Sendable {
    /// How long an accepted session lasts at least after which all begins anew.
    static let settledTime = Duration.seconds(60)
    private static let maximumMilliseconds: Int64 = 60_000
    private var failureCount = 0

    /// The next wait.
    ///
    /// - Parameter jitter: 0 to 400, drawn anew each time; 200 is exactly the nominal wait.
    mutating func next(jitter: Int64) -> Duration {
        let nominal = min(Self.maximumMilliseconds, 1_000 << Int64(min(failureCount, 6)))
        failureCount += 1
        return .milliseconds(nominal * (800 + min(max(jitter, 0), 400)) / 1_000)
    }

    /// A session lasted.
    mutating func reset() { failureCount = 0 }
}
