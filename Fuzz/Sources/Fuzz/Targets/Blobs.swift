import Digests

@testable import Objects

extension Target {
    private static let key = [UInt8](0..<32)
    private static let limit: UInt64 = 1 << 20

    /// A backup object: as it comes, with sealed chunks of any content, and a sound one that was changed.
    static let blob = Target(name: "blob", maximumByteCount: 4_096, seeds: blobSeeds) { bytes in
        var feed = Feed(bytes)
        let form = feed.byte()
        switch form & 3 {
        case 0: _ = read(feed.remainder(), cut: form >> 2, decompresses: true)
        case 1: _ = read(seal(&feed), cut: form >> 2, decompresses: form & 4 == 0)
        case 2: roundTrip(feed.remainder(), cut: form >> 2)
        default: change(&feed, cut: form >> 2)
        }
    }

    /// Reads in pieces of some size; nil when it is refused.
    private static func read(_ blob: [UInt8], cut: UInt8, decompresses: Bool) -> [UInt8]? {
        var output: [UInt8] = []
        do {
            let reader = try BlobReader(
                dataKey: key, decompresses: decompresses, maximumPlaintextByteCount: limit
            ) { output += $0 }
            var rest = blob[...]
            while !rest.isEmpty {
                let piece = cut == 0 ? rest : rest.prefix(Int(cut) * 7)
                rest = rest.dropFirst(piece.count)
                try reader.write(Array(piece))
                promise(UInt64(output.count) <= limit, "no more than is allowed")
            }
            let summary = try reader.finish()
            promise(summary.byteCount == UInt64(blob.count), "all bytes count")
            promise(summary.digest == SHA256.digest(of: blob), "the digest is the blob's")
            promise(summary.plaintextByteCount == UInt64(output.count), "all output counts")
            return output
        } catch {
            promise(error is BlobError, "a blob's own error: \(error)")
            promise(UInt64(output.count) <= limit, "no more than is allowed")
            return nil
        }
    }

    /// Chunks of any content under the right key: the way to the decompressor.
    private static func seal(_ feed: inout Feed) -> [UInt8] {
        guard let gcm = AESGCM(key: key) else { fatalError("32 bytes are a key") }
        var blob: [UInt8] = []
        while !feed.isEmpty {
            let piece = feed.piece()
            var sealed = [UInt8](repeating: UInt8(blob.count & 0xFF), count: AESGCM.nonceByteCount)
            gcm.seal(piece, nonce: sealed, additionalData: [], appendingTo: &sealed)
            withUnsafeBytes(of: UInt32(sealed.count).bigEndian) { blob += $0 }
            blob += sealed
        }
        return blob + [0, 0, 0, 0]
    }

    private static func write(_ dump: [UInt8]) -> [UInt8] {
        var blob: [UInt8] = []
        do {
            let writer = try BlobWriter(dataKey: key) { blob += $0 }
            try writer.write(dump)
            let summary = try writer.finish()
            promise(summary.byteCount == UInt64(blob.count), "all bytes count")
        } catch {
            fatalError("broken: nothing is wrong with a dump: \(error)")
        }
        return blob
    }

    private static func roundTrip(_ dump: [UInt8], cut: UInt8) {
        promise(read(write(dump), cut: cut, decompresses: true) == dump, "what is written is read")
    }

    private static func change(_ feed: inout Feed, cut: UInt8) {
        let changes = feed.shortPiece()
        let dump = feed.remainder()
        var blob = write(dump)
        for pair in stride(from: 0, to: changes.count - 1, by: 2) {
            blob[Int(changes[pair]) * blob.count / 256] ^= changes[pair + 1]
        }
        guard let output = read(blob, cut: cut, decompresses: true) else { return }
        promise(output == dump, "a changed blob gives the dump or nothing")
    }

    private static func compressed(_ dump: [UInt8]) throws -> [UInt8] {
        var stream: [UInt8] = []
        let reader = try BlobReader(dataKey: key, decompresses: false) { stream += $0 }
        try reader.write(write(dump))
        return stream
    }

    private static func blobSeeds() throws -> [[UInt8]] {
        let foreign = try Seeds.blob()
        let dump = Array("INSERT INTO t VALUES (1);\n".utf8)
        let many = (0..<40).flatMap { _ in dump }
        let stream = try compressed(many)
        // A few bytes that become more than is allowed.
        let bomb = try compressed([UInt8](repeating: 0, count: 3 << 20))
        return [
            [0] + foreign.prefix(4_000), [0] + write(dump), [8] + write([]), [1] + Feed.piece(stream),
            [1] + Feed.piece(bomb),
            [1] + Feed.piece(Array(stream.prefix(9))) + Feed.piece(Array(stream.dropFirst(9))),
            [5] + Feed.piece(stream),
            [1] + Feed.piece([0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xFF]), [2] + many, [6], [3, 2, 7, 1] + many,
            [3, 0] + dump,
        ]
    }
}
