import COpenSSL

/// SHA-256 (FIPS 180-4), streaming or at once. A value: a copy goes on independently from where it was made.
public struct SHA256: Sendable {
    private var context: Context

    /// A hash of no bytes yet.
    public init() {
        context = Context()
    }

    /// Hashes more bytes. Any count, also zero.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        if !isKnownUniquelyReferenced(&context) {
            context = Context(copying: context)
        }
        let isDone = EVP_DigestUpdate(context.pointer, base, bytes.count)
        precondition(isDone == 1, "SHA-256 update failed")
    }

    /// Hashes more bytes.
    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { update($0) }
    }

    /// The digest of everything hashed so far. Hashing may go on afterwards.
    public func finalize() -> Digest {
        Context(copying: context).finish()
    }

    /// The digest of `bytes`, without a streaming context.
    public static func digest(of bytes: UnsafeRawBufferPointer) -> Digest {
        withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { output in
            let isDone = EVP_Digest(
                bytes.baseAddress, bytes.count, output.baseAddress, nil, Algorithms.sha256, nil)
            precondition(isDone == 1, "SHA-256 failed")
            return Digest(unchecked: UnsafeRawBufferPointer(output))
        }
    }

    /// The digest of `bytes`.
    public static func digest(of bytes: [UInt8]) -> Digest {
        bytes.withUnsafeBytes { digest(of: $0) }
    }
}

extension SHA256 {
    /// Owns one OpenSSL context. Unchecked: written only while uniquely referenced, see `update`.
    private final class Context: @unchecked Sendable {
        let pointer: OpaquePointer

        private init(pointer: OpaquePointer?) {
            guard let pointer else { preconditionFailure("out of memory for a SHA-256 context") }
            self.pointer = pointer
        }

        convenience init() {
            self.init(pointer: EVP_MD_CTX_new())
            precondition(EVP_DigestInit_ex(pointer, Algorithms.sha256, nil) == 1, "SHA-256 is not available")
        }

        convenience init(copying other: Context) {
            self.init(pointer: EVP_MD_CTX_new())
            precondition(EVP_MD_CTX_copy_ex(pointer, other.pointer) == 1, "SHA-256 copy failed")
        }

        deinit { EVP_MD_CTX_free(pointer) }

        func finish() -> Digest {
            withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { output in
                let base = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
                precondition(EVP_DigestFinal_ex(pointer, base, nil) == 1, "SHA-256 final failed")
                return Digest(unchecked: UnsafeRawBufferPointer(output))
            }
        }
    }
}
