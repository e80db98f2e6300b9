/// Base64 of RFC 4648: the standard alphabet with padding (section 4), and the URL-safe one without (section 5).
///
/// Decoding is strict: no white space, no missing or superfluous padding, no stray bits in the last character, so that
/// each byte string has exactly one text.
public enum Base64 {
    /// Standard alphabet, padded.
    public static func encode(_ bytes: [UInt8]) -> String {
        encode(bytes, alphabet: standard, isPadded: true)
    }

    /// The bytes of standard, padded text; `nil` when it is anything else.
    public static func decode(_ text: String) -> [UInt8]? {
        var characters = Array(text.utf8)
        guard characters.count.isMultiple(of: 4) else { return nil }
        for _ in 0..<2 where characters.last == UInt8(ascii: "=") { characters.removeLast() }
        return decode(characters, values: standardValues)
    }

    /// URL-safe alphabet, not padded.
    public static func encodeURL(_ bytes: [UInt8]) -> String {
        encode(bytes, alphabet: urlSafe, isPadded: false)
    }

    /// The bytes of URL-safe text without padding; `nil` when it is anything else.
    public static func decodeURL(_ text: String) -> [UInt8]? {
        decode(Array(text.utf8), values: urlSafeValues)
    }
}

extension Base64 {
    private static let common = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    private static let standard = Array((common + "+/").utf8)
    private static let urlSafe = Array((common + "-_").utf8)
    private static let standardValues = values(of: standard)
    private static let urlSafeValues = values(of: urlSafe)
    private static let none: UInt8 = 0xff

    private static func values(of alphabet: [UInt8]) -> [UInt8] {
        var table = [UInt8](repeating: none, count: 256)
        for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
        return table
    }

    private static func encode(_ bytes: [UInt8], alphabet: [UInt8], isPadded: Bool) -> String {
        var output: [UInt8] = []
        output.reserveCapacity((bytes.count + 2) / 3 * 4)
        var buffer: UInt32 = 0
        var bitCount: UInt32 = 0
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bitCount += 8
            while bitCount >= 6 {
                bitCount -= 6
                output.append(alphabet[Int(buffer >> bitCount & 63)])
            }
        }
        if bitCount > 0 { output.append(alphabet[Int(buffer << (6 - bitCount) & 63)]) }
        while isPadded, !output.count.isMultiple(of: 4) { output.append(UInt8(ascii: "=")) }
        return String(decoding: output, as: UTF8.self)
    }

    private static func decode(_ characters: [UInt8], values: [UInt8]) -> [UInt8]? {
        guard characters.count % 4 != 1 else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(characters.count / 4 * 3 + 2)
        var buffer: UInt32 = 0
        var bitCount: UInt32 = 0
        for character in characters {
            let value = values[Int(character)]
            guard value != none else { return nil }
            buffer = buffer << 6 | UInt32(value)
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                output.append(UInt8(truncatingIfNeeded: buffer >> bitCount))
            }
        }
        guard buffer & ((1 << bitCount) - 1) == 0 else { return nil }
        return output
    }
}
