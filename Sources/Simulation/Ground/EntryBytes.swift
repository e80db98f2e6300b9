import Core
import Digests
import Engine

/// Reads the one encoding of entries that `docs/log-format.md` describes, independently of what writes it.
enum EntryBytes {
    private static let fixedByteCount = 32

    /// Where each entry of a buffer ends.
    static func ends(in bytes: UnsafeBufferPointer<UInt8>) -> [Int] {
        let raw = UnsafeRawBufferPointer(bytes)
        var ends: [Int] = []
        var offset = 0
        while offset < raw.count {
            offset += fixedByteCount
            for _ in 0..<3 { offset += 4 + length(in: raw, at: offset) }
            ends.append(offset)
        }
        return ends
    }

    /// The entry in a range of a buffer; nil when it is not what was written.
    static func entry(in bytes: [UInt8], _ range: Range<Int>, checksum: UInt32) -> EncodedEntry? {
        bytes.withUnsafeBytes { all in
            let raw = UnsafeRawBufferPointer(rebasing: all[range])
            guard CRC32C.checksum(of: raw) == checksum else { return nil }
            func number(_ offset: Int) -> UInt64 {
                UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            var offset = fixedByteCount
            func field() -> UnsafeRawBufferPointer? {
                guard offset + 4 <= raw.count else { return nil }
                let count = length(in: raw, at: offset)
                guard offset + 4 + count <= raw.count else { return nil }
                defer { offset += 4 + count }
                return UnsafeRawBufferPointer(rebasing: raw[offset + 4..<offset + 4 + count])
            }
            guard raw.count >= fixedByteCount, let stream = field(), let kind = field(), let body = field() else {
                return nil
            }
            let cause = number(24)
            return EncodedEntry(
                position: Position(number(0)), recordedAt: Timestamp(milliseconds: Int64(bitPattern: number(8))),
                stream: Stream(Text(String(decoding: stream, as: UTF8.self))), revision: Revision(number(16)),
                cause: cause == 0 ? nil : Position(cause), kind: Text(String(decoding: kind, as: UTF8.self)),
                body: Array(body))
        }
    }

    private static func length(in raw: UnsafeRawBufferPointer, at offset: Int) -> Int {
        Int(UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
}
