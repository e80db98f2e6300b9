import Digests

/// Turns a blob of format version 1 back into the dump, piece by piece, in memory of fixed size.
///
/// Every byte that reaches the output comes from an authenticated chunk. That the chunks are the right ones, all of them
/// and in order, is known only once ``finish()`` has returned, and for certain only when the summary's digest is the
/// expected one: do not use the output before. For one thread at a time. After a throw the reader takes nothing more.
public final class BlobReader {
    private enum Phase {
        case length
        case body(byteCount: Int)
        case ended
        case failed
    }

    private let gcm: AESGCM
    private let decompressor: Decompressor?
    private let output: (UnsafeRawBufferPointer) throws -> Void
    private let maximumPlaintextByteCount: UInt64
    /// The length field or the body of the current chunk, as far as it has arrived.
    private let buffer: UnsafeMutableRawBufferPointer
    private var filledByteCount = 0
    private var phase = Phase.length
    private var chunkCount = 0
    private var hash = SHA256()
    private var byteCount: UInt64 = 0
    private var plaintextByteCount: UInt64 = 0

    /// Starts reading a blob.
    ///
    /// - Parameters:
    ///   - dataKey: the 32 bytes it was written with.
    ///   - decompresses: false gives the zstd stream itself, whose checksum then nobody has looked at.
    ///   - maximumPlaintextByteCount: an upper limit against a small blob that grows without end.
    ///   - output: gets the dump's bytes in order. The buffer is only valid during the call.
    public init(
        dataKey: [UInt8], decompresses: Bool = true, maximumPlaintextByteCount: UInt64 = .max,
        output: @escaping (UnsafeRawBufferPointer) throws -> Void
    ) throws(BlobError) {
        guard let gcm = AESGCM(key: dataKey) else { throw .badKeyLength(byteCount: dataKey.count) }
        self.gcm = gcm
        self.output = output
        self.maximumPlaintextByteCount = maximumPlaintextByteCount
        decompressor = decompresses ? Decompressor() : nil
        buffer = .allocate(byteCount: BlobFormat.maximumChunkByteCount, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// Takes in the next bytes of the blob; any count, cut anywhere.
    ///
    /// - Throws: ``BlobError``, or what the output throws.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        if case .failed = phase { preconditionFailure("the blob has failed") }
        do {
            var rest = bytes[...]
            while !rest.isEmpty { try take(&rest) }
        } catch {
            phase = .failed
            throw error
        }
        hash.update(bytes)
        byteCount += UInt64(bytes.count)
    }

    /// Takes in the next bytes of the blob.
    public func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    /// Says that nothing more comes.
    ///
    /// - Throws: ``BlobError`` when that is too early.
    public func finish() throws(BlobError) -> BlobSummary {
        switch phase {
        case .length, .body: throw .truncated(afterByteCount: byteCount)
        case .failed: preconditionFailure("the blob has failed")
        case .ended: break
        }
        try decompressor?.finish()
        return BlobSummary(byteCount: byteCount, digest: hash.finalize(), plaintextByteCount: plaintextByteCount)
    }
}

extension BlobReader {
    private func take(_ bytes: inout Slice<UnsafeRawBufferPointer>) throws {
        switch phase {
        case .length:
            guard fill(from: &bytes, to: BlobFormat.lengthByteCount) else { return }
            let length = UInt32(bigEndian: buffer.loadUnaligned(as: UInt32.self))
            if length == 0 {
                phase = .ended
            } else if (BlobFormat.overheadByteCount...BlobFormat.maximumChunkByteCount).contains(Int(length)) {
                phase = .body(byteCount: Int(length))
            } else {
                throw BlobError.badChunkLength(length, chunk: chunkCount + 1)
            }
        case .body(let count):
            guard fill(from: &bytes, to: count) else { return }
            chunkCount += 1
            try open(UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
            phase = .length
        case .ended:
            // The position of the end: what came before this call, and what of this call was read until now.
            throw BlobError.trailingBytes(endByteCount: byteCount + UInt64(bytes.startIndex))
        case .failed:
            preconditionFailure("the blob has failed")
        }
    }

    /// Moves bytes into the buffer; true once it holds `target`, which also empties it for the next use.
    private func fill(from bytes: inout Slice<UnsafeRawBufferPointer>, to target: Int) -> Bool {
        let piece = bytes.prefix(target - filledByteCount)
        UnsafeMutableRawBufferPointer(rebasing: buffer[filledByteCount...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: piece))
        filledByteCount += piece.count
        bytes = bytes.dropFirst(piece.count)
        guard filledByteCount == target else { return false }
        filledByteCount = 0
        return true
    }

    private func open(_ body: UnsafeMutableRawBufferPointer) throws {
        let nonce = UnsafeRawBufferPointer(rebasing: body[..<AESGCM.nonceByteCount])
        let sealed = UnsafeRawBufferPointer(rebasing: body[AESGCM.nonceByteCount...])
        let plain = UnsafeMutableRawBufferPointer(
            rebasing: body[AESGCM.nonceByteCount..<(body.count - AESGCM.tagByteCount)])
        do {
            try gcm.open(sealed, nonce: nonce, into: plain)
        } catch {
            throw BlobError.authenticationFailed(chunk: chunkCount)
        }
        guard plain.count > 0 else { return }
        if let decompressor {
            try decompressor.write(UnsafeRawBufferPointer(plain)) { try emit($0) }
        } else {
            try emit(UnsafeRawBufferPointer(plain))
        }
    }

    private func emit(_ bytes: UnsafeRawBufferPointer) throws {
        let (total, isOver) = plaintextByteCount.addingReportingOverflow(UInt64(bytes.count))
        guard !isOver, total <= maximumPlaintextByteCount else {
            throw BlobError.plaintextTooLarge(maximumByteCount: maximumPlaintextByteCount)
        }
        plaintextByteCount = total
        try output(bytes)
    }
}
