import Digests
public import Engine
import Foundation

/// The private half of the pair to which every data key is also sealed. With it and an object's sidecar a backup can be
/// read although the server is gone.
///
/// The file is text: lines that start with `#` and empty lines are comments; the one other line is
///
///     backupy-recovery-1 BASE64
///
/// where BASE64 is the standard, padded base64 of the 32 bytes of an X25519 private key (RFC 7748), and `1` the version of
/// this format.
public struct RecoveryKey: Hashable, Sendable, CustomStringConvertible {
    static let tag = "backupy-recovery-1"
    private static let maximumByteCount = 65_536

    /// The key itself.
    public let privateKey: X25519.PrivateKey

    /// The half that the server needs for sealing.
    public var publicKey: X25519.PublicKey { privateKey.publicKey }

    /// Wraps a key that exists.
    public init(_ privateKey: X25519.PrivateKey) {
        self.privateKey = privateKey
    }

    /// A new random key.
    public static func generate() -> RecoveryKey {
        RecoveryKey(.generate())
    }

    /// Reads the text of a recovery key file.
    public init(reading text: String) throws(RecoveryKeyError) {
        let lines = text.split(whereSeparator: \.isNewline).filter { line in
            line.contains { !$0.isWhitespace } && !line.hasPrefix("#")
        }
        guard lines.count == 1 else { throw lines.isEmpty ? .empty : .notOneKey(lineCount: lines.count) }
        let words = lines[0].split(whereSeparator: \.isWhitespace)
        guard let first = words.first, first == Self.tag else {
            throw .unknownFormat(isOtherVersion: words.first?.hasPrefix("backupy-recovery-") ?? false)
        }
        guard words.count == 2, let bytes = Base64.decode(String(words[1])), let key = X25519.PrivateKey(bytes) else {
            throw .badKey
        }
        privateKey = key
    }

    /// Reads a recovery key file.
    public init(file path: String) throws(RecoveryKeyError) {
        let bytes: [UInt8]?
        do throws(FileError) {
            bytes = try Files.read(path, maximumByteCount: Self.maximumByteCount)
        } catch {
            throw .file(error)
        }
        guard let bytes else { throw .file(FileError(path, "open", code: ENOENT)) }
        try self.init(reading: String(decoding: bytes, as: UTF8.self))
    }

    /// What a recovery key file holds.
    public var text: String {
        """
        # Backupy recovery key. Whoever has it can read every backup of this server.
        # Keep it away from the server: without the server, it and the .key file beside an object are all that opens one.
        \(Self.tag) \(Base64.encode(privateKey.bytes))

        """
    }

    /// Writes a new file, as ``Engine/PrivateFile`` does. Never overwrites: a lost key is lost for good.
    public func write(to path: String) throws(RecoveryKeyError) {
        do throws(FileError) {
            try PrivateFile.create(path, holding: text.utf8)
        } catch {
            throw .file(error)
        }
    }

    /// Says what it is and nothing of what it holds.
    public var description: String { "recovery key (hidden)" }
}

/// Why a recovery key cannot be read or written.
public enum RecoveryKeyError: Error, Hashable, CustomStringConvertible {
    /// Nothing but comments.
    case empty
    /// More than one line that is no comment.
    case notOneKey(lineCount: Int)
    /// The line does not start with `backupy-recovery-1`.
    case unknownFormat(isOtherVersion: Bool)
    /// What follows is not base64 of 32 bytes.
    case badKey
    /// Reading or writing failed.
    case file(FileError)

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .empty: "the recovery key file holds no key."
        case .notOneKey(let count): "the recovery key file holds \(count) lines that are no comment; one was expected."
        case .unknownFormat(true): "the recovery key has another version than 1. Use a newer backupy."
        case .unknownFormat(false): "this is not a recovery key: the line must start with `\(RecoveryKey.tag)`."
        case .badKey: "the recovery key is damaged: after `\(RecoveryKey.tag)` there must be base64 of 32 bytes."
        case .file(let error): "\(error)"
        }
    }
}
