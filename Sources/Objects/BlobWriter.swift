import CZstd
import Digests

/// Turns a dump into a blob of format version 1, piece by piece, in memory of fixed size.
///
/// zstd writes straight into the chunk under construction, which is then sealed in place, so no byte is copied on the
/// way. For one thread at a time. After a throw the writer takes nothing more.
///
/// Compressing takes some fifteen times as long as sealing, hashing and writing together. Overlapped, those are done
/// meanwhile on a thread of their own.
public final class BlobWriter {
    private let compressor: OpaquePointer
    private let sealer: ChunkSealer
    /// Seals beside the compression; nil seals in between.
    private let thread: SealingThread?
    /// The one chunk there is where nothing overlaps.
    private let ownChunk: UnsafeMutableRawBufferPointer?
    /// Bytes of zstd output in the chunk so far.
    private var pieceByteCount = 0
    private var plaintextByteCount: UInt64 = 0
    private var isOpen = true

    /// Starts a blob.
    ///
    /// - Parameters:
    ///   - dataKey: 32 bytes, fresh for each run: nonces are random, and one key is meant for one blob.
    ///   - workerCount: extra zstd threads; 0 compresses on the caller's.
    ///   - isOverlapped: whether a thread of its own seals and calls `output`, one call after the other, and none once
    ///     ``finish()`` has returned or the writer is gone. Needs 2 MiB more.
    ///   - output: gets the blob's bytes in order, at most one chunk (1 MiB and 32 bytes) at a time. The buffer is only valid
    ///     during the call. What it throws comes out of ``write(_:)-(UnsafeRawBufferPointer)`` or ``finish()``.
    public init(
        dataKey: [UInt8], workerCount: Int = 0, isOverlapped: Bool = false,
        output: @escaping (UnsafeRawBufferPointer) throws -> Void
    ) throws(BlobError) {
        guard let gcm = AESGCM(key: dataKey) else { throw .badKeyLength(byteCount: dataKey.count) }
        guard let compressor = ZSTD_createCCtx() else { preconditionFailure("out of memory for a zstd context") }
        self.compressor = compressor
        sealer = ChunkSealer(gcm, output: output)
        thread = isOverlapped ? SealingThread(sealer) : nil
        ownChunk = isOverlapped ? nil : ChunkSealer.makeChunk()
        set(ZSTD_c_compressionLevel, to: BlobFormat.compressionLevel)
        set(ZSTD_c_checksumFlag, to: 1)
        set(ZSTD_c_contentSizeFlag, to: 0)
        if workerCount > 0 { set(ZSTD_c_nbWorkers, to: workerCount) }
    }

    deinit {
        ZSTD_freeCCtx(compressor)
        try? thread?.finish()
        ownChunk?.deallocate()
    }

    /// Takes in the next bytes of the dump; any count, also zero.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        precondition(isOpen, "the blob is finished or has failed")
        guard bytes.count > 0 else { return }
        plaintextByteCount += UInt64(bytes.count)
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while input.pos < input.size {
            _ = try compress(&input, ZSTD_e_continue)
        }
    }

    /// Takes in the next bytes of the dump.
    public func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    /// Writes what is left and the end marker.
    public func finish() throws -> BlobSummary {
        precondition(isOpen, "the blob is finished or has failed")
        if plaintextByteCount > 0 {  // an empty dump has no zstd frame at all
            var input = ZSTD_inBuffer(src: nil, size: 0, pos: 0)
            while try compress(&input, ZSTD_e_end) > 0 {}
            if pieceByteCount > 0 { try sealPiece() }
        }
        try guarded {
            try thread?.finish()
            try sealer.end()
        }
        isOpen = false
        return BlobSummary(
            byteCount: sealer.byteCount, digest: sealer.digest, plaintextByteCount: plaintextByteCount)
    }
}

extension BlobWriter {
    private func set(_ parameter: ZSTD_cParameter, to value: Int) {
        let result = ZSTD_CCtx_setParameter(compressor, parameter, Int32(truncatingIfNeeded: value))
        precondition(ZSTD_isError(result) == 0, "this libzstd refuses a parameter of the blob format")
    }

    /// One call of zstd, and a chunk when it filled a piece. Returns what zstd still holds, in bytes or a lower bound.
    private func compress(_ input: inout ZSTD_inBuffer, _ directive: ZSTD_EndDirective) throws -> Int {
        var piece = ZSTD_outBuffer(
            dst: chunk.baseAddress?.advanced(by: ChunkSealer.pieceOffset), size: BlobFormat.pieceByteCount,
            pos: pieceByteCount
        )
        let remaining = ZSTD_compressStream2(compressor, &piece, &input, directive)
        guard ZSTD_isError(remaining) == 0 else {
            isOpen = false
            throw BlobError.badCompression(reason: String(cString: ZSTD_getErrorName(remaining)))
        }
        pieceByteCount = piece.pos
        if pieceByteCount == BlobFormat.pieceByteCount { try sealPiece() }
        return remaining
    }

    private var chunk: UnsafeMutableRawBufferPointer {
        if let thread { return thread.chunk }
        guard let ownChunk else { preconditionFailure("a writer has its own chunk or a thread's") }
        return ownChunk
    }

    private func sealPiece() throws {
        let count = pieceByteCount
        pieceByteCount = 0
        try guarded {
            if let thread {
                try thread.pass(pieceByteCount: count)
            } else {
                try sealer.seal(chunk, pieceByteCount: count)
            }
        }
    }

    private func guarded(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            isOpen = false
            throw error
        }
    }
}
