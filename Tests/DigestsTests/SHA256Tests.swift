import Testing

@testable import Digests

@Suite("SHA-256, HMAC and HKDF")
struct SHA256Tests {
    @Test(
        "Published digests (FIPS 180-4 examples)",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func published(text: String, hex: String) {
        #expect(SHA256.digest(of: Array(text.utf8)).hex == hex)
        var hash = SHA256()
        for byte in text.utf8 { hash.update([byte]) }
        #expect(hash.finalize().hex == hex)
    }

    @Test("A copy goes on by itself, and finalizing does not end a hash")
    func copies() {
        var first = SHA256()
        first.update(Array("ab".utf8))
        var second = first
        second.update(Array("x".utf8))
        #expect(first.finalize() == SHA256.digest(of: Array("ab".utf8)))
        first.update(Array("c".utf8))
        #expect(first.finalize() == SHA256.digest(of: Array("abc".utf8)))
        #expect(second.finalize() == SHA256.digest(of: Array("abx".utf8)))
    }

    @Test("A digest keeps its bytes, reads its own hex and orders like its bytes")
    func digest() throws {
        let one = SHA256.digest(of: [1])
        #expect(Digest(one.bytes) == one)
        #expect(Digest(hex: one.hex.uppercased()) == one)
        #expect(Digest([UInt8](repeating: 0, count: 31)) == nil)
        #expect(Digest(hex: String(repeating: "0", count: 62)) == nil)
        let low = try #require(Digest([0] + [UInt8](repeating: 255, count: 31)))
        let high = try #require(Digest([1] + [UInt8](repeating: 0, count: 31)))
        #expect(low < high)
    }

    /// RFC 4231, test cases 1, 2, 3, 6 and 7.
    @Test(
        "HMAC of RFC 4231",
        arguments: [
            (
                String(repeating: "0b", count: 20), Hex.encode(Array("Hi There".utf8)),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
            ),
            (
                Hex.encode(Array("Jefe".utf8)), Hex.encode(Array("what do ya want for nothing?".utf8)),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
            ),
            (
                String(repeating: "aa", count: 20), String(repeating: "dd", count: 50),
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
            ),
            (
                String(repeating: "aa", count: 131),
                Hex.encode(Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
            ),
            (
                String(repeating: "aa", count: 131),
                Hex.encode(
                    Array(
                        """
                        This is a test using a larger than block-size key and a larger than block-size data. \
                        The key needs to be hashed before being used by the HMAC algorithm.
                        """.utf8)),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
            ),
        ])
    func hmac(key: String, message: String, code: String) throws {
        let key = try #require(Hex.decode(key))
        let message = try #require(Hex.decode(message))
        let expected = try #require(Hex.decode(code))
        #expect(HMACSHA256.code(of: message, key: key).bytes == expected)
        #expect(HMACSHA256.isValid(expected, of: message, key: key))
        #expect(!HMACSHA256.isValid(expected, of: message + [0], key: key))
        #expect(!HMACSHA256.isValid(Array(expected.dropLast()), of: message, key: key))
    }

    @Test("HMAC with an empty key and an empty message is defined")
    func emptyHMAC() {
        #expect(
            HMACSHA256.code(of: [], key: []).hex == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    /// RFC 5869, appendix A, test cases 1 to 3.
    @Test(
        "HKDF of RFC 5869",
        arguments: [
            (
                String(repeating: "0b", count: 22), "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
            ),
            (
                range(0x00, 0x4f), range(0x60, 0xaf), range(0xb0, 0xff),
                """
                b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
                da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87
                """
            ),
            (
                String(repeating: "0b", count: 22), "", "",
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
            ),
        ])
    func hkdf(secret: String, salt: String, info: String, output: String) throws {
        let derived = HKDFSHA256.derive(
            secret: try #require(Hex.decode(secret)), salt: try #require(Hex.decode(salt)),
            info: try #require(Hex.decode(info)), byteCount: output.utf8.count / 2)
        #expect(Hex.encode(derived) == output)
    }

    private static func range(_ first: UInt8, _ last: UInt8) -> String {
        Hex.encode(Array(first...last))
    }
}
