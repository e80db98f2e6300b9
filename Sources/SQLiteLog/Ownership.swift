import Engine
import Glibc

/// Whose files are.
enum Ownership {
    /// Gives a file that root has made, or may have, to the user and group that another file or folder belongs to; durable
    /// when this returns. Nothing happens when the process is not root's.
    ///
    /// - Throws: ``Engine/FileError``.
    static func give(_ path: String, toOwnerOf model: String) throws(FileError) {
        guard geteuid() == 0 else { return }
        var wanted = stat()
        guard stat(model, &wanted) == 0 else { throw FileError(model, "stat") }
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(path, "open") }
        defer { close(descriptor) }
        var found = stat()
        guard fstat(descriptor, &found) == 0 else { throw FileError(path, "stat") }
        guard found.st_uid != wanted.st_uid || found.st_gid != wanted.st_gid else { return }
        guard fchown(descriptor, wanted.st_uid, wanted.st_gid) == 0 else { throw FileError(path, "chown") }
        guard fsync(descriptor) == 0 else { throw FileError(path, "fsync") }
    }
}
