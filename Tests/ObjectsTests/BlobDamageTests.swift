import Digests
import Objects
import Testing

@Suite("Damaged blobs")
struct BlobDamageTests {
    @Test("Cut off anywhere, a blob is refused")
    func cuts() throws {
        for count in 0..<Blobs.sample.count {
            let error = Blobs.error(Array(Blobs.sample.prefix(count)), key: Blobs.sampleKey)
            try #require(error == .truncated(afterByteCount: UInt64(count)))
        }
    }

    @Test("Cut off around every boundary, a blob of several chunks is refused")
    func cutsAtBoundaries() throws {
        let chunks = Blobs.chunks(pieces(Blobs.frame(SecureRandom.bytes(30_000)), byteCount: 10_000))
        let blob = chunks.flatMap { $0 } + Blobs.end
        var boundary = 0
        for chunk in chunks {
            for count in [boundary, boundary + 1, boundary + 4, boundary + 16, boundary + chunk.count - 1] {
                #expect(Blobs.error(Array(blob.prefix(count))) == .truncated(afterByteCount: UInt64(count)))
            }
            boundary += chunk.count
        }
    }

    @Test("A flipped bit anywhere is noticed")
    func flips() throws {
        let blob = Blobs.blob(pieces(Blobs.frame(SecureRandom.bytes(300)), byteCount: 100))
        for index in blob.indices {
            for bit in [0, 7] {
                var changed = blob
                changed[index] ^= 1 << bit
                try #require(Blobs.error(changed) != nil, "byte \(index)")
            }
        }
        for index in stride(from: 4, to: Blobs.sample.count - 4, by: 61) {
            var changed = Blobs.sample
            changed[index] ^= 1
            try #require(Blobs.error(changed, key: Blobs.sampleKey) == .authenticationFailed(chunk: 1))
        }
    }

    @Test("Another key opens nothing")
    func wrongKey() throws {
        var key = Blobs.sampleKey
        key[31] ^= 1
        #expect(Blobs.error(Blobs.sample, key: key) == .authenticationFailed(chunk: 1))
    }

    @Test("Bytes behind the end are refused", arguments: [1, 7, 65_536])
    func trailing(pieceByteCount: Int) {
        let blob = Blobs.sample + [0]
        #expect(
            Blobs.error(blob, key: Blobs.sampleKey, pieceByteCount: pieceByteCount)
                == .trailingBytes(endByteCount: UInt64(Blobs.sample.count)))
    }

    @Test("Impossible lengths are refused at once", arguments: [1, 27, 1_048_605, .max] as [UInt32])
    func lengths(length: UInt32) {
        let blob = withUnsafeBytes(of: length.bigEndian) { Array($0) }
        #expect(Blobs.error(blob) == .badChunkLength(length, chunk: 1))
    }

    @Test("What is sealed but no zstd frame is refused, also when much more follows")
    func invalidCompression() {
        let noise = [[UInt8]](repeating: SecureRandom.bytes(1 << 20), count: 3)
        #expect(
            Blobs.error(Blobs.blob([[1]] + noise)) == .badCompression(reason: "it does not start like a zstd frame"))
        // Right in the first bytes only: an invalid block type.
        let start: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0xff, 0xff, 0xff]
        guard case .badCompression = Blobs.error(Blobs.blob([start] + noise)) else {
            Issue.record("an invalid block went through")
            return
        }
    }

    @Test("A skippable frame is no dump")
    func skippable() {
        let frame: [UInt8] = [0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9]
        #expect(Blobs.error(Blobs.blob([frame])) == .badCompression(reason: "it does not start like a zstd frame"))
    }

    @Test("An unfinished frame is refused wherever it stops")
    func unfinished() throws {
        let frame = Blobs.frame(SecureRandom.bytes(5_000))
        for count in 1..<frame.count where count < 40 || count > frame.count - 20 {
            try #require(Blobs.error(Blobs.blob([Array(frame.prefix(count))])) == .unfinishedCompression, "\(count)")
        }
    }

    @Test("A second frame, and anything else behind the first, is refused")
    func several() {
        let frame = Blobs.frame([1, 2, 3])
        #expect(Blobs.error(Blobs.blob([frame + frame])) == .dataAfterFrame)
        #expect(Blobs.error(Blobs.blob([frame, frame])) == .dataAfterFrame)
        #expect(Blobs.error(Blobs.blob([frame, [0]])) == .dataAfterFrame)
        #expect(Blobs.error(Blobs.blob([frame, []])) == nil)
    }

    @Test("A wrong checksum is refused")
    func checksum() {
        var frame = Blobs.frame(Array("some dump".utf8))
        frame[frame.count - 1] ^= 1
        #expect(Blobs.error(Blobs.blob([frame])) == .badCompression(reason: "its checksum does not match its content"))
    }

    @Test("A window of 8 MiB is accepted, a larger one is not")
    func window() throws {
        let plaintext = SecureRandom.bytes(1_000)
        #expect(try Blobs.read(Blobs.blob([Blobs.frame(plaintext, windowLog: 23)])).0 == plaintext)
        #expect(
            Blobs.error(Blobs.blob([Blobs.frame(plaintext, windowLog: 24)]))
                == .badCompression(reason: "it asks for a window of more than 8 MiB"))
    }

    @Test("A small blob that grows too large is stopped")
    func bomb() throws {
        let blob = Blobs.blob([Blobs.frame([UInt8](repeating: 0, count: 1 << 20))])
        #expect(try Blobs.read(blob, maximum: 1 << 20).0.count == 1 << 20)
        #expect(throws: BlobError.plaintextTooLarge(maximumByteCount: (1 << 20) - 1)) {
            try Blobs.read(blob, maximum: (1 << 20) - 1)
        }
    }

    @Test("Swapped, doubled or removed chunks are found by zstd, or by the digest")
    func chunkOrder() throws {
        let chunks = Blobs.chunks(pieces(Blobs.frame(SecureRandom.bytes(40_000)), byteCount: 10_000))
        let blob = chunks.flatMap { $0 } + Blobs.end
        let good = try Blobs.read(blob, decompresses: false).1
        var swapped = chunks
        swapped.swapAt(1, 2)
        var removed = chunks
        removed.remove(at: 1)
        for order in [swapped, removed, chunks.dropLast(), chunks + [chunks[1]], []] {
            let changed = order.flatMap { $0 } + Blobs.end
            if !order.isEmpty { #expect(Blobs.error(changed) != nil) }
            #expect(try Blobs.read(changed, decompresses: false).1.digest != good.digest)
        }
    }

    private func pieces(_ bytes: [UInt8], byteCount: Int) -> [[UInt8]] {
        stride(from: 0, to: bytes.count, by: byteCount).map { Array(bytes[$0...].prefix(byteCount)) }
    }
}
