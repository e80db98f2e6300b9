/// The messages, state, reducer and decider of one domain. `Fleet` and `Station` are two; an embedder writes a third.
///
/// All functions are pure and total: the same entries give the same state and the same decisions on any machine.
public protocol Machine: SendableMetatype {
    /// What the log has been folded into.
    associatedtype State: Canonical & Sendable
    /// What an entry holds.
    associatedtype Message: Hashable & Sendable
    /// One thing that a fold changed, and the phase it was in before.
    associatedtype Change: Sendable

    /// Raised whenever a golden result changes; stands in the entry of each start of the engine.
    static var rules: UInt32 { get }

    /// The state before the first entry.
    static var initial: State { get }

    /// Applies one entry, in place: every message is legal in every state, because the outside world repeats and
    /// reorders itself. A change of nothing is not a change.
    static func fold(_ entry: Entry<Message>, into state: inout State) -> [Change]

    /// What must follow from one change. Runs only live: recorded decisions are facts and are never decided again.
    static func decide(_ change: Change, _ entry: Entry<Message>, in state: borrowing State) -> [Message]

    /// Where a message belongs and what it is, in the state just before it is folded.
    static func describe(_ message: Message, in state: borrowing State) -> Description

    /// The soonest deadline that is armed. Folding its message must disarm or move it.
    static func nextDeadline(in state: borrowing State) -> Deadline<Message>?

    /// What is recorded when a turn had to be cut off because it would not end: an engine fault, and always a defect of
    /// the machine. Nil records nothing.
    static func fault(_ text: Text) -> Message?
}

extension Machine {
    /// Records nothing.
    public static func fault(_ text: Text) -> Message? { nil }
}

/// A message on the log.
public struct Entry<Message: Hashable & Sendable>: Hashable, Sendable {
    /// Its place in the log.
    public let position: Position
    /// When the engine recorded it. Never decreases along the log.
    public let recordedAt: Timestamp
    /// The narrowest known thing it is about.
    public let stream: Stream
    /// Its place in that stream.
    public let revision: Revision
    /// The entry it follows from; nil when it came from outside.
    public let cause: Position?
    /// The kind of the message, such as `frame.heartbeat`.
    public let kind: Text
    /// What it says.
    public let message: Message

    /// An entry with all its parts.
    public init(
        position: Position, recordedAt: Timestamp, stream: Stream, revision: Revision, cause: Position?, kind: Text,
        message: Message
    ) {
        self.position = position
        self.recordedAt = recordedAt
        self.stream = stream
        self.revision = revision
        self.cause = cause
        self.kind = kind
        self.message = message
    }
}

/// The entries about one thing: `run/…`, `check/…`, `job/…`, `agent/…`, or `engine`.
public struct Stream: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The name as it stands in the log.
    public let name: Text

    /// The stream of this name.
    public init(_ name: Text) { self.name = name }

    /// The stream of one thing of a kind.
    public init(_ kind: StaticString, _ id: Text) {
        // Made for each frame: no interpolation, which takes ten times as long.
        var name = ""
        name.reserveCapacity(kind.utf8CodeUnitCount + 1 + id.byteCount)
        kind.withUTF8Buffer { name += String(decoding: $0, as: UTF8.self) }
        name += "/"
        name += id.string
        self.name = Text(name)
    }

    /// What concerns the engine itself.
    public static let engine = Stream("engine")

    /// Orders by bytes.
    public static func < (left: Stream, right: Stream) -> Bool { left.name < right.name }

    /// The name.
    public var description: String { name.string }
}

/// Where a message belongs and what it is.
public struct Description: Hashable, Sendable {
    /// What the message is to the engine.
    public enum Role: Hashable, Sendable {
        /// It happened outside.
        case fact
        /// A person or program asks for something; exactly one answer follows.
        case request
        /// Accepted or refused.
        case answer
        /// What the machine concluded.
        case decision
        /// An instruction to a worker; pending until its outcome is recorded.
        case command
        /// What became of the command at that position.
        case outcome(of: Position)
        /// An armed deadline has passed.
        case deadline

        /// Whether the machine itself says it, in answer to an earlier entry.
        public var isDecided: Bool {
            switch self {
            case .answer, .decision, .command: true
            case .fact, .request, .outcome, .deadline: false
            }
        }
    }

    /// The narrowest known thing that the message is about.
    public let stream: Stream
    /// The kind, for people and counters. A shipped kind is never renamed.
    public let kind: Text
    /// What the message is to the engine.
    public let role: Role

    /// A description with all its parts.
    public init(stream: Stream, kind: Text, role: Role) {
        self.stream = stream
        self.kind = kind
        self.role = role
    }
}

/// The soonest thing that will have to be said because time has passed.
public struct Deadline<Message: Hashable & Sendable>: Hashable, Sendable {
    /// When it is due.
    public let due: Timestamp
    /// What is recorded then.
    public let message: Message
    /// The entry that armed it, which becomes the cause.
    public let armedBy: Position

    /// A deadline with all its parts.
    public init(due: Timestamp, message: Message, armedBy: Position) {
        self.due = due
        self.message = message
        self.armedBy = armedBy
    }
}
