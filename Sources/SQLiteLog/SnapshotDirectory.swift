public import Core
public import Engine
import Glibc

/// Snapshots as files `POSITION.snapshot` in a folder of their own, mode 0600.
///
/// A file is written under another name, synchronized and renamed, and then the folder is synchronized: under its own name
/// it is whole. Of the older ones the newest stays; all others go, also those beyond it, which are another log's.
public struct SnapshotDirectory: SnapshotStore {
    /// The usual name of the folder within the data directory.
    public static let folderName = "snapshots"

    private static let suffix = ".snapshot"
    private static let unfinished = ".unfinished"
    private let path: String
    private let files: SnapshotFiles

    /// Snapshots in a folder, which the first one makes.
    public init(path: String) { self.init(path: path, files: SnapshotFiles()) }

    init(path: String, files: SnapshotFiles) {
        self.path = path
        self.files = files
    }

    /// What is there, the newest first.
    public func positions() throws(SnapshotError) -> [Position] { Self.positions(named: try names()) }

    /// The bytes of one.
    public func read(_ position: Position) throws(SnapshotError) -> [UInt8] {
        let file = file(of: position)
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.error(file, "opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SnapshotError("\(file) is no file")
        }
        let size = Int(clamping: status.st_size)
        var failure: SnapshotError?
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let got = Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, size - count)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = Self.error(file, "read") }
                guard got > 0 else { return }
                count += got
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Keeps one, whole or not at all, durably; and of the others only the newest one before it.
    ///
    /// - Throws: What was there is there still. The new one may be, too, and then it is whole.
    public func write(_ bytes: [UInt8], at position: Position) throws(SnapshotError) {
        if files.makeFolder(path) != 0, errno != EEXIST { throw Self.error(path, "made") }
        // Each time: whoever made the folder may have ended before its name was synchronized.
        try synchronize(path + "/..")
        let file = file(of: position)
        try store(bytes, in: file + Self.unfinished)
        guard files.rename(file + Self.unfinished, file) == 0 else { throw Self.error(file, "renamed") }
        try synchronize(path)
        // Once, since nothing may fail any more when the first of them is gone.
        let names = try names()
        let positions = Self.positions(named: names)
        let former = positions.first { $0 < position }
        for other in positions where other != position && other != former { _ = files.remove(self.file(of: other)) }
        for name in names where name.hasSuffix(Self.unfinished) { _ = files.remove(path + "/" + name) }
    }

    private static func positions(named names: [String]) -> [Position] {
        names.compactMap { name in
            guard name.hasSuffix(suffix) else { return nil }
            return UInt64(name.dropLast(suffix.count)).map { Position($0) }
        }.sorted(by: >)
    }

    private func file(of position: Position) -> String {
        let digits = position.description
        return path + "/" + String(repeating: "0", count: max(0, 20 - digits.utf8.count)) + digits + Self.suffix
    }

    private func names() throws(SnapshotError) -> [String] {
        if let names = files.names(path) { return names }
        if errno == ENOENT { return [] }
        throw Self.error(path, "read")
    }

    private func store(_ bytes: [UInt8], in file: String) throws(SnapshotError) {
        let descriptor = files.create(file)
        guard descriptor >= 0 else { throw Self.error(file, "made") }
        var failure: SnapshotError?
        bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = files.write(descriptor, UnsafeRawBufferPointer(rebasing: buffer[done...]))
                if count < 0, errno == EINTR { continue }
                if count <= 0 {
                    failure = Self.error(file, "written")
                    return
                }
                done += count
            }
        }
        if failure == nil, files.synchronize(descriptor) != 0 { failure = Self.error(file, "synchronized") }
        files.close(descriptor)
        guard let failure else { return }
        _ = files.remove(file)
        throw failure
    }

    private func synchronize(_ folder: String) throws(SnapshotError) {
        let descriptor = files.openFolder(folder)
        guard descriptor >= 0 else { throw Self.error(folder, "opened") }
        defer { files.close(descriptor) }
        guard files.synchronize(descriptor) == 0 else { throw Self.error(folder, "synchronized") }
    }

    private static func error(_ file: String, _ verb: String) -> SnapshotError {
        let reason = String(cString: strerror(errno))
        return SnapshotError("\(file) cannot be \(verb): \(reason)")
    }
}

/// The calls of the system with which ``SnapshotDirectory`` writes; tests put some in their place that fail.
///
/// All answer as the system does: below 0, or `nil`, when they failed, and then `errno` says why.
struct SnapshotFiles: Sendable {
    /// Makes a folder for its owner alone. Fails with `EEXIST` when there is one.
    var makeFolder: @Sendable (_ path: String) -> CInt = { mkdir($0, 0o700) }
    /// Opens a file to write, for its owner alone, and empties it when it is there; its descriptor.
    var create: @Sendable (_ path: String) -> CInt = { open($0, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600) }
    /// Opens a folder to synchronize the names in it; its descriptor.
    var openFolder: @Sendable (_ path: String) -> CInt = { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    /// Writes after what was written before; how many of the bytes it took, perhaps not all. `EINTR`: none, try again.
    var write: @Sendable (_ descriptor: CInt, _ bytes: UnsafeRawBufferPointer) -> Int = {
        Glibc.write($0, $1.baseAddress, $1.count)
    }
    /// Has a file's bytes, or a folder's names, on the disk. After a failure nobody knows what is there.
    var synchronize: @Sendable (_ descriptor: CInt) -> CInt = { fsync($0) }
    /// Closes what was opened. An error would change nothing: what counts has been synchronized.
    var close: @Sendable (_ descriptor: CInt) -> Void = { _ = Glibc.close($0) }
    /// Gives a file another name, at once in place of what had it.
    var rename: @Sendable (_ path: String, _ newPath: String) -> CInt = { Glibc.rename($0, $1) }
    /// Takes a file's name away.
    var remove: @Sendable (_ path: String) -> CInt = { unlink($0) }
    /// All names in a folder, in no order. Fails with `ENOENT` when there is no folder.
    var names: @Sendable (_ path: String) -> [String]? = { path in
        guard let folder = opendir(path) else { return nil }
        defer { closedir(folder) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(folder) else { return errno == 0 ? names : nil }
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { name in
                    name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
    }
}
