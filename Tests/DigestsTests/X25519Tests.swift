import Testing

@testable import Digests

@Suite("X25519")
struct X25519Tests {
    /// RFC 7748, section 6.1.
    @Test("Key agreement of RFC 7748")
    func published() throws {
        let alice = try key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
        let bob = try key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
        #expect(
            Hex.encode(alice.publicKey.bytes) == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
        #expect(Hex.encode(bob.publicKey.bytes) == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
        let shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
        #expect(alice.sharedSecret(with: bob.publicKey).map { Hex.encode($0) } == shared)
        #expect(bob.sharedSecret(with: alice.publicKey).map { Hex.encode($0) } == shared)
    }

    @Test("Generated keys differ and agree; a key of low order gives no secret")
    func generated() throws {
        let one = X25519.PrivateKey.generate()
        let two = X25519.PrivateKey.generate()
        #expect(one != two)
        #expect(one.sharedSecret(with: two.publicKey) == two.sharedSecret(with: one.publicKey))
        let zero = try #require(X25519.PublicKey([UInt8](repeating: 0, count: 32)))
        #expect(one.sharedSecret(with: zero) == nil)
        #expect(X25519.PublicKey([1, 2]) == nil)
        #expect(X25519.PrivateKey([1, 2]) == nil)
    }

    @Test("A private key does not print itself")
    func hidden() {
        let key = X25519.PrivateKey.generate()
        #expect(!"\(key)".contains(Hex.encode(key.bytes)))
    }

    private func key(_ hex: String) throws -> X25519.PrivateKey {
        try #require(Hex.decode(hex).flatMap { X25519.PrivateKey($0) })
    }
}
