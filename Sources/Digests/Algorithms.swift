import COpenSSL

/// Algorithms fetched once: OpenSSL 3 looks `EVP_sha256()` and its like up again on every use, which costs more than
/// hashing a short entry. Source: OpenSSL 3.0 manual, crypto(7), "Performance".
enum Algorithms {
    // OpenSSL documents fetched algorithm objects as immutable and shareable between threads.
    nonisolated(unsafe) static let sha256: OpaquePointer = required(EVP_MD_fetch(nil, "SHA2-256", nil), "SHA-256")
    nonisolated(unsafe) static let aes256GCM: OpaquePointer = required(
        EVP_CIPHER_fetch(nil, "AES-256-GCM", nil), "AES-256-GCM")

    private static func required(_ pointer: OpaquePointer?, _ name: String) -> OpaquePointer {
        guard let pointer else { preconditionFailure("\(name) is missing from the installed OpenSSL") }
        return pointer
    }
}
