import Digests

/// Seals the pieces of a blob in order, hashes what they become, and hands it on. For one thread at a time.
final class ChunkSealer {
    static let pieceOffset = BlobFormat.lengthByteCount + AESGCM.nonceByteCount

    private let gcm: AESGCM
    private let output: (UnsafeRawBufferPointer) throws -> Void
    private var hash = SHA256()
    private(set) var byteCount: UInt64 = 0

    init(_ gcm: AESGCM, output: @escaping (UnsafeRawBufferPointer) throws -> Void) {
        self.gcm = gcm
        self.output = output
    }

    /// The digest of what was handed on so far.
    var digest: Digest { hash.finalize() }

    /// Room for one chunk: length, nonce, piece, tag.
    static func makeChunk() -> UnsafeMutableRawBufferPointer {
        .allocate(byteCount: BlobFormat.lengthByteCount + BlobFormat.maximumChunkByteCount, alignment: 16)
    }

    /// Seals the piece in place, around which there is room for the rest of the chunk, and hands the chunk on.
    func seal(_ chunk: UnsafeMutableRawBufferPointer, pieceByteCount: Int) throws {
        let sealedByteCount = pieceByteCount + AESGCM.tagByteCount
        let length = AESGCM.nonceByteCount + sealedByteCount
        chunk.storeBytes(of: UInt32(length).bigEndian, as: UInt32.self)
        let nonce = UnsafeMutableRawBufferPointer(rebasing: chunk[BlobFormat.lengthByteCount..<Self.pieceOffset])
        SecureRandom.fill(nonce)
        let sealed = UnsafeMutableRawBufferPointer(
            rebasing: chunk[Self.pieceOffset..<Self.pieceOffset + sealedByteCount])
        gcm.seal(
            UnsafeRawBufferPointer(rebasing: sealed[..<pieceByteCount]), nonce: UnsafeRawBufferPointer(nonce),
            into: sealed)
        try emit(UnsafeRawBufferPointer(rebasing: chunk[..<(BlobFormat.lengthByteCount + length)]))
    }

    /// Hands on the end marker.
    func end() throws { try withUnsafeBytes(of: UInt32(0)) { try emit($0) } }

    private func emit(_ bytes: UnsafeRawBufferPointer) throws {
        hash.update(bytes)
        byteCount += UInt64(bytes.count)
        try output(bytes)
    }
}
