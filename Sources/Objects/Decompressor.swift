import CZstd

/// Decompresses exactly one zstd frame that arrives in pieces, with a window of at most 8 MiB.
final class Decompressor {
    private let context: OpaquePointer
    private let buffer: UnsafeMutableRawBufferPointer
    /// Bytes of the frame's magic number that have arrived: zstd itself would take a skippable frame for a whole stream.
    private var magicByteCount = 0
    private var isAtEnd = false

    private static let magic: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd]  // RFC 8878, section 3.1.1

    init() {
        guard let context = ZSTD_createDCtx() else { preconditionFailure("out of memory for a zstd context") }
        self.context = context
        let result = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, BlobFormat.maximumWindowLog)
        precondition(ZSTD_isError(result) == 0, "this libzstd refuses a window limit of 8 MiB")
        // Twice a block: zstd then flushes rarely and asks for its output less often.
        buffer = .allocate(byteCount: 2 * ZSTD_DStreamOutSize(), alignment: 16)
    }

    deinit {
        ZSTD_freeDCtx(context)
        buffer.deallocate()
    }

    func write(_ bytes: UnsafeRawBufferPointer, output: (UnsafeRawBufferPointer) throws -> Void) throws {
        for byte in bytes.prefix(Self.magic.count - magicByteCount) {
            guard byte == Self.magic[magicByteCount] else {
                throw BlobError.badCompression(reason: "it does not start like a zstd frame")
            }
            magicByteCount += 1
        }
        var input = ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        var isFull = false
        // Also goes on after the last input byte while the output was filled to the brim: zstd may hold more.
        while input.pos < input.size || isFull {
            guard !isAtEnd else {
                if input.pos < input.size { throw BlobError.dataAfterFrame }
                return
            }
            let before = input.pos
            var piece = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
            let result = ZSTD_decompressStream(context, &piece, &input)
            guard ZSTD_isError(result) == 0 else { throw BlobError.badCompression(reason: Self.reason(result)) }
            isAtEnd = result == 0
            isFull = piece.pos == piece.size
            if piece.pos > 0 { try output(UnsafeRawBufferPointer(rebasing: buffer[..<piece.pos])) }
            guard input.pos > before || piece.pos > 0 || isFull || input.pos == input.size else {
                throw BlobError.badCompression(reason: "it makes no progress")
            }
        }
    }

    /// A stream of no bytes is a dump of no bytes; anything else must have come to the frame's end.
    func finish() throws(BlobError) {
        guard isAtEnd || magicByteCount == 0 else { throw .unfinishedCompression }
    }

    private static func reason(_ result: Int) -> String {
        switch ZSTD_getErrorCode(result) {
        case ZSTD_error_frameParameter_windowTooLarge: "it asks for a window of more than 8 MiB"
        case ZSTD_error_checksum_wrong: "its checksum does not match its content"
        default: String(cString: ZSTD_getErrorName(result))
        }
    }
}
