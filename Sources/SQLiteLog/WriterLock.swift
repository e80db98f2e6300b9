import Engine
import Glibc

/// The right to write in a data directory: an exclusive `flock` on its file `lock`, held until this object is gone.
///
/// The system gives it up when the process dies, however it dies. Readers do not need it. Made by root, the file belongs to
/// the directory's owner, who could not take the lock else.
final class WriterLock {
    private let descriptor: Int32

    /// - Throws: ``LogError/locked(path:)`` when another process (or another log object of this one) holds it,
    ///   ``LogError/unusable(path:problem:)`` when the file cannot be made.
    init(directory: String) throws(LogError) {
        if mkdir(directory, 0o700) != 0, errno != EEXIST {
            throw .unusable(path: directory, problem: "cannot be created: \(String(cString: strerror(errno)))")
        }
        let path = directory + "/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .unusable(
                path: path,
                problem:
                    "cannot be opened: \(String(cString: strerror(errno))). Make the directory writable for this user.")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            if code == EWOULDBLOCK { throw .locked(path: directory) }
            throw .unusable(path: path, problem: "cannot be locked: \(String(cString: strerror(code)))")
        }
        do throws(FileError) {
            try Ownership.give(path, toOwnerOf: directory)
        } catch {
            // The lock is held already; where root may not give files away, nobody else will miss it.
            guard error.operation != "chown" else { return }
            throw .unusable(path: path, problem: "\(error.operation) failed: \(error.reason)")
        }
    }

    // Runs when `init` throws, too: whoever closed the file there would close that of another thread here.
    deinit { if descriptor >= 0 { close(descriptor) } }
}
