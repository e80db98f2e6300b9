/// A place in the log: from 1, without holes.
public struct Position: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The place as a number; 0 stands before the first entry.
    public let number: UInt64

    /// The place with this number.
    public init(_ number: UInt64) { self.number = number }

    /// Before the first entry.
    public static let start = Position(0)

    /// The place right behind this one.
    public var next: Position { Position(number &+ 1) }

    /// Orders by place.
    public static func < (left: Position, right: Position) -> Bool { left.number < right.number }

    /// The number in decimal.
    public var description: String { String(number) }
}

/// A place in one stream: from 1, without holes.
public struct Revision: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The place as a number; 0 stands for a stream without entries.
    public let number: UInt64

    /// The place with this number.
    public init(_ number: UInt64) { self.number = number }

    /// A stream without entries.
    public static let none = Revision(0)

    /// The place right behind this one.
    public var next: Revision { Revision(number &+ 1) }

    /// Orders by place.
    public static func < (left: Revision, right: Revision) -> Bool { left.number < right.number }

    /// The number in decimal.
    public var description: String { String(number) }
}

/// What a writer believes about a stream at the moment it submits.
public enum ExpectedRevision: Hashable, Sendable {
    /// Nothing: it happened, so it is recorded whatever else did.
    case any
    /// The stream has no entry yet.
    case noStream
    /// The stream's last entry has this revision: good only for the state it was made from.
    case exactly(Revision)
}
