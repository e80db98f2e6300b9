/// Digits of base 16.
enum Hexadecimal {
    static let lowercaseDigits = Array("0123456789abcdef".utf8)
    static let uppercaseDigits = Array("0123456789ABCDEF".utf8)

    static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(digit - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(digit - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    static func encode(_ bytes: [UInt8], _ digits: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return text
    }
}

/// Bytes that betray a secret, and whether the characters beside them betray a few bits more.
struct SecretPattern: Sendable {
    var bytes: [UInt8]
    /// The base64 characters before and after mix bits of the secret with bits of its neighbours.
    var sharesFirst = false
    var sharesLast = false
    /// Whether this is the secret and not another way to write it.
    var isSecretItself = false

    /// Every form in which a secret is looked for, but for what a ``Reading`` undoes. Each has at least 4 bytes if the
    /// secret has.
    static func all(of secret: [UInt8]) -> [SecretPattern] {
        var patterns = [SecretPattern(bytes: secret, isSecretItself: true)]
        for digits in [Hexadecimal.lowercaseDigits, Hexadecimal.uppercaseDigits] {
            add(SecretPattern(bytes: Hexadecimal.encode(secret, digits)), to: &patterns)
        }
        for offset in 0..<3 {
            add(base64(secret, offset: offset, standardAlphabet), to: &patterns)
            add(base64(secret, offset: offset, urlAlphabet), to: &patterns)
        }
        for between in [" ", ", ", ","] { add(listed(secret, between) { Array(String($0).utf8) }, to: &patterns) }
        for digits in [Hexadecimal.lowercaseDigits, Hexadecimal.uppercaseDigits] {
            for between in [" ", ":", ", 0x"] {
                add(listed(secret, between) { Hexadecimal.encode([$0], digits) }, to: &patterns)
            }
        }
        return patterns
    }

    private static func add(_ pattern: SecretPattern, to patterns: inout [SecretPattern]) {
        if !patterns.contains(where: { $0.bytes == pattern.bytes }) { patterns.append(pattern) }
    }

    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    private static let standardAlphabet = letters + Array("+/".utf8)
    private static let urlAlphabet = letters + Array("-_".utf8)

    /// The characters that depend on the secret alone when `offset` bytes (modulo 3) stand before it. Padding does not
    /// come into it: the last character that is not whole is `sharesLast`.
    private static func base64(_ secret: [UInt8], offset: Int, _ alphabet: [UInt8]) -> SecretPattern {
        // As many of the first bits share a character with what stands before.
        let sharedCount = (6 - offset * 8 % 6) % 6
        var characters: [UInt8] = []
        characters.reserveCapacity(secret.count * 4 / 3)
        // What was read and is not yet in a character, in the lowest bits.
        var (bits, bitCount) = (0 as UInt32, -sharedCount)
        for byte in secret {
            bits = bits << 8 | UInt32(byte)
            bitCount += 8
            while bitCount >= 6 {
                bitCount -= 6
                characters.append(alphabet[Int(bits >> UInt32(bitCount) & 63)])
            }
        }
        return SecretPattern(bytes: characters, sharesFirst: sharedCount > 0, sharesLast: bitCount > 0)
    }

    /// Byte by byte, as Go and others print bytes: `[104 117 110]`, `68:75:6e`, `0x68, 0x75, 0x6e`.
    private static func listed(_ secret: [UInt8], _ between: String, _ digits: (UInt8) -> [UInt8]) -> SecretPattern {
        let between = Array(between.utf8)
        var bytes: [UInt8] = []
        for byte in secret {
            if !bytes.isEmpty { bytes += between }
            bytes += digits(byte)
        }
        return SecretPattern(bytes: bytes)
    }

    static func isBase64(_ byte: UInt8) -> Bool {
        standardAlphabet.contains(byte) || urlAlphabet.contains(byte)
    }
}
