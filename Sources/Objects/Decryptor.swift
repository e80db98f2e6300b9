import Digests
public import Engine
import Foundation

/// What `backupy decrypt` does: turns an encrypted object in a file into the dump in another.
///
/// The output appears whole or not at all. The object's SHA-256, where it is known, is compared before anything is decrypted,
/// and again over the very bytes that were decrypted; the dump grows in a file of mode 0600 beside the output and takes its
/// name as the last step. On any failure that file is gone and an older output is untouched.
public enum Decryptor {
    /// Where the data key comes from.
    public enum KeySource: Hashable, Sendable {
        /// The 32 bytes themselves, and the blob's digest where it is known.
        case dataKey([UInt8], sha256: Digest?)
        /// A decryption token, held against the wall clock in unix seconds.
        case token(String, nowSeconds: Int64)
        /// A recovery key file, and the object's sidecar; nil means the input's path with `.key` appended.
        case recoveryKey(file: String, sidecar: String? = nil)
    }

    /// Decrypts `input` into `output`, which is replaced if it exists.
    ///
    /// - Parameters:
    ///   - skipsDecompression: writes the zstd stream itself.
    ///   - verifiesDigest: false ignores a known SHA-256, for looking at what is left of a damaged backup.
    ///   - maximumByteCount: how large the output may get, against a small object that grows without end; nil: what is free
    ///     where the output goes, but for 64 MiB.
    public static func decrypt(
        input: String, output: String, key: KeySource, skipsDecompression: Bool = false, verifiesDigest: Bool = true,
        maximumByteCount: UInt64? = nil
    ) throws(DecryptionError) -> BlobSummary {
        let (dataKey, knownDigest) = try resolve(key, input: input)
        let expected = verifiesDigest ? knownDigest : nil
        do {
            let file = try StoredFile(reading: input)
            try refuseOutput(output, sameAs: file)
            if let expected { try verify(file, expected) }
            return try decrypt(
                file, to: output, dataKey: dataKey, expected: expected, skipsDecompression: skipsDecompression,
                maximumByteCount: maximumByteCount)
        } catch let error as DecryptionError {
            throw error
        } catch let error as BlobError {
            throw .blob(error)
        } catch let error as FileError {
            throw .file(error)
        } catch {
            throw .file(FileError(output, "decryption", code: EIO))
        }
    }
}

/// Why nothing was decrypted. No output was left behind.
public enum DecryptionError: Error, Hashable, CustomStringConvertible {
    /// The token is not acceptable.
    case token(TokenError)
    /// The recovery key is not acceptable.
    case recoveryKey(RecoveryKeyError)
    /// The sidecar is not acceptable.
    case sidecar(SidecarError)
    /// The blob is damaged, or the key is not its own.
    case blob(BlobError)
    /// The input is not the object that was meant.
    case digestMismatch(expected: Digest, actual: Digest)
    /// Output and input are one file, or the output is no regular file.
    case unusableOutput(path: String)
    /// A file cannot be read or written.
    case file(FileError)

    /// Whether a verification failed (exit code 3), as opposed to the work itself (1).
    public var isVerificationFailure: Bool {
        switch self {
        case .digestMismatch, .blob, .sidecar(.wrongKey), .sidecar(.otherObject): true
        case .token, .recoveryKey, .sidecar, .unusableOutput, .file: false
        }
    }

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .token(let error): "\(error)"
        case .recoveryKey(let error): "\(error)"
        case .sidecar(let error): "\(error)"
        case .blob(let error): "\(error)"
        case .digestMismatch(let expected, let actual):
            """
            the file is not the backup that was meant: its SHA-256 is \(actual), expected \(expected). \
            Download it again; nothing was written.
            """
        case .unusableOutput(let path):
            "\(path) cannot be the output: it is the input, or not a regular file. Name another file."
        case .file(let error): "\(error)"
        }
    }
}

extension Decryptor {
    private static func resolve(
        _ source: KeySource, input: String
    ) throws(DecryptionError) -> (dataKey: [UInt8], sha256: Digest?) {
        switch source {
        case .dataKey(let key, let sha256):
            return (key, sha256)
        case .token(let text, let nowSeconds):
            do throws(TokenError) {
                let token = try DecryptionToken(reading: text, nowSeconds: nowSeconds)
                return (token.dataKey, token.sha256)
            } catch {
                throw .token(error)
            }
        case .recoveryKey(let file, let sidecar):
            let key: RecoveryKey
            do throws(RecoveryKeyError) {
                key = try RecoveryKey(file: file)
            } catch {
                throw .recoveryKey(error)
            }
            let content = try open(sidecar ?? input + ".key", with: key)
            return (content.dataKey, content.sha256)
        }
    }

    private static func open(_ path: String, with key: RecoveryKey) throws(DecryptionError) -> Sidecar.Content {
        let bytes: [UInt8]?
        do throws(FileError) {
            bytes = try Files.read(path, maximumByteCount: Sidecar.maximumByteCount)
        } catch {
            throw .file(error)
        }
        guard let bytes else { throw .file(FileError(path, "open", code: ENOENT)) }
        do throws(SidecarError) {
            return try Sidecar(reading: bytes).open(with: key)
        } catch {
            throw .sidecar(error)
        }
    }

    /// A device or folder cannot be replaced by a rename as the user means it, and the input must outlive the work.
    private static func refuseOutput(_ output: String, sameAs input: StoredFile) throws {
        _ = try input.byteCount()
        var existing = stat()
        guard stat(output, &existing) == 0 else { return }
        var own = stat()
        guard fstat(input.descriptor, &own) == 0 else { throw FileError(input.path, "stat") }
        let isSame = existing.st_dev == own.st_dev && existing.st_ino == own.st_ino
        guard existing.st_mode & S_IFMT == S_IFREG, !isSame else { throw DecryptionError.unusableOutput(path: output) }
    }

    private static func verify(_ file: StoredFile, _ expected: Digest) throws {
        var hash = SHA256()
        try file.forEachPiece { hash.update($0) }
        let actual = hash.finalize()
        guard actual == expected else { throw DecryptionError.digestMismatch(expected: expected, actual: actual) }
    }

    /// What an output may take: what is free, but for a rest that others need to go on.
    private static func room(in folder: String) -> UInt64 {
        guard let free = FreeSpace.measure(folder)?.freeByteCount else { return .max }
        return free - min(free, 64 << 20)
    }

    private static func decrypt(
        _ file: StoredFile, to output: String, dataKey: [UInt8], expected: Digest?, skipsDecompression: Bool,
        maximumByteCount: UInt64?
    ) throws -> BlobSummary {
        let folder = Folder.of(output)
        let temporaryPath = "\(folder)/.backupy-\(Hex.encode(SecureRandom.bytes(8))).partial"
        // Plaintext has no name before it is verified: nothing is left when the process is killed.
        let (temporary, isNamed) = try StoredFile.unnamed(toBecome: temporaryPath)
        do {
            let reader = try BlobReader(
                dataKey: dataKey, decompresses: !skipsDecompression,
                maximumPlaintextByteCount: maximumByteCount ?? room(in: folder)
            ) { try temporary.append($0) }
            try file.forEachPiece { try reader.write($0) }
            let summary = try reader.finish()
            if let expected, summary.digest != expected {
                throw DecryptionError.digestMismatch(expected: expected, actual: summary.digest)
            }
            try temporary.synchronize()
            if !isNamed { try temporary.name(temporaryPath) }
            try Files.move(temporaryPath, to: output)
            try Folder.synchronize(folder)
            return summary
        } catch {
            unlink(temporaryPath)
            throw error
        }
    }
}
