import Core

/// The one zone that there is in a simulated world besides UTC: an hour or two ahead of it. People set their clocks once
/// while things go wrong, and back 200 days later.
struct ModelZone: Sendable {
    /// When the clocks are set.
    let changesAt: Timestamp
    /// Whether an hour is left out then; else one comes twice.
    let isForward: Bool

    private static let (hour, day): (Int64, Int64) = (3_600_000, 86_400_000)

    /// The rules as they would be read at any moment.
    var rules: ZoneRules {
        let (before, behind): (Int32, Int32) = isForward ? (3_600, 7_200) : (7_200, 3_600)
        return ZoneRules(
            offsetSeconds: before,
            transitions: [
                ZoneRules.Transition(at: changesAt, offsetSeconds: behind),
                ZoneRules.Transition(at: changesAt + Milliseconds(200 * Self.day), offsetSeconds: before),
            ],
            until: changesAt + Milliseconds(8 * 365 * Self.day))
    }
}
