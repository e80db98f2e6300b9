import CZstd
import Digests
import Foundation
import Objects
import Testing

/// Blobs for tests: the recorded one, and ones put together by hand, right or wrong.
enum Blobs {
    /// The recorded object of a reference agent; facts about it as its recorder published them.
    static let sample: [UInt8] = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let data = try? Data(contentsOf: folder.appending(path: "Fixtures/sample-backup.enc"))
        return data.map { Array($0) } ?? []
    }()
    static let sampleKey = Hex.decode("66589dec8a122106e684a90fc7a311e7a1960b04bafc9baa1727b228dcbb7282") ?? []
    static let sampleDigest = Digest(hex: "28bf44b28d0225cda1d5911cda0611291bc6f80656795e93b899e81f09cf4b9c")
    static let samplePlaintextDigest = Digest(hex: "108d154826a5b249a4b0efaf72f2bac923433d900def8084cd4abae927b8b141")

    static let key = [UInt8](repeating: 7, count: 32)
    static let end: [UInt8] = [0, 0, 0, 0]

    /// Seals each piece as a chunk. No end marker.
    static func chunks(_ pieces: [[UInt8]], key: [UInt8] = key) -> [[UInt8]] {
        pieces.map { piece in
            let nonce = SecureRandom.bytes(12)
            var chunk = withUnsafeBytes(of: UInt32(12 + piece.count + 16).bigEndian) { Array($0) } + nonce
            AESGCM(key: key)?.seal(piece, nonce: nonce, appendingTo: &chunk)
            return chunk
        }
    }

    static func blob(_ pieces: [[UInt8]], key: [UInt8] = key) -> [UInt8] {
        chunks(pieces, key: key).flatMap { $0 } + end
    }

    /// One zstd frame with parameters of choice.
    static func frame(_ bytes: [UInt8], windowLog: Int32? = nil, hasChecksum: Bool = true, flushedAfter: Int = 0)
        -> [UInt8]
    {
        guard let context = ZSTD_createCCtx() else { return [] }
        defer { ZSTD_freeCCtx(context) }
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, hasChecksum ? 1 : 0)
        ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0)
        if let windowLog { ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, windowLog) }
        var output = [UInt8](repeating: 0, count: ZSTD_compressBound(bytes.count) + 64)
        let room = output.count
        let count = output.withUnsafeMutableBytes { output in
            bytes.withUnsafeBytes { bytes in
                // Several calls, so that zstd does not know the size when it chooses the window.
                var input = ZSTD_inBuffer(src: bytes.baseAddress, size: flushedAfter, pos: 0)
                var result = ZSTD_outBuffer(dst: output.baseAddress, size: room, pos: 0)
                if flushedAfter > 0 { ZSTD_compressStream2(context, &result, &input, ZSTD_e_flush) }
                input.size = bytes.count
                ZSTD_compressStream2(context, &result, &input, ZSTD_e_continue)
                ZSTD_compressStream2(context, &result, &input, ZSTD_e_end)
                return result.pos
            }
        }
        return Array(output.prefix(count))
    }

    static func write(_ plaintext: [UInt8], key: [UInt8] = key, pieceByteCount: Int = 70_000) throws -> (
        [UInt8], BlobSummary
    ) {
        var blob: [UInt8] = []
        let writer = try BlobWriter(dataKey: key) { blob.append(contentsOf: $0) }
        var rest = plaintext[...]
        while !rest.isEmpty {
            try writer.write(Array(rest.prefix(pieceByteCount)))
            rest = rest.dropFirst(pieceByteCount)
        }
        let summary = try writer.finish()
        return (blob, summary)
    }

    static func read(
        _ blob: [UInt8], key: [UInt8] = key, pieceByteCount: Int = 65_536, decompresses: Bool = true,
        maximum: UInt64 = .max
    ) throws -> ([UInt8], BlobSummary) {
        var plaintext: [UInt8] = []
        let reader = try BlobReader(dataKey: key, decompresses: decompresses, maximumPlaintextByteCount: maximum) {
            plaintext.append(contentsOf: $0)
        }
        var rest = blob[...]
        while !rest.isEmpty {
            try reader.write(Array(rest.prefix(pieceByteCount)))
            rest = rest.dropFirst(pieceByteCount)
        }
        let summary = try reader.finish()
        return (plaintext, summary)
    }

    static func error(_ blob: [UInt8], key: [UInt8] = key, pieceByteCount: Int = 65_536) -> BlobError? {
        do {
            _ = try read(blob, key: key, pieceByteCount: pieceByteCount)
            return nil
        } catch {
            return error as? BlobError
        }
    }
}

/// A folder that goes away with the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "objects-" + Hex.encode(SecureRandom.bytes(8))
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: URL(filePath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }

    func read(_ name: String) -> [UInt8]? {
        FileManager.default.contents(atPath: "\(path)/\(name)").map { Array($0) }
    }

    /// Every file below, hidden ones too, sorted.
    func files() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path).filter { name in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(path)/\(name)", isDirectory: &isFolder)
                && !isFolder.boolValue
        }.sorted()
    }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }

    /// Sets when a file was last written, in seconds of unix time.
    func age(_ name: String, toSeconds seconds: Int) throws {
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: TimeInterval(seconds))], ofItemAtPath: "\(path)/\(name)")
    }

    func permissions(_ name: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")[.posixPermissions] as? Int
    }
}
