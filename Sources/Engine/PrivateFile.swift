import Foundation

/// Small files that hold a secret: a key, a token.
public enum PrivateFile {
    /// Writes a new file of mode 0600, durably. Until it is whole it has another name: neither a crash nor a full disk leaves
    /// half a secret, which would be in the way of the next attempt. A file that is there already is never replaced.
    ///
    /// - Throws: ``FileError``, with `EEXIST` where the name is taken.
    public static func create(_ path: String, holding bytes: some Collection<UInt8>) throws(FileError) {
        let draft = draft(of: path)
        unlink(draft)  // of a process that died
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileError(path, "create") }
        defer {
            close(descriptor)
            unlink(draft)
        }
        let bytes = Array(bytes)
        let count = write(descriptor, bytes, bytes.count)
        // A short count is a disk that became full within these few bytes.
        guard count == bytes.count else { throw FileError(path, "write", code: count < 0 ? errno : ENOSPC) }
        guard fsync(descriptor) == 0 else { throw FileError(path, "fsync") }
        guard link(draft, path) == 0 else { throw FileError(path, "create") }
        try Folder.synchronize(Folder.of(path))
    }

    /// Where a file is written before it has its name.
    public static func draft(of path: String) -> String { path + ".new" }
}

/// What files need of the folder that holds them.
public enum Folder {
    /// The folder that holds `path`.
    public static func of(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Makes new names, renames and removals in a folder last through a power failure.
    public static func synchronize(_ path: String) throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(path, "open folder") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError(path, "fsync") }
    }
}
