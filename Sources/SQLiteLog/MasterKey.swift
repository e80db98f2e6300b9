import Digests
public import Engine
import Glibc

/// The key from which all keys of a data directory derive: 32 random bytes, in a file of their own that may lie elsewhere.
///
/// Never printed: its description names no byte of it.
public struct MasterKey: Sendable, CustomStringConvertible {
    /// What a derived key is for. Each purpose has a key of its own, so none tells anything about another.
    public enum Purpose: String, CaseIterable, Sendable {
        /// Wraps the secrets in the vault.
        case wrapping
        /// Signs URLs of objects.
        case signing
        /// Makes and checks tokens.
        case tokens
    }

    /// The size of the key, and of each derived one, in bytes.
    public static let byteCount = 32

    private let bytes: [UInt8]

    /// Names the key without telling anything about it: the first 8 bytes of the SHA-256 of the wrapping key, as in the
    /// vault's rows.
    public var id: [UInt8] { Array(SHA256.digest(of: derive(.wrapping)).bytes.prefix(8)) }

    /// A key from exactly 32 bytes; nil for any other count.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// 32 bytes for one purpose: HKDF-SHA256 without salt, with the info `backupy v1 ` and the purpose.
    public func derive(_ purpose: Purpose) -> [UInt8] {
        HKDFSHA256.derive(secret: bytes, salt: [], info: "backupy v1 \(purpose.rawValue)", byteCount: Self.byteCount)
    }

    /// Says what it is and nothing of what it holds.
    public var description: String { "master key (hidden)" }

    /// What was found in a key file.
    public struct Loaded: Sendable {
        /// The key.
        public var key: MasterKey
        /// Whether the file was made just now.
        public var isNew: Bool
        /// What the operator should hear about the file, such as that others may read it.
        public var warning: String?
    }

    /// The key in a file: 64 hexadecimal digits and a line break. A missing file is made with a new random key, mode 0600,
    /// durable before this returns.
    ///
    /// - Throws: ``Engine/VaultError/failed(path:problem:)`` when the file cannot be read or made, or holds no key.
    public static func loadOrCreate(file path: String) throws(VaultError) -> Loaded {
        if let loaded = try load(file: path) { return loaded }
        try create(path)
        guard var loaded = try load(file: path) else {
            throw .failed(path: path, problem: "the master key file was taken away while it was made")
        }
        loaded.isNew = true
        return loaded
    }

    /// The key in a file; nil when there is no file.
    ///
    /// - Throws: ``Engine/VaultError/failed(path:problem:)`` when the file cannot be read, or holds no key.
    public static func load(file path: String) throws(VaultError) -> Loaded? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno == ENOENT else { throw failure(path, "cannot be read") }
            return nil
        }
        defer { close(descriptor) }
        // Room for one byte more than a key and its line break, so that a longer file is noticed.
        var text = [UInt8](repeating: 0, count: 2 * byteCount + 3)
        let count = read(descriptor, &text, text.count)
        guard count >= 0 else { throw failure(path, "cannot be read") }
        var digits = text.prefix(count)
        while digits.last == UInt8(ascii: "\n") || digits.last == UInt8(ascii: "\r") { digits.removeLast() }
        guard let bytes = Hex.decode(String(decoding: digits, as: UTF8.self)), let key = MasterKey(bytes) else {
            throw .failed(
                path: path,
                problem:
                    "holds no master key: 64 hexadecimal digits are expected, \(digits.count) characters were found. "
                    + "Restore the file from its copy; without it what the vault holds is lost")
        }
        var status = stat()
        let isOpen = fstat(descriptor, &status) == 0 && status.st_mode & 0o077 != 0
        let mode = String(status.st_mode & 0o777, radix: 8)
        return Loaded(
            key: key, isNew: false,
            warning: isOpen ? "\(path): others may read the master key (mode \(mode)); set it to 600" : nil)
    }

    /// Writes a new key, as ``Engine/PrivateFile`` does. Of two processes that do so the second gets the first one's.
    static func create(_ path: String) throws(VaultError) {
        do throws(FileError) {
            try PrivateFile.create(path, holding: (Hex.encode(SecureRandom.bytes(byteCount)) + "\n").utf8)
        } catch {
            guard error.code != EEXIST else { return }
            throw failure(error)
        }
    }

    /// Makes names in the file's folder durable.
    static func synchronizeFolder(of path: String) throws(VaultError) {
        do throws(FileError) {
            try Folder.synchronize(Folder.of(path))
        } catch {
            throw failure(error)
        }
    }

    static func failure(_ error: FileError) -> VaultError {
        .failed(path: error.path, problem: "the master key file: \(error.operation) failed: \(error.reason)")
    }

    static func failure(_ path: String, _ what: String) -> VaultError {
        .failed(path: path, problem: "the master key file \(what): \(String(cString: strerror(errno)))")
    }
}
