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
        bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
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
        let firstBit = offset * 8
        let endBit = firstBit + secret.count * 8
        let firstCharacter = (firstBit + 5) / 6
        let endCharacter = endBit / 6
        let characters = (firstCharacter..<max(firstCharacter, endCharacter)).map { character in
            let value = (character * 6..<character * 6 + 6).reduce(0) { value, bit in
                let index = bit - firstBit
                return value << 1 | Int(secret[index / 8] >> (7 - UInt8(index % 8)) & 1)
            }
            return alphabet[value]
        }
        return SecretPattern(bytes: characters, sharesFirst: firstBit % 6 != 0, sharesLast: endBit % 6 != 0)
    }

    /// Byte by byte, as Go and others print bytes: `[104 117 110]`, `68:75:6e`, `0x68, 0x75, 0x6e`.
    private static func listed(_ secret: [UInt8], _ between: String, _ digits: (UInt8) -> [UInt8]) -> SecretPattern {
        SecretPattern(bytes: Array(secret.map(digits).joined(separator: Array(between.utf8))))
    }

    static func isBase64(_ byte: UInt8) -> Bool {
        standardAlphabet.contains(byte) || urlAlphabet.contains(byte)
    }
}
