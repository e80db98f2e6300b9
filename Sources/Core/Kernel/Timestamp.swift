/// A moment as the log knows it: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
public struct Timestamp: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    public let milliseconds: Int64

    /// The moment this many milliseconds after 1970-01-01T00:00:00Z.
    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// The moment of an unsigned count as protobuf carries it, clamped to what fits.
    public init(clamping milliseconds: UInt64) { self.milliseconds = Int64(clamping: milliseconds) }

    /// This moment plus a span, clamped at the ends of time instead of trapping.
    public static func + (moment: Timestamp, span: Milliseconds) -> Timestamp {
        let (sum, overflow) = moment.milliseconds.addingReportingOverflow(span.count)
        return Timestamp(milliseconds: overflow ? (span.count < 0 ? .min : .max) : sum)
    }

    /// The span from the right moment to the left one, clamped.
    public static func - (left: Timestamp, right: Timestamp) -> Milliseconds {
        let (span, overflow) = left.milliseconds.subtractingReportingOverflow(right.milliseconds)
        return Milliseconds(overflow ? (right.milliseconds < 0 ? .max : .min) : span)
    }

    /// Orders by time.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// The milliseconds in decimal.
    public var description: String { String(milliseconds) }

    /// Reads the bare number.
    public init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    /// Writes the bare number.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }
}

/// A span of time in milliseconds.
public struct Milliseconds: Hashable, Comparable, Sendable {
    /// How many; negative for a span backwards.
    public let count: Int64

    /// A span of this many milliseconds.
    public init(_ count: Int64) { self.count = count }

    /// A span of whole seconds, clamped to what fits.
    public static func seconds(_ count: Int64) -> Milliseconds {
        let (product, overflow) = count.multipliedReportingOverflow(by: 1_000)
        return Milliseconds(overflow ? (count < 0 ? .min : .max) : product)
    }

    /// A span of whole minutes, clamped to what fits.
    public static func minutes(_ count: Int64) -> Milliseconds { seconds(count, times: 60) }

    /// A span of whole hours, clamped to what fits.
    public static func hours(_ count: Int64) -> Milliseconds { seconds(count, times: 3_600) }

    private static func seconds(_ count: Int64, times factor: Int64) -> Milliseconds {
        let (product, overflow) = count.multipliedReportingOverflow(by: factor)
        return .seconds(overflow ? (count < 0 ? .min : .max) : product)
    }

    /// The span without its sign.
    public var magnitude: Milliseconds { count == .min ? Milliseconds(.max) : Milliseconds(abs(count)) }

    /// The sum, clamped.
    public static func + (left: Milliseconds, right: Milliseconds) -> Milliseconds {
        let (sum, overflow) = left.count.addingReportingOverflow(right.count)
        return Milliseconds(overflow ? (left.count < 0 ? .min : .max) : sum)
    }

    /// The difference, clamped.
    public static func - (left: Milliseconds, right: Milliseconds) -> Milliseconds {
        let (difference, overflow) = left.count.subtractingReportingOverflow(right.count)
        return Milliseconds(overflow ? (right.count < 0 ? .max : .min) : difference)
    }

    /// Orders by length.
    public static func < (left: Milliseconds, right: Milliseconds) -> Bool { left.count < right.count }
}
