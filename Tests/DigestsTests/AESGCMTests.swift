import Testing

@testable import Digests

@Suite("AES-256-GCM")
struct AESGCMTests {
    /// Test cases 13 to 16 of the GCM specification (McGrew and Viega, appendix B), which NIST took over.
    @Test(
        "Published vectors",
        arguments: [
            (
                String(repeating: "00", count: 32), "000000000000000000000000", "", "",
                "530f8afbc74536b9a963b4f1c4cb738b"
            ),
            (
                String(repeating: "00", count: 32), "000000000000000000000000", String(repeating: "00", count: 16), "",
                "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
            ),
            (
                "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
                """
                d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255
                """, "",
                """
                522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad\
                b094dac5d93471bdec1a502270e3cc6c
                """
            ),
            (
                "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
                """
                d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39
                """, "feedfacedeadbeeffeedfacedeadbeefabaddad2",
                """
                522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662\
                76fc6ece0f4e1768cddf8853bb2d551b
                """
            ),
        ])
    func published(key: String, nonce: String, plaintext: String, additional: String, sealed: String) throws {
        let gcm = try #require(Hex.decode(key).flatMap { AESGCM(key: $0) })
        let nonce = try #require(Hex.decode(nonce))
        let plaintext = try #require(Hex.decode(plaintext))
        let additional = try #require(Hex.decode(additional))
        var output: [UInt8] = [7]
        gcm.seal(plaintext, nonce: nonce, additionalData: additional, appendingTo: &output)
        #expect(Hex.encode(output) == "07" + sealed)
        let opened = try gcm.open(Array(output.dropFirst()), nonce: nonce, additionalData: additional)
        #expect(opened == plaintext)
    }

    @Test("One context serves many messages, and every changed bit is refused")
    func changes() throws {
        let gcm = try #require(AESGCM(key: SecureRandom.bytes(32)))
        for count in [0, 1, 15, 16, 17, 40] {
            let plaintext = SecureRandom.bytes(count)
            let nonce = SecureRandom.bytes(12)
            var sealed: [UInt8] = []
            gcm.seal(plaintext, nonce: nonce, additionalData: [1, 2], appendingTo: &sealed)
            for index in sealed.indices {
                var changed = sealed
                changed[index] ^= 0x10
                #expect(throws: AESGCMError.authenticationFailed) {
                    try gcm.open(changed, nonce: nonce, additionalData: [1, 2])
                }
            }
            #expect(throws: AESGCMError.authenticationFailed) { try gcm.open(sealed, nonce: nonce) }
            #expect(try gcm.open(sealed, nonce: nonce, additionalData: [1, 2]) == plaintext)
        }
    }

    @Test("Sealing and opening work in place")
    func inPlace() throws {
        let gcm = try #require(AESGCM(key: SecureRandom.bytes(32)))
        let plaintext = SecureRandom.bytes(1_000)
        let nonce = SecureRandom.bytes(12)
        var buffer = plaintext + [UInt8](repeating: 0, count: 16)
        try buffer.withUnsafeMutableBytes { buffer in
            let text = UnsafeMutableRawBufferPointer(rebasing: buffer[..<1_000])
            try nonce.withUnsafeBytes { nonce in
                gcm.seal(UnsafeRawBufferPointer(text), nonce: nonce, into: buffer)
                #expect(!text.elementsEqual(plaintext))
                try gcm.open(UnsafeRawBufferPointer(buffer), nonce: nonce, into: text)
            }
        }
        #expect(Array(buffer.prefix(1_000)) == plaintext)
    }

    @Test("Wrong sizes are refused")
    func sizes() throws {
        #expect(AESGCM(key: SecureRandom.bytes(16)) == nil)
        let gcm = try #require(AESGCM(key: SecureRandom.bytes(32)))
        #expect(throws: AESGCMError.badLength(byteCount: 15)) {
            try gcm.open([UInt8](repeating: 0, count: 15), nonce: [UInt8](repeating: 0, count: 12))
        }
    }
}
