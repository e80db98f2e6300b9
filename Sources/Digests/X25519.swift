import COpenSSL

/// X25519 key agreement (RFC 7748).
public enum X25519 {
    /// Bytes of a key of either kind, and of a shared secret.
    public static let keyByteCount = 32

    /// A public key: any 32 bytes are one.
    public struct PublicKey: Hashable, Sendable {
        /// The 32 bytes as they are passed on.
        public let bytes: [UInt8]

        /// A key from exactly 32 bytes; `nil` for any other count.
        public init?(_ bytes: [UInt8]) {
            guard bytes.count == keyByteCount else { return nil }
            self.bytes = bytes
        }
    }

    /// A private key. Never printed: its description names no byte of it.
    public struct PrivateKey: Hashable, Sendable, CustomStringConvertible {
        /// The 32 secret bytes, for storing.
        public let bytes: [UInt8]
        /// The half that others seal to.
        public let publicKey: PublicKey

        /// A key from exactly 32 bytes; `nil` for any other count.
        public init?(_ bytes: [UInt8]) {
            guard bytes.count == keyByteCount, let key = X25519.privateHandle(bytes) else { return nil }
            defer { EVP_PKEY_free(key) }
            var publicBytes = [UInt8](repeating: 0, count: keyByteCount)
            var count = keyByteCount
            guard EVP_PKEY_get_raw_public_key(key, &publicBytes, &count) == 1, let publicKey = PublicKey(publicBytes)
            else {
                return nil
            }
            self.bytes = bytes
            self.publicKey = publicKey
        }

        /// A new random key.
        public static func generate() -> PrivateKey {
            guard let key = PrivateKey(SecureRandom.bytes(keyByteCount)) else {
                preconditionFailure("X25519 is missing from the installed OpenSSL")
            }
            return key
        }

        /// The secret that this key shares with the owner of `other`: input for ``HKDFSHA256``, not a key by itself.
        ///
        /// `nil` when `other` is one of the few keys of low order, with which everyone shares the same zero secret
        /// (RFC 7748, section 6.1).
        public func sharedSecret(with other: PublicKey) -> [UInt8]? {
            guard let own = X25519.privateHandle(bytes) else { return nil }
            defer { EVP_PKEY_free(own) }
            guard let peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nil, other.bytes, keyByteCount) else {
                return nil
            }
            defer { EVP_PKEY_free(peer) }
            guard let context = EVP_PKEY_CTX_new(own, nil) else { return nil }
            defer { EVP_PKEY_CTX_free(context) }
            var secret = [UInt8](repeating: 0, count: keyByteCount)
            var count = keyByteCount
            guard EVP_PKEY_derive_init(context) == 1, EVP_PKEY_derive_set_peer(context, peer) == 1,
                EVP_PKEY_derive(context, &secret, &count) == 1, count == keyByteCount
            else {
                ERR_clear_error()
                return nil
            }
            return secret
        }

        /// Says what it is and nothing of what it holds.
        public var description: String { "X25519 private key (hidden)" }
    }

    private static func privateHandle(_ bytes: [UInt8]) -> OpaquePointer? {
        EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nil, bytes, bytes.count)
    }
}
