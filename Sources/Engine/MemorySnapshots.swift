public import Core
import Synchronization

/// Snapshots in memory, for tests and simulation.
public final class MemorySnapshots: SnapshotStore {
    private let files = Mutex<[Position: [UInt8]]>([:])

    /// Nothing kept yet.
    public init() {}

    /// What is there, the newest first.
    public func positions() -> [Position] { files.withLock { $0.keys.sorted(by: >) } }

    /// The bytes of one; none where there is none.
    public func read(_ position: Position) -> [UInt8] { files.withLock { $0[position] ?? [] } }

    /// Keeps one, and of the others only the newest one before it.
    public func write(_ bytes: [UInt8], at position: Position) {
        files.withLock { files in
            let former = files.keys.filter { $0 < position }.max()
            files = files.filter { $0.key == former }
            files[position] = bytes
        }
    }

    /// Puts bytes in the place of a snapshot's, as a disk might that is not what it should be.
    public func damage(_ position: Position, _ body: (inout [UInt8]) -> Void) {
        files.withLock { body(&$0[position, default: []]) }
    }
}
