import Digests
public import Engine
import Foundation
import Synchronization

/// One upload into a ``DirectoryStore``: written to a temporary file and hashed on the way. Unless it is finished, nothing
/// stays; letting go of it aborts it.
public final class UploadSink: Sendable {
    /// So much is on the disk at the latest before more is taken in: else the last synchronization would take minutes
    /// where memory is large and the disk slow, and whoever waits for the answer would give up.
    private static let unsynchronizedByteLimit: UInt64 = 64 << 20

    private struct State {
        var hash = SHA256()
        var receivedByteCount: UInt64 = 0
        var synchronizedByteCount: UInt64 = 0
        var isOpen = true
    }

    /// The object that this will be.
    public let name: ObjectName
    /// The exact size that must come.
    public let declaredByteCount: UInt64
    private let store: DirectoryStore
    private let file: StoredFile
    private let state = Mutex(State())

    /// Takes over a promise of `declaredByteCount` bytes that the store has made.
    init(store: DirectoryStore, name: ObjectName, file: StoredFile, declaredByteCount: UInt64) {
        self.store = store
        self.name = name
        self.file = file
        self.declaredByteCount = declaredByteCount
    }

    deinit { abort() }

    /// Takes in the next bytes. Waits for the disk.
    ///
    /// - Throws: `.lengthMismatch` as soon as more comes than was declared; the upload is aborted after any throw.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(ObjectStoreError) {
        try step { (state) throws(ObjectStoreError) in
            let (received, isOver) = state.receivedByteCount.addingReportingOverflow(UInt64(bytes.count))
            guard !isOver, received <= declaredByteCount else {
                throw .lengthMismatch(declared: declaredByteCount, received: received)
            }
            try DirectoryStore.mapped { () throws(FileError) in try file.append(bytes) }
            state.hash.update(bytes)
            state.receivedByteCount = received
            store.settle(UInt64(bytes.count))
            if received - state.synchronizedByteCount >= Self.unsynchronizedByteLimit {
                try DirectoryStore.mapped { () throws(FileError) in try file.synchronize() }
                state.synchronizedByteCount = received
            }
        }
    }

    /// Takes in the next bytes. Waits for the disk.
    public func write(_ bytes: [UInt8]) throws(ObjectStoreError) {
        var outcome: Result<Void, ObjectStoreError> = .success(())
        bytes.withUnsafeBytes { bytes in
            do throws(ObjectStoreError) {
                try write(bytes)
            } catch {
                outcome = .failure(error)
            }
        }
        try outcome.get()
    }

    /// Puts the object in place; once this returns it is on the disk under its name.
    ///
    /// - Throws: `.lengthMismatch` when bytes are missing, `.conflict` when the name was frozen meanwhile. Nothing stays.
    /// - Returns: the object's digest.
    public func finish() throws(ObjectStoreError) -> Digest {
        try step { (state) throws(ObjectStoreError) in
            guard state.receivedByteCount == declaredByteCount else {
                throw .lengthMismatch(declared: declaredByteCount, received: state.receivedByteCount)
            }
            try DirectoryStore.mapped { () throws(FileError) in try file.synchronize() }
            let digest = state.hash.finalize()
            try store.commit(file, as: name, digest: digest)  // takes the file away from where `close` would remove it
            state.isOpen = false
            return digest
        }
    }

    /// Gives up; harmless after the end.
    public func abort() {
        state.withLock { close(&$0) }
    }

    private func step<Result>(
        _ body: (inout State) throws(ObjectStoreError) -> Result
    ) throws(ObjectStoreError) -> Result {
        var outcome: Swift.Result<Result, ObjectStoreError>?
        state.withLock { state in
            precondition(state.isOpen, "the upload has ended")
            do throws(ObjectStoreError) {
                outcome = .success(try body(&state))
            } catch {
                close(&state)
                outcome = .failure(error)
            }
        }
        guard let outcome else { preconditionFailure("a step always has an outcome") }
        return try outcome.get()
    }

    private func close(_ state: inout State) {
        guard state.isOpen else { return }
        state.isOpen = false
        unlink(file.path)
        store.settle(declaredByteCount - state.receivedByteCount)
    }
}
