/// Digits of base 16.
enum Hexadecimal {
    static let lowercaseDigits = Array("0123456789abcdef".utf8)
    static let uppercaseDigits = Array("0123456789ABCDEF".utf8)

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

    /// Every form in which a secret is looked for. Each has at least 4 bytes if the secret has.
    static func all(of secret: [UInt8]) -> [SecretPattern] {
        var patterns = [SecretPattern(bytes: secret)]
        for digits in [Hexadecimal.lowercaseDigits, Hexadecimal.uppercaseDigits] {
            add(SecretPattern(bytes: Hexadecimal.encode(secret, digits)), to: &patterns)
        }
        for offset in 0..<3 {
            add(base64(secret, offset: offset, standardAlphabet), to: &patterns)
            add(base64(secret, offset: offset, urlAlphabet), to: &patterns)
        }
        add(SecretPattern(bytes: percentEncoded(secret)), to: &patterns)
        add(SecretPattern(bytes: backslashEscaped(secret)), to: &patterns)
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

    private static func percentEncoded(_ secret: [UInt8]) -> [UInt8] {
        secret.flatMap { byte in
            letters.contains(byte) || "-._~".utf8.contains(byte)
                ? [byte] : [UInt8(ascii: "%")] + Hexadecimal.encode([byte], Hexadecimal.uppercaseDigits)
        }
    }

    /// As Go's `%q` and JSON print a text with quotes in it.
    private static func backslashEscaped(_ secret: [UInt8]) -> [UInt8] {
        secret.flatMap { byte in
            byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") ? [UInt8(ascii: "\\"), byte] : [byte]
        }
    }

    static func isBase64(_ byte: UInt8) -> Bool {
        standardAlphabet.contains(byte) || urlAlphabet.contains(byte)
    }
}
