public import Core
public import Digests

/// What a log has been folded into up to a position: all that an engine or a follower needs to go on from there.
public struct Folded<M: Machine>: Sendable {
    /// The machine's state.
    public var state = M.initial
    /// Commands without an outcome, by position.
    public var outbox: [Position: M.Message] = [:]
    /// The last entry.
    public var position = Position.start
    /// When that was recorded; nil before the first entry.
    public var recordedAt: Timestamp?

    /// Nothing folded yet.
    @inlinable public init() {}

    init(state: M.State, outbox: [Position: M.Message], position: Position, recordedAt: Timestamp?) {
        self.state = state
        self.outbox = outbox
        self.position = position
        self.recordedAt = recordedAt
    }

    /// Applies the entry that follows.
    @inlinable @discardableResult
    mutating func apply(_ entry: Entry<M.Message>, _ role: Description.Role) -> [M.Change] {
        switch role {
        case .command: outbox[entry.position] = entry.message
        case .outcome(let command): outbox[command] = nil
        case .fact, .request, .answer, .decision, .deadline: break
        }
        position = entry.position
        recordedAt = entry.recordedAt
        return M.fold(entry, into: &state)
    }

    /// Applies the entry that follows and is on the log already.
    @inlinable
    public mutating func apply(_ entry: Entry<M.Message>) { apply(entry, M.describe(entry.message, in: state).role) }
}

/// The end of a commit, by which a log is told from every other log.
public struct CommitEnd: Hashable, Sendable {
    /// The commit's last entry.
    public var position: Position
    /// The commit's link, which chains it to all that came before.
    public var link: Digest

    /// An end with both parts.
    public init(position: Position, link: Digest) {
        self.position = position
        self.link = link
    }

    /// Before the first commit of any log.
    public static let start = CommitEnd(position: .start, link: Batch.linkBeforeFirst)
}
