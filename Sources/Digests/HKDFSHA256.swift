/// HKDF with SHA-256 (RFC 5869): keys for separate uses from one secret.
public enum HKDFSHA256 {
    /// Derives `byteCount` bytes (1 to 8 160).
    ///
    /// - Parameters:
    ///   - secret: input key material with enough entropy; not a password.
    ///   - salt: may be empty, which stands for 32 zero bytes as the RFC says.
    ///   - info: names the use, so that two uses never get the same key.
    public static func derive(secret: [UInt8], salt: [UInt8], info: [UInt8], byteCount: Int) -> [UInt8] {
        precondition((1...(255 * Digest.byteCount)).contains(byteCount), "HKDF cannot give \(byteCount) bytes")
        let pseudorandomKey = HMACSHA256.code(of: secret, key: salt).bytes
        var result: [UInt8] = []
        var block: [UInt8] = []
        var counter: UInt8 = 0
        while result.count < byteCount {
            counter += 1
            block = HMACSHA256.code(of: block + info + [counter], key: pseudorandomKey).bytes
            result += block
        }
        return Array(result.prefix(byteCount))
    }

    /// Derives bytes with the UTF-8 of `info` as the name of the use.
    public static func derive(secret: [UInt8], salt: [UInt8], info: String, byteCount: Int) -> [UInt8] {
        derive(secret: secret, salt: salt, info: Array(info.utf8), byteCount: byteCount)
    }
}
