import Digests

/// The backup object, format version 1: one zstd stream, cut in pieces, each sealed with AES-256-GCM.
///
///     blob  := chunk* end
///     chunk := u32be L | nonce[12] | ciphertext[n] | tag[16]      L = 12 + n + 16
///     end   := u32be 0
///
/// There is no header and the additional data is empty: a chunk is bound neither to its place nor to its run. Swapped,
/// removed or cut-off chunks are found by zstd's own checksum, and for certain only by the SHA-256 of the whole blob.
/// A dump of no bytes is a blob of just `end`.
public enum BlobFormat {
    /// The version that tokens and sidecars name.
    public static let version = 1
    /// zstd output in every chunk but the last, in bytes.
    public static let pieceByteCount = 1 << 20
    /// zstd level of what we write.
    public static let compressionLevel = 3
    /// Base-2 logarithm of the largest window that a reader accepts: 8 MiB.
    public static let maximumWindowLog: Int32 = 23

    static let lengthByteCount = 4
    static let overheadByteCount = AESGCM.nonceByteCount + AESGCM.tagByteCount
    static let maximumChunkByteCount = overheadByteCount + pieceByteCount
}

/// What a blob came to.
public struct BlobSummary: Hashable, Sendable {
    /// Bytes of the blob, framing and end marker included: what is uploaded.
    public var byteCount: UInt64
    /// SHA-256 of those bytes.
    public var digest: Digest
    /// Bytes of the dump. With decompression skipped: of the zstd stream.
    public var plaintextByteCount: UInt64

    /// A summary as given.
    public init(byteCount: UInt64, digest: Digest, plaintextByteCount: UInt64) {
        self.byteCount = byteCount
        self.digest = digest
        self.plaintextByteCount = plaintextByteCount
    }
}

/// Why a blob cannot be written or read.
public enum BlobError: Error, Hashable, CustomStringConvertible {
    /// A data key has 32 bytes.
    case badKeyLength(byteCount: Int)
    /// The blob stops before its end marker.
    case truncated(afterByteCount: UInt64)
    /// There is more behind the end marker.
    case trailingBytes(endByteCount: UInt64)
    /// A length field outside 28 to 1 048 604.
    case badChunkLength(UInt32, chunk: Int)
    /// The chunk does not authenticate under this key.
    case authenticationFailed(chunk: Int)
    /// What was sealed is not a zstd stream that this reader accepts. `reason` is zstd's own text or ours.
    case badCompression(reason: String)
    /// The zstd stream stops before its end: chunks are missing.
    case unfinishedCompression
    /// More bytes sealed behind the end of the zstd frame.
    case dataAfterFrame
    /// The dump is larger than the caller allows.
    case plaintextTooLarge(maximumByteCount: UInt64)

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .badKeyLength(let count):
            "a data key has 32 bytes, this one has \(count)."
        case .truncated(let count):
            "the backup is cut off after \(count) bytes: its end marker is missing. Download it again."
        case .trailingBytes(let count):
            "there are bytes behind the end of the backup, which is \(count) bytes long. It is not the object as uploaded."
        case .badChunkLength(let length, let chunk):
            "chunk \(chunk) says it has \(length) bytes, which no chunk has. This is not a backup, or it is damaged."
        case .authenticationFailed(let chunk):
            "chunk \(chunk) does not authenticate: the key belongs to another backup, or the bytes were changed."
        case .badCompression(let reason):
            "the decrypted stream cannot be decompressed: \(reason). Chunks may have been swapped or removed."
        case .unfinishedCompression:
            "the decrypted stream stops before its end: chunks are missing."
        case .dataAfterFrame:
            "the decrypted stream goes on behind its end: chunks were added."
        case .plaintextTooLarge(let maximum):
            "what comes out is larger than the \(maximum) bytes that are allowed or free there."
        }
    }
}
