import Core

/// The one zone that there is in a simulated world besides UTC: an hour ahead of it, and two from the 90th to the 300th day of
/// each 365 days.
enum ModelZone {
    private static let day: Int64 = 86_400_000

    static func rules(from moment: Timestamp) -> ZoneRules {
        let first = moment.milliseconds / (365 * day) - 1
        var transitions: [ZoneRules.Transition] = []
        for year in first..<first + 8 {
            for (number, offset) in [(90, 7_200), (300, 3_600)] as [(Int64, Int32)] {
                let at = Timestamp(milliseconds: (year * 365 + number) * day + 3_600_000)
                transitions.append(ZoneRules.Transition(at: at, offsetSeconds: offset))
            }
        }
        return ZoneRules(
            offsetSeconds: 3_600, transitions: transitions,
            until: Timestamp(milliseconds: (first + 8) * 365 * day))
    }
}
