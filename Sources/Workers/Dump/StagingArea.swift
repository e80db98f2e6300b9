public import Core
import Digests
import Foundation
public import Objects

/// The folder of encrypted objects that wait for their upload. Nothing in it can be read without a key that is not there.
///
/// The disk may be the database's own, so staging never fills it: at least 1 GiB, or 5 % of a disk that is smaller than
/// 20 GiB, stays free.
public struct StagingArea: Sendable {
    private let folder: String
    private let room: @Sendable (_ path: String) -> FreeSpace?

    /// The area in a folder, which is created with mode 0700 where it is missing.
    ///
    /// - Parameter room: measures the file system that holds a path; nil when that does not say.
    public init(
        folder: String, room: @escaping @Sendable (_ path: String) -> FreeSpace? = { FreeSpace.measure($0) }
    ) throws(RunFailure) {
        self.folder = folder
        self.room = room
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw RunFailure("\(folder): cannot be created: \(String(cString: strerror(errno)))")
        }
    }

    /// The file of a run. Run ids are any text, so the name is made of their digest.
    public func path(of run: Text) -> String {
        folder + "/" + String(SHA256.digest(of: Array(run.string.utf8)).hex.prefix(32)) + ".blob"
    }

    /// Creates the file of a run with mode 0600; an older one is removed first.
    func create(_ run: Text) throws(RunFailure) -> StagingFile {
        discard(run)
        let (folder, room) = (folder, room)
        return try StagingFile(path: path(of: run)) { () throws(RunFailure) in
            guard let space = room(folder), space.totalByteCount > 0 else { return }
            let reserve = min(space.totalByteCount / 20, 1 << 30)
            guard space.freeByteCount > reserve else {
                throw RunFailure(
                    """
                    dump: staging: \(folder): \(space.freeByteCount) bytes are free, and \(reserve) must stay so; make \
                    room there, or move the agent's state directory to a larger disk
                    """)
            }
        }
    }

    /// Removes the file of a run; it may be missing.
    public func discard(_ run: Text) { unlink(path(of: run)) }

    /// Removes everything, and tells how many files there were: after a restart their keys are gone.
    public func discardAll() -> Int {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return 0 }
        return names.count { unlink("\(folder)/\($0)") == 0 }
    }
}

/// A staging file under construction. For one thread at a time.
final class StagingFile {
    /// How many bytes are written between two looks at the room that is left.
    static let lookByteCount = 16 << 20

    private let path: String
    private let descriptor: Int32
    private let checkRoom: () throws(RunFailure) -> Void
    private var unlookedByteCount = 0

    init(path: String, checkRoom: @escaping () throws(RunFailure) -> Void) throws(RunFailure) {
        try checkRoom()
        self.path = path
        self.checkRoom = checkRoom
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw RunFailure("dump: staging: \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func append(_ bytes: UnsafeRawBufferPointer) throws(RunFailure) {
        unlookedByteCount += bytes.count
        if unlookedByteCount >= Self.lookByteCount {
            unlookedByteCount = 0
            try checkRoom()
        }
        var rest = bytes
        while rest.count > 0 {
            let count = write(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw RunFailure("dump: staging: \(path): \(String(cString: strerror(errno)))")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }
}
