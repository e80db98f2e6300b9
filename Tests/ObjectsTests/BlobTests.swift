import Digests
import Objects
import Testing

@Suite("Blob format, version 1")
struct BlobTests {
    @Test("The recorded object of a reference agent is read", arguments: [1, 3, 4, 4_096, 1 << 20])
    func sample(pieceByteCount: Int) throws {
        let (plaintext, summary) = try Blobs.read(Blobs.sample, key: Blobs.sampleKey, pieceByteCount: pieceByteCount)
        #expect(summary.digest == Blobs.sampleDigest)
        #expect(summary.byteCount == 9_822)
        #expect(summary.plaintextByteCount == 14_789)
        #expect(SHA256.digest(of: plaintext) == Blobs.samplePlaintextDigest)
        #expect(plaintext.starts(with: Array("PGDMP".utf8)))
    }

    @Test("Without decompression the recorded object gives its zstd stream")
    func sampleStream() throws {
        let (stream, _) = try Blobs.read(Blobs.sample, key: Blobs.sampleKey, decompresses: false)
        #expect(stream.count == 9_786)
        #expect(stream.starts(with: [0x28, 0xb5, 0x2f, 0xfd]))
    }

    @Test("A dump of no bytes is a blob of just the end marker")
    func empty() throws {
        let (blob, summary) = try Blobs.write([])
        #expect(blob == Blobs.end)
        #expect(summary == BlobSummary(byteCount: 4, digest: SHA256.digest(of: blob), plaintextByteCount: 0))
        #expect(try Blobs.read(blob).0 == [])
        #expect(try Blobs.read(Blobs.blob([[]])).0 == [], "a chunk of no bytes is 28 long, which readers accept")
    }

    @Test("Dumps of every kind survive", arguments: [1, 100, 1 << 20, (3 << 20) + 77_777])
    func roundTrip(byteCount: Int) throws {
        let random = SecureRandom.bytes(byteCount)
        let text = Array(repeatElement(Array("INSERT INTO t VALUES (1);\n".utf8), count: byteCount / 26 + 1).joined())
        for plaintext in [random, text] {
            let (blob, summary) = try Blobs.write(plaintext)
            #expect(summary.digest == SHA256.digest(of: blob))
            #expect(summary.byteCount == UInt64(blob.count))
            #expect(summary.plaintextByteCount == UInt64(plaintext.count))
            let (back, readSummary) = try Blobs.read(blob)
            #expect(back == plaintext)
            #expect(readSummary == summary)
        }
    }

    @Test("All chunks but the last hold exactly 1 MiB of one zstd frame, as reference agents write them")
    func layout() throws {
        let plaintext = SecureRandom.bytes((3 << 20) + 5)
        let (blob, _) = try Blobs.write(plaintext)
        var lengths: [Int] = []
        var nonces: Set<[UInt8]> = []
        var rest = blob[...]
        while !rest.isEmpty {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            nonces.insert(Array(rest.dropFirst(4).prefix(12)))
            lengths.append(length)
            rest = rest.dropFirst(4 + length)
        }
        #expect(lengths.count == 5)
        #expect(lengths.prefix(3).allSatisfy { $0 == 1_048_604 })
        #expect(lengths.last == 0)
        #expect(nonces.count == 5, "four chunks and nothing behind the end")
        let (stream, _) = try Blobs.read(blob, decompresses: false)
        // RFC 8878, 3.1.1.1.1: bit 2 is the checksum, bits 7-6 and 5 together the size of the content size field.
        #expect(stream[4] & 0b1110_0100 == 0b0000_0100)
    }

    @Test("What zstd holds back because the output is full is not forgotten at the end")
    func heldBack() throws {
        // Blocks of 100, 128 Ki and 128 Ki bytes: the last does not fit the rest of a 256 KiB buffer, and no checksum
        // follows that would make zstd go on.
        let plaintext = [UInt8](repeating: 1, count: 100 + (2 << 17))
        let frame = Blobs.frame(plaintext, hasChecksum: false, flushedAfter: 100)
        #expect(try Blobs.read(Blobs.blob([frame])).0 == plaintext)
    }

    @Test("Several zstd threads write the same format")
    func workers() throws {
        let plaintext = Array(repeatElement(SecureRandom.bytes(1_000), count: 3_000).joined())
        var blob: [UInt8] = []
        let writer = try BlobWriter(dataKey: Blobs.key, workerCount: 2) { blob.append(contentsOf: $0) }
        try writer.write(plaintext)
        _ = try writer.finish()
        #expect(try Blobs.read(blob).0 == plaintext)
    }

    @Test("Sealed beside the compression, chunks are the same, in order, all of them, and so are size and digest")
    func overlapped() throws {
        let plaintext = SecureRandom.bytes(8_000_000)
        var blob: [UInt8] = []
        let writer = try BlobWriter(dataKey: Blobs.key, isOverlapped: true) { blob.append(contentsOf: $0) }
        for start in stride(from: 0, to: plaintext.count, by: 300_000) {
            try writer.write(Array(plaintext[start..<min(start + 300_000, plaintext.count)]))
        }
        let summary = try writer.finish()
        #expect(summary.byteCount == UInt64(blob.count))
        #expect(summary.digest == SHA256.digest(of: blob))
        #expect(summary.plaintextByteCount == 8_000_000)
        #expect(try Blobs.read(blob).0 == plaintext)
    }

    @Test("Sealed beside the compression, what the output throws still comes out, and nothing follows it")
    func overlappedOutputFails() throws {
        struct Full: Error {}
        var count = 0
        let writer = try BlobWriter(dataKey: Blobs.key, isOverlapped: true) { _ in
            count += 1
            throw Full()
        }
        #expect(throws: Full.self) {
            try writer.write(SecureRandom.bytes(16_000_000))
            _ = try writer.finish()
        }
        #expect(count == 1)
    }

    @Test("A writer that is let go of early has stopped calling its output")
    func overlappedAbandoned() throws {
        var blob: [UInt8] = []
        try {
            let writer = try BlobWriter(dataKey: Blobs.key, isOverlapped: true) { blob.append(contentsOf: $0) }
            try writer.write(SecureRandom.bytes(4_000_000))
        }()
        #expect(blob.count % 1_048_608 == 0, "whole chunks")
    }

    @Test("What the output throws comes out")
    func outputFails() throws {
        struct Full: Error {}
        let writer = try BlobWriter(dataKey: Blobs.key) { _ in throw Full() }
        try writer.write([1, 2, 3])
        #expect(throws: Full.self) { try writer.finish() }
        let reader = try BlobReader(dataKey: Blobs.sampleKey) { _ in throw Full() }
        #expect(throws: Full.self) { try reader.write(Blobs.sample) }
    }

    @Test("A key that is not 32 bytes long is refused")
    func keyLength() {
        #expect(throws: BlobError.badKeyLength(byteCount: 16)) {
            try BlobWriter(dataKey: [UInt8](repeating: 0, count: 16)) { _ in }
        }
        #expect(throws: BlobError.badKeyLength(byteCount: 0)) { try BlobReader(dataKey: []) { _ in } }
    }
}
