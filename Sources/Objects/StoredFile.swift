public import Engine
import Foundation

/// An open file. Closed when the last reference goes.
///
/// Reading at an offset is safe from several threads; appending is for one.
public final class StoredFile: Sendable {
    /// The file descriptor, for `sendfile` and the like; valid while this object lives.
    public let descriptor: Int32
    /// Where it was opened.
    public let path: String

    /// Opens an existing file for reading.
    public convenience init(reading path: String) throws(FileError) {
        try self.init(path, O_RDONLY | O_CLOEXEC, "open")
    }

    /// Creates a file of mode 0600 that must not exist yet.
    convenience init(creating path: String) throws(FileError) {
        try self.init(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, "create")
    }

    /// Creates a file without a name, of mode 0600: it is gone when the process is, however that ends. Where the file
    /// system has no such files, one with the name.
    ///
    /// - Returns: The file, and whether it has a name already.
    static func unnamed(toBecome path: String) throws(FileError) -> (file: StoredFile, isNamed: Bool) {
        // O_TMPFILE, which the headers make of two flags; Swift does not import it. O_DIRECTORY is another on each machine.
        let temporary = O_DIRECTORY | 0o20_000_000
        if let file = try? StoredFile(Folder.of(path), O_RDWR | O_CLOEXEC | temporary, "create") {
            return (file, false)
        }
        return (try StoredFile(creating: path), true)
    }

    /// Gives an unnamed file its name, which must not exist yet.
    func name(_ path: String) throws(FileError) {
        guard linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 else {
            throw FileError(path, "link")
        }
    }

    private init(_ path: String, _ flags: Int32, _ operation: String) throws(FileError) {
        descriptor = open(path, flags, 0o600)
        self.path = path
        guard descriptor >= 0 else { throw FileError(path, operation) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// The size in bytes.
    public func byteCount() throws(FileError) -> UInt64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError(path, "stat") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw FileError(path, "reading a file", code: EISDIR) }
        return UInt64(clamping: status.st_size)
    }

    /// Reads from `offset` until `buffer` is full or the file ends; returns the bytes read.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(FileError) -> Int {
        var done = 0
        while done < buffer.count {
            guard let position = off_t(exactly: offset), position <= off_t.max - off_t(done) else { return done }
            let count = pread(
                descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done, position + off_t(done))
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError(path, "read")
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Reads everything in pieces of up to 1 MiB.
    func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        var offset: UInt64 = 0
        while true {
            let count = try read(into: buffer, at: offset)
            guard count > 0 else { return }
            try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += UInt64(count)
        }
    }

    /// Appends all bytes.
    func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var rest = bytes
        while rest.count > 0 {
            let count = write(descriptor, rest.baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError(path, "write")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Returns once the content is on the disk.
    func synchronize() throws(FileError) {
        guard fsync(descriptor) == 0 else { throw FileError(path, "fsync") }
    }
}
