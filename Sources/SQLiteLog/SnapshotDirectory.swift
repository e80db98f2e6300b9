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

    /// Snapshots in a folder, which the first one makes.
    public init(path: String) { self.path = path }

    /// What is there, the newest first.
    public func positions() throws(SnapshotError) -> [Position] {
        try names().compactMap { name in
            guard name.hasSuffix(Self.suffix) else { return nil }
            return UInt64(name.dropLast(Self.suffix.count)).map { Position($0) }
        }.sorted(by: >)
    }

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
    public func write(_ bytes: [UInt8], at position: Position) throws(SnapshotError) {
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw Self.error(path, "made") }
        let file = file(of: position)
        try store(bytes, in: file + Self.unfinished)
        guard rename(file + Self.unfinished, file) == 0 else { throw Self.error(file, "renamed") }
        try synchronize()
        let former = try positions().first { $0 < position }
        for other in try positions() where other != position && other != former { unlink(self.file(of: other)) }
        for name in try names() where name.hasSuffix(Self.unfinished) { unlink(path + "/" + name) }
    }

    private func file(of position: Position) -> String {
        let digits = position.description
        return path + "/" + String(repeating: "0", count: max(0, 20 - digits.utf8.count)) + digits + Self.suffix
    }

    private func names() throws(SnapshotError) -> [String] {
        guard let folder = opendir(path) else {
            if errno == ENOENT { return [] }
            throw Self.error(path, "read")
        }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) { name in
                    name.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }

    private func store(_ bytes: [UInt8], in file: String) throws(SnapshotError) {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.error(file, "made") }
        var failure: SnapshotError?
        bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let count = Glibc.write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
                if count < 0, errno == EINTR { continue }
                if count <= 0 {
                    failure = Self.error(file, "written")
                    return
                }
                done += count
            }
        }
        if failure == nil, fsync(descriptor) != 0 { failure = Self.error(file, "synchronized") }
        close(descriptor)
        guard let failure else { return }
        unlink(file)
        throw failure
    }

    private func synchronize() throws(SnapshotError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.error(path, "opened") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.error(path, "synchronized") }
    }

    private static func error(_ file: String, _ verb: String) -> SnapshotError {
        let reason = String(cString: strerror(errno))
        return SnapshotError("\(file) cannot be \(verb): \(reason)")
    }
}
