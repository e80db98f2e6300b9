import Digests
import Dispatch
public import Engine
import Foundation
import Synchronization

/// The embedded object store: a folder.
///
///     ROOT/NAME            the object
///     ROOT/NAME.sha256     its digest, as `sha256sum --check` reads it
///     ROOT/NAME.key        its sidecar
///     ROOT/NAME.frozen     present once the name takes no upload any more
///     ROOT/.incoming/      uploads under way; emptied when the store is opened
///
/// ``ObjectName`` keeps names apart from all of these. Every call works on files and may block: stay off event loops. Safe
/// from several threads; two processes must not open one store.
public final class DirectoryStore: Sendable {
    /// The folder.
    public let root: String
    private let freeSpace: @Sendable (String) -> FreeSpace?
    /// Held while names change, never while content is copied or hashed.
    let names = Mutex<Void>(())
    /// Bytes that uploads under way have declared and not yet written: room that is free and spoken for.
    private let promisedByteCount = Mutex<UInt64>(0)

    static let incoming = ".incoming"
    static let frozenSuffix = ".frozen"
    static let maximumSidecarByteCount = 65_536

    /// Opens the store in `root`, creating the folder (mode 0700) where there is none, and removes what unfinished uploads
    /// left behind.
    ///
    /// - Parameter freeSpace: how room is measured; given `root`.
    public init(
        root: String, freeSpace: @escaping @Sendable (String) -> FreeSpace? = FreeSpace.measure
    ) throws(ObjectStoreError) {
        self.root = root
        self.freeSpace = freeSpace
        try Self.mapped { () throws(FileError) in
            try Files.makeFolder(root)
            let incoming = "\(root)/\(Self.incoming)"
            try Files.makeFolder(incoming)
            for name in try Files.names(in: incoming) { try Files.remove("\(incoming)/\(name)") }
        }
    }

    /// Starts an upload. Nothing is seen of it until it is finished.
    ///
    /// - Parameters:
    ///   - declaredByteCount: the exact size that will come, from `Content-Length`. The room is reserved at once.
    ///   - maximumByteCount: the size that the signed address allows.
    public func beginUpload(
        _ name: ObjectName, declaredByteCount: UInt64, maximumByteCount: UInt64
    ) throws(ObjectStoreError) -> UploadSink {
        guard declaredByteCount <= maximumByteCount else {
            throw .tooLarge(byteCount: declaredByteCount, maximumByteCount: maximumByteCount)
        }
        guard !isFrozen(name) else { throw .conflict(name) }
        try promise(declaredByteCount)
        do throws(FileError) {
            let file = try StoredFile(creating: temporaryPath())
            return UploadSink(store: self, name: name, file: file, declaredByteCount: declaredByteCount)
        } catch {
            settle(declaredByteCount)
            throw Self.mapped(error)
        }
    }

    /// Opens an object for reading, in ranges if wanted; it stays readable when it is deleted meanwhile.
    public func open(_ name: ObjectName) throws(ObjectStoreError) -> StoredObject {
        guard let object = try lookUp(name) else { throw .notFound(name) }
        return object
    }

    /// Looks at an object; see ``ObjectStore/observe(_:freezing:)``. The digest is always known: where it is not beside the
    /// object, because the machine stopped between two renames, the object is read and it is put there.
    public func look(at name: ObjectName, freezing: Bool) throws(ObjectStoreError) -> Observation {
        if freezing { try freeze(name) }
        guard let object = try lookUp(name) else { return .missing }
        if let digest = object.digest { return .found(byteCount: object.byteCount, digest: digest) }
        let digest = try computedDigest(of: object)
        return .found(byteCount: object.byteCount, digest: digest)
    }

    /// Whether the name takes no upload any more.
    public func isFrozen(_ name: ObjectName) -> Bool {
        Files.exists(path(name) + Self.frozenSuffix)
    }

    /// Removes object, sidecar and digest, in that order, and folders that are empty then. A freeze marker stays until
    /// ``releaseNames(frozenBefore:)``: an address for uploads may be good for longer than the object is there.
    public func remove(_ name: ObjectName) throws(ObjectStoreError) {
        try changingNames { () throws(FileError) in
            let path = path(name)
            for suffix in ["", ".key", ".sha256"] where Files.exists(path + suffix) {
                var status = stat()
                guard stat(path + suffix, &status) != 0 || status.st_mode & S_IFMT != S_IFDIR else { continue }
                try Files.remove(path + suffix)
            }
            let folder = removeEmptyFolders(from: Folder.of(path))
            if Files.exists(folder) { try Folder.synchronize(folder) }
        }
    }

    /// Sets room aside, so that uploads at the same time cannot each count on all of it.
    private func promise(_ byteCount: UInt64) throws(ObjectStoreError) {
        let space = freeSpace(root)
        try promisedByteCount.withLock { (promised: inout UInt64) throws(ObjectStoreError) in
            let (total, isOver) = promised.addingReportingOverflow(byteCount)
            guard !isOver else { throw .tooLarge(byteCount: byteCount, maximumByteCount: .max - promised) }
            try space?.check(for: total)
            promised = total
        }
    }

    /// What was promised has been written, or will not come.
    func settle(_ byteCount: UInt64) {
        promisedByteCount.withLock { $0 -= byteCount }
    }

    /// Runs `body` alone among all that look at or change names.
    func changingNames<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(ObjectStoreError) -> Result {
        var outcome: Swift.Result<Result, Failure>?
        names.withLock { _ in
            do throws(Failure) {
                outcome = .success(try body())
            } catch {
                outcome = .failure(error)
            }
        }
        switch outcome {
        case .success(let result): return result
        case .failure(let error as ObjectStoreError): throw error
        case .failure(let error): throw .failed(reason: "\(error)")
        case nil: preconditionFailure("the body always has an outcome")
        }
    }

    /// Writes the sidecar, replacing an older one; at most 64 KiB.
    public func writeSidecar(_ bytes: [UInt8], for name: ObjectName) throws(ObjectStoreError) {
        guard bytes.count <= Self.maximumSidecarByteCount else {
            throw .tooLarge(byteCount: UInt64(bytes.count), maximumByteCount: UInt64(Self.maximumSidecarByteCount))
        }
        try changingNames { () throws(FileError) in
            try makeFolders(for: name)
            try Files.write(bytes, to: path(name) + ".key", through: temporaryPath())
        }
    }

    /// The sidecar's bytes; `nil` when there is none.
    public func readSidecar(for name: ObjectName) throws(ObjectStoreError) -> [UInt8]? {
        try Self.mapped { () throws(FileError) in
            try Files.read(path(name) + ".key", maximumByteCount: Self.maximumSidecarByteCount)
        }
    }
}

extension DirectoryStore: ObjectStore {
    /// See ``ObjectStore``. Works on files on another thread.
    public func observe(_ name: ObjectName, freezing: Bool) async throws(ObjectStoreError) -> Observation {
        try await Self.aside { () throws(ObjectStoreError) in try self.look(at: name, freezing: freezing) }
    }

    /// See ``ObjectStore``. Works on files on another thread.
    public func delete(_ name: ObjectName) async throws(ObjectStoreError) {
        try await Self.aside { () throws(ObjectStoreError) in try self.remove(name) }
    }

    /// See ``ObjectStore``. Works on files on another thread.
    public func putSidecar(_ bytes: [UInt8], for name: ObjectName) async throws(ObjectStoreError) {
        try await Self.aside { () throws(ObjectStoreError) in try self.writeSidecar(bytes, for: name) }
    }

    /// See ``ObjectStore``. Works on files on another thread.
    public func sidecar(for name: ObjectName) async throws(ObjectStoreError) -> [UInt8]? {
        try await Self.aside { () throws(ObjectStoreError) in try self.readSidecar(for: name) }
    }

    /// See ``ObjectStore``. Works on files on another thread.
    public func list(after: ObjectName?, limit: Int) async throws(ObjectStoreError) -> ObjectListing {
        try await Self.aside { () throws(ObjectStoreError) in try self.page(after: after, limit: limit) }
    }

    /// See ``ObjectStore``. Works on files on another thread.
    public func release(frozenBefore milliseconds: UInt64) async throws(ObjectStoreError) {
        try await Self.aside { () throws(ObjectStoreError) in _ = try self.releaseNames(frozenBefore: milliseconds) }
    }

    /// See ``ObjectStore``. Works on files on another thread.
    public func read(
        _ name: ObjectName, at offset: UInt64, byteCount: Int
    ) async throws(ObjectStoreError) -> [UInt8] {
        try await Self.aside { () throws(ObjectStoreError) in
            try self.open(name).bytes(at: offset, byteCount: byteCount)
        }
    }

    private static let queue = DispatchQueue(label: "backupy.objects", attributes: .concurrent)

    /// Runs what waits for the disk beside the threads of tasks, which are few and must not wait.
    private static func aside<Value: Sendable>(
        _ body: @escaping @Sendable () throws(ObjectStoreError) -> Value
    ) async throws(ObjectStoreError) -> Value {
        let result: Result<Value, ObjectStoreError> = await withCheckedContinuation { continuation in
            queue.async {
                do throws(ObjectStoreError) {
                    continuation.resume(returning: .success(try body()))
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
