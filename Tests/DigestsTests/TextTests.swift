import Testing

@testable import Digests

@Suite("Hex, base64, randomness, constant time")
struct TextTests {
    /// RFC 4648, section 10.
    @Test(
        "Base64 of RFC 4648",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func base64(text: String, encoded: String) {
        let bytes = Array(text.utf8)
        #expect(Base64.encode(bytes) == encoded)
        #expect(Base64.decode(encoded) == bytes)
        let bare = String(encoded.prefix { $0 != "=" })
        #expect(Base64.encodeURL(bytes) == bare)
        #expect(Base64.decodeURL(bare) == bytes)
    }

    @Test("The two alphabets differ where they should")
    func alphabets() {
        #expect(Base64.encode([0xfb, 0xff]) == "+/8=")
        #expect(Base64.encodeURL([0xfb, 0xff]) == "-_8")
        #expect(Base64.decode("-_8=") == nil)
        #expect(Base64.decodeURL("+/8") == nil)
    }

    @Test(
        "What is not base64 is nothing",
        arguments: ["Zg", "Zg=", "Zg===", "=", "==", "====", "Zm8=Zm8=", "Zm 8", "Zm9v\n", "Zh==", "A", "Ä==="])
    func notBase64(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test("What is not URL-safe base64 is nothing", arguments: ["Zg==", "A", "Zh", "Z g", "AAAAA"])
    func notBase64URL(text: String) {
        #expect(Base64.decodeURL(text) == nil)
    }

    @Test("Every length survives hex and base64")
    func roundTrips() {
        for count in 0..<70 {
            let bytes = SecureRandom.bytes(count)
            #expect(Hex.decode(Hex.encode(bytes)) == bytes)
            #expect(Hex.decode(Hex.encode(bytes).uppercased()) == bytes)
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
            #expect(Base64.decodeURL(Base64.encodeURL(bytes)) == bytes)
        }
    }

    @Test("What is not hex is nothing", arguments: ["0", "0g", "abc", " 00", "0x00", "٠٠"])
    func notHex(text: String) {
        #expect(Hex.decode(text) == nil)
    }

    @Test("Equality looks at every byte")
    func equality() {
        let bytes = SecureRandom.bytes(33)
        #expect(constantTimeEqual(bytes, bytes))
        #expect(constantTimeEqual([], []))
        #expect(!constantTimeEqual(bytes, Array(bytes.dropLast())))
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 1
            #expect(!constantTimeEqual(bytes, changed))
        }
    }

    @Test("Random bytes differ from call to call")
    func random() {
        #expect(SecureRandom.bytes(32) != SecureRandom.bytes(32))
        #expect(SecureRandom.bytes(0).isEmpty)
    }

    @Test("Random text has its length, and each of its 62 characters about as often as the others")
    func alphanumerics() {
        #expect(SecureRandom.alphanumerics(0).isEmpty)
        #expect(SecureRandom.alphanumerics(32).utf8.count == 32)
        var counts: [Character: Int] = [:]
        for character in SecureRandom.alphanumerics(620_000) { counts[character, default: 0] += 1 }
        #expect(counts.count == 62)
        // Ten thousand each, give or take eight standard deviations.
        #expect(counts.values.allSatisfy { (9_200...10_800).contains($0) })
    }
}
