import COpenSSL

/// A sealed message was not accepted. Nothing of it may be used.
public enum AESGCMError: Error, Hashable, CustomStringConvertible {
    /// The tag does not fit: another key or nonce, other additional data, or changed bytes.
    case authenticationFailed
    /// Shorter than a tag, or longer than 2 GiB.
    case badLength(byteCount: Int)

    /// What was wrong.
    public var description: String {
        switch self {
        case .authenticationFailed: "authentication failed: the key is not the one it was sealed with, or bytes changed"
        case .badLength(let byteCount): "\(byteCount) bytes cannot be a sealed message"
        }
    }
}

/// AES-256-GCM (NIST SP 800-38D) with 96-bit nonces and 128-bit tags, set up once for many messages under one key.
///
/// A sealed message is `ciphertext | tag`. Never use a nonce twice under one key. Not for several threads at once.
public final class AESGCM {
    /// Bytes of a key.
    public static let keyByteCount = 32
    /// Bytes of a nonce.
    public static let nonceByteCount = 12
    /// Bytes that sealing adds.
    public static let tagByteCount = 16

    private let sealing: OpaquePointer
    private let opening: OpaquePointer

    /// Sets up both directions; `nil` when `key` has not exactly 32 bytes.
    public init?(key: [UInt8]) {
        guard key.count == Self.keyByteCount else { return nil }
        guard let sealing = EVP_CIPHER_CTX_new(), let opening = EVP_CIPHER_CTX_new() else {
            preconditionFailure("out of memory for an AES-GCM context")
        }
        self.sealing = sealing
        self.opening = opening
        precondition(
            EVP_EncryptInit_ex(sealing, Algorithms.aes256GCM, nil, key, nil) == 1
                && EVP_DecryptInit_ex(opening, Algorithms.aes256GCM, nil, key, nil) == 1,
            "AES-256-GCM set-up failed")
    }

    deinit {
        // Freeing also clears the key schedule.
        EVP_CIPHER_CTX_free(sealing)
        EVP_CIPHER_CTX_free(opening)
    }

    /// Seals into `output`, which has room for exactly the plaintext and the tag and may start at the plaintext itself.
    public func seal(
        _ plaintext: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer,
        additionalData: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        into output: UnsafeMutableRawBufferPointer
    ) {
        precondition(nonce.count == Self.nonceByteCount, "a nonce has 12 bytes, not \(nonce.count)")
        precondition(output.count == plaintext.count + Self.tagByteCount, "the output has not the sealed size")
        precondition(plaintext.count < Int32.max && additionalData.count < Int32.max, "too long to seal at once")
        var written: Int32 = 0
        var isDone = EVP_EncryptInit_ex(sealing, nil, nil, nil, nonce.bytes) == 1
        if additionalData.count > 0 {
            isDone =
                isDone
                && EVP_EncryptUpdate(sealing, nil, &written, additionalData.bytes, Int32(additionalData.count)) == 1
        }
        if plaintext.count > 0 {
            isDone =
                isDone
                && EVP_EncryptUpdate(sealing, output.bytes, &written, plaintext.bytes, Int32(plaintext.count)) == 1
        }
        let tag = output.baseAddress?.advanced(by: plaintext.count)
        isDone =
            isDone && EVP_EncryptFinal_ex(sealing, tag?.assumingMemoryBound(to: UInt8.self), &written) == 1
            && EVP_CIPHER_CTX_ctrl(sealing, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagByteCount), tag) == 1
        precondition(isDone, "AES-256-GCM sealing failed")
    }

    /// Seals and appends `ciphertext | tag` to `buffer`.
    public func seal(
        _ plaintext: [UInt8], nonce: [UInt8], additionalData: [UInt8] = [], appendingTo buffer: inout [UInt8]
    ) {
        let start = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: plaintext.count + Self.tagByteCount))
        buffer.withUnsafeMutableBytes { whole in
            let output = UnsafeMutableRawBufferPointer(rebasing: whole[start...])
            plaintext.withUnsafeBytes { plaintext in
                nonce.withUnsafeBytes { nonce in
                    additionalData.withUnsafeBytes {
                        seal(plaintext, nonce: nonce, additionalData: $0, into: output)
                    }
                }
            }
        }
    }

    /// Opens into `output`, which has room for exactly the plaintext and may start at the sealed bytes themselves.
    /// After a throw `output` holds unauthenticated bytes: discard them.
    public func open(
        _ sealed: UnsafeRawBufferPointer, nonce: UnsafeRawBufferPointer,
        additionalData: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        into output: UnsafeMutableRawBufferPointer
    ) throws(AESGCMError) {
        let byteCount = sealed.count - Self.tagByteCount
        guard byteCount >= 0, sealed.count < Int32.max, additionalData.count < Int32.max else {
            throw .badLength(byteCount: sealed.count)
        }
        precondition(nonce.count == Self.nonceByteCount, "a nonce has 12 bytes, not \(nonce.count)")
        precondition(output.count == byteCount, "the output has not the plaintext's size")
        var written: Int32 = 0
        var isDone = EVP_DecryptInit_ex(opening, nil, nil, nil, nonce.bytes) == 1
        if additionalData.count > 0 {
            isDone =
                isDone
                && EVP_DecryptUpdate(opening, nil, &written, additionalData.bytes, Int32(additionalData.count)) == 1
        }
        if byteCount > 0 {
            isDone = isDone && EVP_DecryptUpdate(opening, output.bytes, &written, sealed.bytes, Int32(byteCount)) == 1
        }
        // OpenSSL takes the expected tag through a mutable pointer but only copies from it.
        let tag = UnsafeMutableRawPointer(mutating: sealed.baseAddress?.advanced(by: byteCount))
        isDone = isDone && EVP_CIPHER_CTX_ctrl(opening, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagByteCount), tag) == 1
        var rest: UInt8 = 0  // GCM leaves nothing for the final step; it must not get a null pointer all the same
        guard isDone, EVP_DecryptFinal_ex(opening, &rest, &written) == 1 else { throw .authenticationFailed }
    }

    /// Opens `ciphertext | tag`.
    public func open(_ sealed: [UInt8], nonce: [UInt8], additionalData: [UInt8] = []) throws(AESGCMError) -> [UInt8] {
        guard sealed.count >= Self.tagByteCount, nonce.count == Self.nonceByteCount else {
            throw .badLength(byteCount: sealed.count)
        }
        var plaintext = [UInt8](repeating: 0, count: sealed.count - Self.tagByteCount)
        let failure: AESGCMError? = plaintext.withUnsafeMutableBytes { output in
            sealed.withUnsafeBytes { sealed in
                nonce.withUnsafeBytes { nonce in
                    additionalData.withUnsafeBytes { additionalData in
                        do throws(AESGCMError) {
                            try open(sealed, nonce: nonce, additionalData: additionalData, into: output)
                            return nil
                        } catch {
                            return error
                        }
                    }
                }
            }
        }
        if let failure { throw failure }
        return plaintext
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var bytes: UnsafePointer<UInt8>? { baseAddress?.assumingMemoryBound(to: UInt8.self) }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate var bytes: UnsafeMutablePointer<UInt8>? { baseAddress?.assumingMemoryBound(to: UInt8.self) }
}
