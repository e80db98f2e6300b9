public import Core

/// An invariant of `docs/architecture.md` that does not hold.
public struct Violation: Error, Hashable, Sendable, CustomStringConvertible {
    /// From which the same world grows again.
    public var seed: UInt64
    /// Which one.
    public var invariant: Int
    /// Where the log stood.
    public var position: Position
    /// When, by the world's clock.
    public var moment: Timestamp
    /// What is wrong.
    public var text: String
    /// The log's last entries: position, stream, kind.
    public var tail: [String]

    /// All of it, for people.
    public var description: String {
        "seed \(seed): invariant \(invariant) is broken at position \(position), \(moment) ms: \(text)\n"
            + tail.map { "    \($0)" }.joined(separator: "\n")
    }
}

/// What a check found, before it is known where.
struct Breach: Error {
    var invariant: Int
    var text: String

    init(_ invariant: Int, _ text: String) {
        self.invariant = invariant
        self.text = text
    }
}
