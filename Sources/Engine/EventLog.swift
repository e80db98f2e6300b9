public import Core
public import Digests

/// Where a log stands after its last commit.
public struct LogHead: Hashable, Sendable {
    /// The last entry's position.
    public var position: Position
    /// When the last entry was recorded; nil in an empty log.
    public var recordedAt: Timestamp?
    /// The last commit's link; 32 zero bytes in an empty log.
    public var link: Digest

    /// A head with all its parts.
    public init(position: Position, recordedAt: Timestamp?, link: Digest) {
        self.position = position
        self.recordedAt = recordedAt
        self.link = link
    }
}

/// How much one read of a log gives.
public enum LogReadLimit {
    /// A read ends with the entry whose body brings the bodies' bytes to this: a body may have 4 MiB, and thousands of
    /// them are no longer a page but the memory of the machine.
    public static let bodyByteCount = 16 << 20
}

/// Reads committed entries. A reader sees whole commits only.
public protocol LogReader {
    /// Entries behind a position, oldest first, at most `limit` of them and not many more bytes than
    /// ``LogReadLimit/bodyByteCount``, but at least one where there is one. Checks the CRC of each one.
    ///
    /// Fewer than `limit` do not mean that the log ends there: only an empty answer does.
    ///
    /// - Throws: ``LogError/damaged(path:position:problem:)`` at the first entry that is not what was written.
    func read(after position: Position, limit: Int) throws(LogError) -> [EncodedEntry]

    /// Entries of one stream behind a position, oldest first, within the limits of ``read(after:limit:)``.
    func read(stream: Stream, after position: Position, limit: Int) throws(LogError) -> [EncodedEntry]

    /// The last committed position.
    func lastPosition() throws(LogError) -> Position

    /// The last commit that ends at or before a position; ``CommitEnd/start`` when there is none.
    func commit(upTo position: Position) throws(LogError) -> CommitEnd
}

extension LogReader {
    /// The entry at a position; nil where there is none.
    ///
    /// - Throws: as ``read(after:limit:)``.
    public func entry(at position: Position) throws(LogError) -> EncodedEntry? {
        guard position > .start else { return nil }
        let entry = try read(after: Position(position.number - 1), limit: 1).first
        return entry?.position == position ? entry : nil
    }
}

/// Where entries are kept. Called by the engine's own thread only, which assigns positions and revisions.
public protocol EventLog: LogReader {
    /// Where the log stands.
    var head: LogHead { get }

    /// Commits a batch of whole turns: all or nothing, durable once this returns.
    ///
    /// - Parameter batch: at least one entry; positions continue the log's last one.
    /// - Throws: ``LogError``. After `.full` nothing was written and the log is usable; after `.failed` it is unknown
    ///   what the disk holds, and the process must end and recover. Source: SQLite documentation, “PRAGMA synchronous”.
    mutating func commit(_ batch: borrowing Batch) throws(LogError)

    /// The last revision of a stream; ``Core/Revision/none`` when it has no entry.
    func lastRevision(of stream: Stream) throws(LogError) -> Revision

    /// A second, independent reader for another thread.
    func makeReader() throws(LogError) -> any LogReader & Sendable
}

/// Why a log could not do what it was asked to.
public enum LogError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No room; nothing was written.
    case full(path: String)
    /// The disk or SQLite failed in a way that leaves open what is stored.
    case failed(path: String, code: Int32, operation: String)
    /// Another process has the log.
    case locked(path: String)
    /// The file cannot be opened or created, or is not such a log.
    case unusable(path: String, problem: String)
    /// An entry or commit is not what was once written.
    case damaged(path: String, position: Position, problem: String)

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .full(let path):
            "\(path): no room for the commit. Nothing was written; writes resume by themselves once there is room."
        case .failed(let path, let code, let operation):
            "\(path): \(operation) failed with SQLite code \(code). "
                + "What was not answered may or may not be stored; repeat it."
        case .locked(let path):
            "\(path): another process is using this data directory. Stop it, or choose another --data directory."
        case .unusable(let path, let problem):
            "\(path): \(problem)"
        case .damaged(let path, let position, let problem):
            "\(path): damaged at position \(position): \(problem). Entries before it are intact and stay readable; "
                + "restore the file from a copy, or export what is before it."
        }
    }
}
