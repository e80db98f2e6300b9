import COpenSSL

/// HMAC with SHA-256 (RFC 2104).
public enum HMACSHA256 {
    /// The authentication code of `message` under `key`. Any key length works; 32 random bytes are right.
    public static func code(of message: [UInt8], key: [UInt8]) -> Digest {
        precondition(key.count <= Int32.max, "an HMAC key of \(key.count) bytes is too long")
        return withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { output in
            let base = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
            let result = key.withUnsafeBytes { key in
                HMAC(Algorithms.sha256, key.baseAddress, Int32(key.count), message, message.count, base, nil)
            }
            precondition(result != nil, "HMAC-SHA-256 failed")
            return Digest(unchecked: UnsafeRawBufferPointer(output))
        }
    }

    /// Whether `code` is the authentication code of `message` under `key`. Takes the same time wherever they differ.
    public static func isValid(_ code: [UInt8], of message: [UInt8], key: [UInt8]) -> Bool {
        constantTimeEqual(code, self.code(of: message, key: key).bytes)
    }
}
