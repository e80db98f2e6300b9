import NIOCore
import NIOPosix
import Synchronization

/// The figures of one process, in the text format of Prometheus.
///
/// Names are those of Prometheus' conventions: base units, `_total` for what only grows. Nothing here is a secret or may
/// become one: label values are ids, words of closed sets and templates, never texts from outside.
public final class Metrics: Sendable {
    /// Label names with their values, in the order in which they are written.
    public typealias Labels = [(name: String, value: String)]

    /// What a family is, as its `TYPE` line says.
    public enum Kind: String, Hashable, Sendable {
        case counter, gauge, histogram
    }

    /// One value at the time of a scrape.
    public struct Sample: Sendable {
        /// Its labels.
        public var labels: Labels
        /// Its value.
        public var value: Double

        /// A sample with both parts.
        public init(_ labels: Labels = [], _ value: Double) {
            self.labels = labels
            self.value = value
        }
    }

    private struct Family: Sendable {
        var name: String
        var help: String
        var kind: Kind
        var write: @Sendable (inout String) -> Void
    }

    private let families = Mutex<[Family]>([])

    /// Without figures.
    public init() {}

    /// A counter with these labels' values each by itself; begins without any, or with one at zero when it has no labels.
    public func counter(_ name: String, _ help: String) -> Counter {
        let counter = Counter()
        add(name, help, .counter) { counter.write(name, &$0) }
        return counter
    }

    /// A histogram.
    ///
    /// - Parameter bounds: upper bounds, rising; the last bucket, `+Inf`, is added.
    public func histogram(_ name: String, _ help: String, bounds: [Double]) -> Histogram {
        let histogram = Histogram(bounds: bounds)
        add(name, help, .histogram) { histogram.write(name, &$0) }
        return histogram
    }

    /// Figures that are looked up when they are asked for.
    public func reading(
        _ name: String, _ help: String, _ kind: Kind = .gauge, _ read: @escaping @Sendable () -> [Sample]
    ) {
        add(name, help, kind) { text in
            for sample in read() { Exposition.line(name, sample.labels, sample.value, into: &text) }
        }
    }

    private func add(
        _ name: String, _ help: String, _ kind: Kind, _ write: @escaping @Sendable (inout String) -> Void
    ) {
        families.withLock { $0.append(Family(name: name, help: help, kind: kind, write: write)) }
    }

    /// Computes figures, one text after the other: looking them up waits for files and locks, which neither event loops nor
    /// tasks may. Lasts as long as the process.
    private static let thread: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        return pool
    }()

    /// ``text()``, computed on a thread that is there for it.
    public func computedText() async throws -> String { try await Self.thread.runIfActive { self.text() } }

    func computedText(on loop: any EventLoop) -> EventLoopFuture<String> {
        Self.thread.runIfActive(eventLoop: loop) { self.text() }
    }

    /// All figures. Source: Prometheus documentation, “Exposition formats”, text format 0.0.4.
    public func text() -> String {
        var text = ""
        for family in families.withLock({ $0 }) {
            text += "# HELP \(family.name) \(Exposition.escapedHelp(family.help))\n"
            text += "# TYPE \(family.name) \(family.kind.rawValue)\n"
            family.write(&text)
        }
        return text
    }

    /// The value of a `Content-Type` header for ``text()``.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"
}

/// Counts; never goes down.
public final class Counter: Sendable {
    private let values = Mutex<[SeriesKey: Double]>([:])

    init() {}

    /// Adds to the series with these labels.
    public func add(_ amount: Double = 1, _ labels: Metrics.Labels = []) {
        values.withLock { $0[SeriesKey(labels), default: 0] += amount }
    }

    /// Makes the series appear with zero, so that a first event is seen as a rise.
    public func appear(_ labels: Metrics.Labels = []) { add(0, labels) }

    func write(_ name: String, _ text: inout String) {
        for (key, value) in values.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            Exposition.line(name, key.labels, value, into: &text)
        }
    }
}

/// Counts by size, with the sum.
public final class Histogram: Sendable {
    private struct Series: Sendable {
        var counts: [UInt64]
        var sum = 0.0
    }

    private let bounds: [Double]
    private let series = Mutex<[SeriesKey: Series]>([:])

    init(bounds: [Double]) { self.bounds = bounds }

    /// Takes one value.
    public func observe(_ value: Double, _ labels: Metrics.Labels = []) {
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        series.withLock { series in
            let key = SeriesKey(labels)
            series[key, default: Series(counts: Array(repeating: 0, count: bounds.count + 1))].counts[index] += 1
            series[key]?.sum += value
        }
    }

    func write(_ name: String, _ text: inout String) {
        for (key, series) in series.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            var total: UInt64 = 0
            for (index, count) in series.counts.enumerated() {
                total += count
                let bound = index < bounds.count ? Exposition.number(bounds[index]) : "+Inf"
                Exposition.line("\(name)_bucket", key.labels + [("le", bound)], Double(total), into: &text)
            }
            Exposition.line("\(name)_sum", key.labels, series.sum, into: &text)
            Exposition.line("\(name)_count", key.labels, Double(total), into: &text)
        }
    }
}

/// Labels as a key, in a stable order.
private struct SeriesKey: Hashable, Comparable, Sendable {
    var names: [String]
    var values: [String]

    init(_ labels: Metrics.Labels) {
        names = labels.map(\.name)
        values = labels.map(\.value)
    }

    var labels: Metrics.Labels { zip(names, values).map { ($0, $1) } }

    static func < (left: SeriesKey, right: SeriesKey) -> Bool { left.values.lexicographicallyPrecedes(right.values) }
}

enum Exposition {
    static func line(_ name: String, _ labels: Metrics.Labels, _ value: Double, into text: inout String) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(escapedValue($0.value))\"" }.joined(separator: ",") + "}"
        }
        text += " \(number(value))\n"
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int64(exactly: value) { return String(whole) }
        return "\(value)"
    }

    static func escapedHelp(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }

    static func escapedValue(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
