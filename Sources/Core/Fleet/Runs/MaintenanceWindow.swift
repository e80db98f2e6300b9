/// The time of day in which nothing starts on an agent's host: from its start to before its end, in UTC, also across
/// midnight. One of no length is none.
struct MaintenanceWindow: Hashable, Sendable {
    private static let dayMinutes: Int64 = 24 * 60

    /// Minutes since midnight.
    private let start: Int64
    /// Minutes since midnight.
    private let end: Int64

    /// Nil when the settings have none.
    init?(_ settings: AgentSettings) {
        guard let start = Self.minutes(settings.maintenanceStart), let end = Self.minutes(settings.maintenanceEnd),
            start != end
        else { return nil }
        self.start = start
        self.end = end
    }

    /// Nil where it is no time of day.
    private static func minutes(_ text: Text) -> Int64? {
        let parts = text.string.utf8.split(separator: UInt8(ascii: ":")).compactMap { Int64(Substring($0)) }
        guard parts.count == 2, (0..<24).contains(parts[0]), (0..<60).contains(parts[1]) else { return nil }
        return parts[0] * 60 + parts[1]
    }

    /// Whether a moment lies inside.
    func contains(_ moment: Timestamp) -> Bool {
        let minute = Self.minuteOfDay(moment)
        return start < end ? minute >= start && minute < end : minute >= start || minute < end
    }

    /// When it ends next, after a moment.
    func nextEnd(after moment: Timestamp) -> Timestamp {
        let minute = Self.minuteOfDay(moment)
        let midnight = Self.floor(moment.milliseconds, 60_000) - minute
        let day = end > minute ? 0 : Self.dayMinutes
        return Timestamp(milliseconds: 0) + .minutes(midnight + day + end)
    }

    private static func minuteOfDay(_ moment: Timestamp) -> Int64 {
        let minutes = floor(moment.milliseconds, 60_000)
        return minutes - floor(minutes, dayMinutes) * dayMinutes
    }

    /// The quotient, rounded down also before 1970.
    private static func floor(_ number: Int64, _ divisor: Int64) -> Int64 {
        number / divisor - (number % divisor < 0 ? 1 : 0)
    }
}

extension Fleet.State {
    /// The end of an agent's maintenance is a deadline while runs are queued: whatever kept them before, they may have to
    /// be started then.
    mutating func armWindow(of id: AgentID, _ entry: Entry<Fleet.Message>) {
        guard let agent = agents[id], agent.queuedCount > 0, let window = MaintenanceWindow(agent.settings) else {
            return timers.disarm(.window(id))
        }
        timers.arm(.window(id), due: window.nextEnd(after: entry.recordedAt), by: entry.position)
    }
}
