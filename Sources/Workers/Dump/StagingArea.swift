public import Core
import Digests
import Foundation

/// The folder of encrypted objects that wait for their upload. Nothing in it can be read without a key that is not there.
public struct StagingArea: Sendable {
    private let folder: String

    /// The area in a folder, which is created with mode 0700 where it is missing.
    public init(folder: String) throws(RunFailure) {
        self.folder = folder
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
        return try StagingFile(path: path(of: run))
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
    private let path: String
    private let descriptor: Int32

    init(path: String) throws(RunFailure) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw RunFailure("dump: staging: \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func append(_ bytes: UnsafeRawBufferPointer) throws(RunFailure) {
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
