import COpenSSL

/// CRC-32C (Castagnoli, polynomial 1EDC6F41 reflected, as in RFC 3720 appendix B.4), streaming or at once.
///
/// Uses the SSE 4.2 instruction where the processor has it, else tables of eight bytes a step. Finds accidental damage;
/// it is no defence against a person.
public struct CRC32C: Hashable, Sendable {
    private var register: UInt32 = .max

    /// A checksum of no bytes yet.
    public init() {}

    /// Takes in more bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        register = Self.isHardwareAvailable ? Self.hardware(register, bytes) : Self.software(register, bytes)
    }

    /// Takes in more bytes.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The checksum of everything taken in so far.
    public var value: UInt32 { ~register }

    /// The checksum of `bytes`.
    public static func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = CRC32C()
        checksum.update(bytes)
        return checksum.value
    }

    /// The checksum of `bytes`.
    public static func checksum(of bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes { checksum(of: $0) }
    }
}

extension CRC32C {
    static let isHardwareAvailable = backupy_crc32c_is_available() != 0

    static func hardware(_ register: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        guard let base = bytes.baseAddress else { return register }
        return backupy_crc32c_hardware(register, base, bytes.count)
    }

    /// Slicing-by-8: table k advances a byte by k further bytes, so eight look-ups take in a word.
    static func software(_ start: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        tables.withUnsafeBufferPointer { table in
            var register = start
            var offset = 0
            while bytes.count - offset >= 8 {
                let word =
                    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                    ^ UInt64(register)
                var next: UInt32 = 0
                for slice in 0..<8 {
                    next ^= table[(7 - slice) * 256 + Int(truncatingIfNeeded: (word >> (8 * UInt64(slice))) & 0xff)]
                }
                register = next
                offset += 8
            }
            while offset < bytes.count {
                register = table[Int((register ^ UInt32(bytes[offset])) & 0xff)] ^ (register >> 8)
                offset += 1
            }
            return register
        }
    }

    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 {
                value = (value & 1) == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1
            }
            tables[index] = value
        }
        for index in 256..<(8 * 256) {
            let shorter = tables[index - 256]
            tables[index] = (shorter >> 8) ^ tables[Int(shorter & 0xff)]
        }
        return tables
    }()
}
