import Digests
import Engine
import Glibc

/// The administrator's bearer token: the file `admin.token` in the data directory, mode 0600.
///
/// The server keeps only its SHA-256, in the vault. A readable file sets what is accepted: replace it and restart to
/// change the token. Without the file the digest of the last one counts, so it may be kept elsewhere.
enum AdminToken {
    /// `bkpy_` and 32 characters of 62: 190 random bits.
    static func draw() -> String { "bkpy_" + SecureRandom.alphanumerics(32) }

    /// The token in the file; nil when there is no file.
    static func read(_ path: String) throws(StartError) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            guard errno != ENOENT else { return nil }
            throw failure(path, "cannot be read")
        }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1_024)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw failure(path, "cannot be read") }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        guard let token = text.split(whereSeparator: \.isWhitespace).first, token.utf8.count >= 32 else {
            throw .adminToken(path: path, problem: "holds no token of 32 characters or more; write one into it")
        }
        return String(token)
    }

    /// Writes a new file, as ``Engine/PrivateFile`` does.
    static func write(_ token: String, to path: String) throws(StartError) {
        do throws(FileError) {
            try PrivateFile.create(path, holding: (token + "\n").utf8)
        } catch {
            throw .adminToken(path: path, problem: "cannot be written: \(error.operation): \(error.reason)")
        }
    }

    private static func failure(_ path: String, _ what: String) -> StartError {
        .adminToken(path: path, problem: "\(what): \(String(cString: strerror(errno)))")
    }
}
