public import Core
public import Engine
import Wire

/// Decides again along a log with recorded decisions, and compares: the same log must give the same decisions, in the
/// same order, breadth first within each turn.
///
/// Recorded decisions are facts and are what is folded, so a difference does not spread beyond its turn. In spans that
/// were written under other rules a difference is a decision diff, which an upgrade may want, and no error.
public struct ReplayCheck<M: Machine>: Sendable {
    /// A place where the machine decides otherwise than was recorded.
    public struct Divergence: Sendable, CustomStringConvertible {
        /// The entry that stands where another was expected; behind the last entry when it is missing at the end.
        public var position: Position
        /// The entry from outside with which its turn began.
        public var turn: Position
        /// The rules under which the span was written.
        public var rules: UInt32
        /// Whether those are other rules than this build's.
        public var isDecisionDiff: Bool
        /// What this build decides; nil when it decides nothing (more).
        public var expected: M.Message?
        /// What stands there; nil behind the end of the log.
        public var found: Entry<M.Message>?
        /// What is wrong.
        public var description: String
    }

    /// Differences beyond this many are only counted.
    public static var divergenceLimit: Int { 100 }

    /// What the log has been folded into.
    public private(set) var state = M.initial
    /// Entries that were looked at.
    public private(set) var entryCount = 0
    /// Answers, decisions and commands among them.
    public private(set) var decisionCount = 0
    /// The first differences.
    public private(set) var divergences: [Divergence] = []
    /// All differences under this build's rules.
    public private(set) var errorCount = 0
    /// All differences under other rules.
    public private(set) var diffCount = 0
    private let rulesOf: @Sendable (M.Message) -> UInt32?
    private var rules: UInt32
    private var expected: [(message: M.Message, cause: Position)] = []
    private var next = 0
    private var turn = Position.start
    private var last = Position.start
    private var turnCount = 0
    /// How long the engine lets a turn become, whatever the machine.
    private let turnLimit = Kernel<Fleet, MemoryLog, FleetCodec>.turnLimit
    /// Whether the rest of the turn cannot be compared any more.
    private var isLost = false

    /// A check that begins at the start of a log.
    ///
    /// - Parameter rulesOf: The rules that a start of the engine names; nil for all other messages.
    public init(rulesOf: @escaping @Sendable (M.Message) -> UInt32?) {
        self.rulesOf = rulesOf
        rules = M.rules
    }

    /// Whether the log holds what this build decides, apart from decision diffs.
    public var isGood: Bool { errorCount == 0 }

    /// Looks at the next entry.
    public mutating func add(_ entry: Entry<M.Message>) {
        let role = M.describe(entry.message, in: state).role
        // The fault that ends a turn that would not end is no decision, but belongs to its turn.
        let isCutOff = turnCount >= turnLimit && entry.cause != nil && isFault(entry.message)
        if role.isDecided {
            decisionCount += 1
            turnCount += 1
            if !isLost { compare(entry) }
        } else if isCutOff {
            expected.removeAll(keepingCapacity: true)
            next = 0
        } else {
            begin(entry)
        }
        if let rules = rulesOf(entry.message) { self.rules = rules }
        entryCount += 1
        last = entry.position
        for change in M.fold(entry, into: &state) {
            for message in M.decide(change, entry, in: state) { expected.append((message, entry.position)) }
        }
        if isLost { expected.removeAll(keepingCapacity: true) }
    }

    /// Says that the log ends here.
    public mutating func finish() {
        if !isLost, next < expected.count {
            diverge(at: last.next, expected: expected[next].message, found: nil)
        }
        isLost = true
    }

    private mutating func compare(_ entry: Entry<M.Message>) {
        guard next < expected.count else {
            diverge(at: entry.position, expected: nil, found: entry)
            return
        }
        if expected[next].message == entry.message, expected[next].cause == entry.cause {
            next += 1
        } else {
            diverge(at: entry.position, expected: expected[next].message, found: entry)
        }
    }

    private mutating func begin(_ entry: Entry<M.Message>) {
        if !isLost, next < expected.count {
            diverge(at: entry.position, expected: expected[next].message, found: entry)
        }
        expected.removeAll(keepingCapacity: true)
        next = 0
        isLost = false
        turn = entry.position
        turnCount = 1
    }

    private func isFault(_ message: M.Message) -> Bool {
        M.fault("").map { M.describe($0, in: state).kind == M.describe(message, in: state).kind } ?? false
    }

    private mutating func diverge(at position: Position, expected: M.Message?, found: Entry<M.Message>?) {
        isLost = true
        let isDiff = rules != M.rules
        if isDiff { diffCount += 1 } else { errorCount += 1 }
        guard divergences.count < Self.divergenceLimit else { return }
        let wanted = expected.map { "\(M.describe($0, in: state).kind) \($0)" } ?? "no decision"
        let stands = found.map { "\($0.kind) \($0.message)" } ?? "the end of the log"
        divergences.append(
            Divergence(
                position: position, turn: turn, rules: rules, isDecisionDiff: isDiff, expected: expected, found: found,
                description:
                    "position \(position) (turn \(turn), rules \(rules)): decided \(wanted), recorded \(stands)"
            ))
    }
}

extension ReplayCheck where M == Fleet {
    /// A check of a log of the control plane.
    public init() {
        self.init { message in
            if case .started(let start) = message { start.rules } else { nil }
        }
    }
}

extension ReplayCheck {
    /// Checks a whole log.
    ///
    /// - Throws: `LogError`, or `CodecError` for an entry that this build cannot read.
    public mutating func run(_ reader: any LogReader, codec: some Codec<M.Message>) throws {
        while true {
            let entries = try reader.read(after: last, limit: 1_024)
            if entries.isEmpty { break }
            for entry in entries { add(try codec.decode(entry)) }
        }
        finish()
    }
}
