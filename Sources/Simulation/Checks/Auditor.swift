import Core
import Engine

/// Folds the committed log a second time, entry by entry, and decides again along it: invariants 1, 3 and 9.
struct Auditor<M: Machine>: Sendable {
    private(set) var state = M.initial
    private(set) var last = Position.start
    private(set) var recordedAt: Timestamp?
    private var revisions: [Stream: Revision] = [:]
    /// What must follow, in this order, before anything comes from outside.
    private var expected: [(message: M.Message, cause: Position)] = []
    private var nextExpected = 0
    /// Commands without an outcome.
    private(set) var openCommands: [Position: M.Message] = [:]
    private var recent: [(position: Position, stream: Stream, kind: Text)] = []
    private static var recentCount: Int { 20 }

    /// The last entries, a line each, the oldest first.
    var tail: [String] {
        let start = recent.count < Self.recentCount ? 0 : Int(last.number % UInt64(Self.recentCount))
        return (recent[start...] + recent[..<start]).map { "\($0.position) \($0.stream) \($0.kind)" }
    }

    /// Checks the next entry and folds it.
    mutating func take(_ entry: Entry<M.Message>) throws(Breach) {
        guard entry.position == last.next else {
            throw Breach(1, "position \(entry.position) follows \(last)")
        }
        let description = M.describe(entry.message, in: state)
        guard description.stream == entry.stream, description.kind == entry.kind else {
            throw Breach(3, "recorded as \(entry.stream) \(entry.kind), described as \(description)")
        }
        let revision = revisions[entry.stream, default: .none].next
        guard entry.revision == revision else {
            throw Breach(1, "revision \(entry.revision) of \(entry.stream) where \(revision) follows")
        }
        if let recordedAt, entry.recordedAt < recordedAt {
            throw Breach(1, "recorded at \(entry.recordedAt), after \(recordedAt)")
        }
        try checkDecision(entry, description.role)
        switch description.role {
        case .command: openCommands[entry.position] = entry.message
        case .outcome(let command):
            guard openCommands.removeValue(forKey: command) != nil else {
                throw Breach(9, "command \(command) has an outcome already, or never was")
            }
        case .fact, .request, .answer, .decision, .deadline: break
        }
        last = entry.position
        note(entry)
        recordedAt = entry.recordedAt
        revisions[entry.stream] = revision
        for change in M.fold(entry, into: &state) {
            for message in M.decide(change, entry, in: state) { expected.append((message, entry.position)) }
        }
    }

    private mutating func note(_ entry: Entry<M.Message>) {
        let line = (entry.position, entry.stream, entry.kind)
        if recent.count < Self.recentCount {
            recent.append(line)
        } else {
            recent[Int((entry.position.number - 1) % UInt64(Self.recentCount))] = line
        }
    }

    private mutating func checkDecision(_ entry: Entry<M.Message>, _ role: Description.Role) throws(Breach) {
        guard nextExpected < expected.count else {
            expected.removeAll(keepingCapacity: true)
            nextExpected = 0
            guard !role.isDecided else { throw Breach(3, "\(entry.kind) is recorded, and nothing asks for it") }
            return
        }
        let (message, cause) = expected[nextExpected]
        nextExpected += 1
        guard entry.message == message, entry.cause == cause else {
            throw Breach(3, "decided again: \(message) because of \(cause); recorded: \(entry.message)")
        }
    }

    /// After a commit: turns are on the log whole.
    func checkWhole() throws(Breach) {
        guard nextExpected == expected.count else {
            throw Breach(3, "the log ends within a turn: \(expected[nextExpected].message) is missing")
        }
    }

    /// The state that is being served must be what the log folds to.
    func check(served: M.State) throws(Breach) {
        guard CanonicalBytes.fields(of: state) == CanonicalBytes.fields(of: served) else {
            throw Breach(3, "the state being served is not what the log folds to")
        }
    }
}
