import Digests
import Engine
import Foundation

/// The few operations on paths that stores and the decryptor need, with typed errors.
enum Files {
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Moves a file over another in one step.
    static func move(_ from: String, to: String) throws(FileError) {
        guard rename(from, to) == 0 else { throw FileError(to, "rename") }
    }

    /// Removes a file; it may be missing.
    static func remove(_ path: String) throws(FileError) {
        guard unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR else { throw FileError(path, "remove") }
    }

    /// Creates a folder of mode 0700 where there is none; true when it was created.
    @discardableResult
    static func makeFolder(_ path: String) throws(FileError) -> Bool {
        if mkdir(path, 0o700) == 0 { return true }
        guard errno == EEXIST else { throw FileError(path, "create folder") }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw FileError(path, "create folder", code: ENOTDIR)
        }
        return false
    }

    /// The names in a folder, in no particular order.
    static func names(in path: String) throws(FileError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw FileError(path, "list", code: EIO)
        }
    }

    /// Writes a small file so that it is there whole or not at all, and lasts. An older one is replaced.
    static func write(_ bytes: [UInt8], to path: String, through temporary: String) throws(FileError) {
        do throws(FileError) {
            let file = try StoredFile(creating: temporary)
            try append(bytes, to: file)
            try file.synchronize()
            try move(temporary, to: path)
            try Folder.synchronize(Folder.of(path))
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Reads a small file; `nil` when there is none.
    static func read(_ path: String, maximumByteCount: Int) throws(FileError) -> [UInt8]? {
        let file: StoredFile
        do throws(FileError) {
            file = try StoredFile(reading: path)
        } catch {
            if error.code == ENOENT || error.code == ENOTDIR { return nil }
            throw error
        }
        guard try file.byteCount() <= UInt64(maximumByteCount) else { throw FileError(path, "read", code: EFBIG) }
        return try read(file, at: 0, byteCount: maximumByteCount)
    }

    static func read(_ file: StoredFile, at offset: UInt64, byteCount: Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            do throws(FileError) {
                count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    static func append(_ bytes: [UInt8], to file: StoredFile) throws(FileError) {
        var failure: FileError?
        bytes.withUnsafeBytes { bytes in
            do throws(FileError) {
                try file.append(bytes)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
