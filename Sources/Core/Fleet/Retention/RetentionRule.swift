/// Which backups of a job are kept. A backup is kept as long as any part of the rule keeps it.
public struct RetentionRule: Hashable, Sendable {
    /// The parts that count backups: by the numbers of the schema, and by the words that users see.
    public enum Count: UInt8, Hashable, Sendable, CaseIterable {
        /// The newest ones.
        case last = 1
        /// The newest one of each of the last hours that have any.
        case hourly
        /// The same of days.
        case daily
        /// The same of weeks, which begin on Mondays.
        case weekly
        /// The same of months.
        case monthly
        /// The same of years.
        case yearly
        /// So many of the newest stay whatever else is said; 0 is 1.
        case minimum

        /// The word that users see.
        public var word: String {
            switch self {
            case .last: "keep_last"
            case .hourly: "keep_hourly"
            case .daily: "keep_daily"
            case .weekly: "keep_weekly"
            case .monthly: "keep_monthly"
            case .yearly: "keep_yearly"
            case .minimum: "minimum"
            }
        }
    }

    /// The most that a part may count.
    public static let limit: UInt32 = 100_000

    /// All that are younger than so many days; 0 keeps none for its age.
    public var days: UInt32
    private var counts: [UInt32]

    /// A rule of an age alone.
    public init(days: UInt32 = 0) {
        self.days = days
        counts = Array(repeating: 0, count: Count.allCases.count)
    }

    /// How many a part keeps; 0 where nothing was said.
    public subscript(part: Count) -> UInt32 {
        get { counts[Int(part.rawValue) - 1] }
        set { counts[Int(part.rawValue) - 1] = newValue }
    }

    /// How many of the newest always stay: at least one.
    public var minimumCount: UInt32 { max(1, self[.minimum]) }

    /// Whether nothing is ever deleted by itself: no part says what to keep.
    public var keepsAll: Bool {
        days == 0 && Count.allCases.allSatisfy { $0 == .minimum || self[$0] == 0 }
    }

    /// Whether it counts days, weeks, months or years, which a time zone says the ends of.
    public var needsZone: Bool { [Count.daily, .weekly, .monthly, .yearly].contains { self[$0] > 0 } }

    /// Whether whatever the other rule keeps is kept by this one too.
    public func covers(_ other: RetentionRule) -> Bool {
        if keepsAll { return true }
        return !other.keepsAll && days >= other.days
            && Count.allCases.allSatisfy {
                $0 == .minimum ? minimumCount >= other.minimumCount : self[$0] >= other[$0]
            }
    }

    /// What is wrong with it; nil when nothing is.
    var problem: Refusal? {
        for part in Count.allCases where self[part] > Self.limit {
            return Refusal(
                code: .validation, field: Text("retention.\(part.word)"), text: Text("must be at most \(Self.limit)"))
        }
        return nil
    }

    /// The parts that something was said about, as `keep_last 3, retention_days 30`.
    public var words: String {
        let parts = Count.allCases.filter { self[$0] > 0 }.map { "\($0.word) \(self[$0])" }
        return (parts + (days > 0 ? ["retention_days \(days)"] : [])).joined(separator: ", ")
    }
}
