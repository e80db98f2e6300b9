import NIOCore
import NIOPosix
import Synchronization

/// Threads for what waits for files, by what it is, so that slow work of one kind does not hold up another. They last
/// as long as the process.
struct FileThreads: Sendable {
    /// The contents of objects, in and out.
    static let content = FileThreads(count: max(4, System.coreCount))
    /// Short reads and writes for answers.
    static let answers = FileThreads(count: max(2, System.coreCount))
    /// Whole states; folding the log anew for one may take minutes.
    static let folding = FileThreads(count: 1)

    fileprivate let pool: NIOThreadPool

    private init(count: Int) {
        pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
    }
}

/// Runs what waits for files on threads that are there for it, so that neither event loops nor tasks wait.
func blocking<Value: Sendable>(
    on threads: FileThreads = .answers, _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await threads.pool.runIfActive(body)
}

/// Lets one in at a time, and turns others away.
final class Turnstile: Sendable {
    private let isTaken = Mutex(false)

    /// Runs the body; nil when another is within.
    func pass<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value? {
        let isFree = isTaken.withLock { isTaken in
            defer { isTaken = true }
            return !isTaken
        }
        guard isFree else { return nil }
        defer { isTaken.withLock { $0 = false } }
        return try await body()
    }
}
