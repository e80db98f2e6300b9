import COpenSSL

/// Unpredictable bytes for keys and nonces, from OpenSSL's generator, which the kernel seeds.
public enum SecureRandom {
    /// `count` fresh bytes. Traps when the system has no randomness: going on would make guessable keys.
    public static func bytes(_ count: Int) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        result.withUnsafeMutableBytes { fill($0) }
        return result
    }

    /// Random text of digits and Latin letters, each with 5.95 random bits: 32 of them have 190.
    public static func alphanumerics(_ count: Int) -> String {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        var characters: [UInt8] = []
        while characters.count < count {
            // Bytes beyond four whole alphabets are left out, or some characters would come more often.
            for byte in bytes(count - characters.count) where byte < 248 {
                characters.append(alphabet[Int(byte % 62)])
            }
        }
        return String(decoding: characters, as: UTF8.self)
    }

    /// Fills `output` with fresh bytes, at most 2 GiB at a time.
    public static func fill(_ output: UnsafeMutableRawBufferPointer) {
        precondition(output.count < Int32.max, "too many random bytes at once")
        let base = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        precondition(output.isEmpty || RAND_bytes(base, Int32(output.count)) == 1, "the system has no randomness")
    }
}
