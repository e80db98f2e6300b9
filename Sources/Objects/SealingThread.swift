import Dispatch
import Foundation
import Synchronization

/// Seals chunks beside the thread that compresses them, so that a backup is as fast as zstd by itself.
///
/// A few chunks go round between both: whoever compresses waits for an empty one, and so for the disk. Unchecked: each
/// chunk, and the sealer, belongs to one side at a time, and the semaphores pass them on.
final class SealingThread: @unchecked Sendable {
    private static let chunkCount = 3

    private let sealer: ChunkSealer
    private let chunks: [UnsafeMutableRawBufferPointer]
    /// Piece sizes of filled chunks; nil ends the thread.
    private let pieces = Mutex<[Int?]>([])
    private let failure = Mutex<(any Error)?>(nil)
    private let empty = DispatchSemaphore(value: 0)
    private let filled = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private var place = 0
    private var hasEnded = false

    init(_ sealer: ChunkSealer) {
        self.sealer = sealer
        chunks = (0..<Self.chunkCount).map { _ in ChunkSealer.makeChunk() }
        for _ in 1..<Self.chunkCount { empty.signal() }  // the first one is being filled already
        let thread = Thread { [self] in
            work()
            ended.signal()
        }
        thread.name = "seal"
        thread.start()
    }

    deinit { for chunk in chunks { chunk.deallocate() } }

    /// The chunk that is being filled.
    var chunk: UnsafeMutableRawBufferPointer { chunks[place] }

    /// Passes the filled chunk on and waits for an empty one.
    ///
    /// - Throws: what the output threw, for this chunk or one before.
    func pass(pieceByteCount: Int) throws {
        pieces.withLock { $0.append(pieceByteCount) }
        filled.signal()
        empty.wait()
        place = (place + 1) % chunks.count
        if let error = failure.withLock({ $0 }) { throw error }
    }

    /// Waits until all that was passed on is sealed and handed on; the thread is gone then. Harmless when repeated.
    ///
    /// - Throws: what the output threw.
    func finish() throws {
        if !hasEnded {
            hasEnded = true
            pieces.withLock { $0.append(nil) }
            filled.signal()
            ended.wait()
        }
        if let error = failure.withLock({ $0 }) { throw error }
    }

    private func work() {
        var place = 0
        while true {
            filled.wait()
            guard let pieceByteCount = pieces.withLock({ $0.removeFirst() }) else { return }
            // After a failure nothing is handed on any more, but nobody may wait for an empty chunk for ever.
            if failure.withLock({ $0 == nil }) {
                do {
                    try sealer.seal(chunks[place], pieceByteCount: pieceByteCount)
                } catch {
                    failure.withLock { $0 = error }
                }
            }
            place = (place + 1) % chunks.count
            empty.signal()
        }
    }
}
