/// How long something was up, down and unknown: by hours for two days, by days for three months. In whole seconds; bounded,
/// whatever the age.
public struct Uptime: Hashable, Sendable {
    /// What time is counted as.
    public enum Kind: Hashable, Sendable {
        case up, down, unknown
    }

    /// Seconds of each kind.
    public struct Sums: Hashable, Sendable {
        /// It was well.
        public var up: UInt32 = 0
        /// It was not.
        public var down: UInt32 = 0
        /// Nobody knows.
        public var unknown: UInt32 = 0

        /// No time at all.
        public init() {}

        /// Time that was well among the known time, in thousandths of a percent; nil without known time.
        public var availability: UInt32? {
            let known = UInt64(up) + UInt64(down)
            return known == 0 ? nil : UInt32(UInt64(up) * 100_000 / known)
        }

        mutating func add(_ seconds: UInt32, as kind: Kind) {
            switch kind {
            case .up: up &+= seconds
            case .down: down &+= seconds
            case .unknown: unknown &+= seconds
            }
        }

        static func + (left: Sums, right: Sums) -> Sums {
            var sum = left
            sum.up &+= right.up
            sum.down &+= right.down
            sum.unknown &+= right.unknown
            return sum
        }
    }

    /// The spans that users ask for.
    public enum Period: String, Hashable, Sendable, CaseIterable {
        case day = "24h"
        case week = "7d"
        case month = "30d"
        case quarter = "90d"
    }

    /// Whole seconds since 1970 up to which time was counted; what is left of a second is counted with the next.
    private(set) var countedTo: Int64
    private(set) var hours = Buckets(seconds: 3_600, capacity: 48)
    private(set) var days = Buckets(seconds: 86_400, capacity: 92)

    init(from moment: Timestamp) { countedTo = Self.seconds(moment) }

    init(countedTo: Int64, hours: Buckets, days: Buckets) {
        self.countedTo = countedTo
        self.hours = hours
        self.days = days
    }

    /// Counts the time from the last call to this moment; nil does not count it at all.
    mutating func account(until moment: Timestamp, as kind: Kind?) {
        let end = Self.seconds(moment)
        guard end > countedTo else { return }
        if let kind {
            hours.add(from: countedTo, to: end, as: kind)
            days.add(from: countedTo, to: end, as: kind)
        }
        countedTo = end
    }

    /// What was counted within the period that ends now: the hour or the day that has begun, and those before it.
    public func sums(_ period: Period, at moment: Timestamp) -> Sums {
        let now = Self.seconds(moment)
        return switch period {
        case .day: hours.sum(last: 24, at: now)
        case .week: days.sum(last: 7, at: now)
        case .month: days.sum(last: 30, at: now)
        case .quarter: days.sum(last: 90, at: now)
        }
    }

    private static func seconds(_ moment: Timestamp) -> Int64 { max(0, moment.milliseconds) / 1_000 }

    /// Sums of equally long, aligned spans of time, the latest last.
    struct Buckets: Hashable, Sendable {
        let seconds: Int64
        let capacity: Int
        /// The number of the latest span, counted from 1970.
        var newest: Int64 = 0
        /// One for each span up to the latest; at most ``capacity``.
        var sums: [Sums] = []

        init(seconds: Int64, capacity: Int) {
            self.seconds = seconds
            self.capacity = capacity
        }

        mutating func add(from start: Int64, to end: Int64, as kind: Kind) {
            var place = max(start, end - seconds * Int64(capacity))
            while place < end {
                let number = place / seconds
                let next = min(end, (number + 1) * seconds)
                open(number)
                sums[sums.count - 1].add(UInt32(clamping: next - place), as: kind)
                place = next
            }
        }

        func sum(last count: Int64, at now: Int64) -> Sums {
            let oldest = now / seconds - count + 1
            var total = Sums()
            for (place, sums) in sums.enumerated() where newest - Int64(self.sums.count - 1 - place) >= oldest {
                total = total + sums
            }
            return total
        }

        /// Makes the span of this number the latest; time never runs back, so it is that or a later one.
        private mutating func open(_ number: Int64) {
            if sums.isEmpty || number - newest >= Int64(capacity) {
                sums = [Sums()]
                newest = number
                return
            }
            while newest < number {
                if sums.count == capacity { sums.removeFirst() }
                sums.append(Sums())
                newest += 1
            }
        }
    }
}
