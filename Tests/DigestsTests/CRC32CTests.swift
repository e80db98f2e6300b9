import Testing

@testable import Digests

@Suite("CRC-32C")
struct CRC32CTests {
    /// The check value, and RFC 3720, appendix B.4.
    @Test(
        "Published checksums",
        arguments: [
            (Array("123456789".utf8), 0xe306_9283),
            ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
            ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
            (Array(0..<32), 0x46dd_794e),
            ([], 0),
        ] as [([UInt8], UInt32)])
    func published(bytes: [UInt8], value: UInt32) {
        #expect(CRC32C.checksum(of: bytes) == value)
        #expect(bytes.withUnsafeBytes { ~CRC32C.software(.max, $0) } == value)
    }

    @Test("Instruction and tables agree at every length and split")
    func waysAgree() {
        let bytes = SecureRandom.bytes(100)
        for count in 0...bytes.count {
            let whole = bytes[..<count].withUnsafeBytes { ~CRC32C.software(.max, $0) }
            if CRC32C.isHardwareAvailable {
                #expect(bytes[..<count].withUnsafeBytes { ~CRC32C.hardware(.max, $0) } == whole)
            }
            var parts = CRC32C()
            parts.update(Array(bytes[..<(count / 3)]))
            parts.update(Array(bytes[(count / 3)..<count]))
            #expect(parts.value == whole)
        }
    }
}
