/// Bytes with their escapes undone, which knows where each byte came from: so a secret is found however it was escaped, and
/// goes with its escapes.
///
/// Percent-encoding (with and without `+` for a blank), and backslashes as in JSON, Go, Python and C: `\"`, `\/`, `\n`,
/// `\xHH`, `\ooo`, `\uHHHH` (also surrogate pairs), `\UHHHHHHHH`. Whatever is no escape stands for itself. Two layers,
/// of one kind or of two.
struct Reading {
    private enum Kind {
        case percent, form, backslash
    }

    /// What the escapes stood for.
    private(set) var bytes: [UInt8] = []
    /// Where each byte begins in the source, and at the end where the source ends.
    private var offsets: [UInt32] = []

    /// All readings that differ from the text itself. Most texts have none, which costs one look at each byte.
    ///
    /// - Parameter plusIsBlank: Whether `+` alone makes a reading: only worth it for secrets with blanks.
    static func all(of text: ArraySlice<UInt8>, plusIsBlank: Bool) -> [Reading] {
        guard text.endIndex <= Int(UInt32.max) else { return [] }
        let hasEscape = text.contains { $0 == percent || $0 == backslash || ($0 == plus && plusIsBlank) }
        guard hasEscape else { return [] }
        var identity = Reading()
        identity.bytes = Array(text)
        identity.offsets = (text.startIndex...text.endIndex).map { UInt32($0) }
        let kinds: [Kind] = plusIsBlank ? [.percent, .form, .backslash] : [.percent, .backslash]
        let first = kinds.compactMap { identity.undone($0) }
        return first + first.flatMap { reading in [Kind.percent, .backslash].compactMap { reading.undone($0) } }
    }

    /// Where a range of the bytes came from.
    func source(_ range: Range<Int>) -> Range<Int> { Int(offsets[range.lowerBound])..<Int(offsets[range.upperBound]) }

    private static let percent = UInt8(ascii: "%")
    private static let backslash = UInt8(ascii: "\\")
    private static let plus = UInt8(ascii: "+")

    /// With one layer of escapes undone; nil when there is none.
    private func undone(_ kind: Kind) -> Reading? {
        var result = Reading()
        result.bytes.reserveCapacity(bytes.count)
        result.offsets.reserveCapacity(bytes.count + 1)
        var hasEscapes = false
        var index = 0
        while index < bytes.count {
            let escape: (bytes: [UInt8], width: Int)? =
                switch (kind, bytes[index]) {
                case (.percent, Self.percent), (.form, Self.percent): percentEscape(at: index)
                case (.form, Self.plus): ([0x20], 1)
                case (.backslash, Self.backslash): backslashEscape(at: index)
                default: nil
                }
            if let escape {
                hasEscapes = true
                for byte in escape.bytes { result.append(byte, from: offsets[index]) }
                index += escape.width
            } else {
                result.append(bytes[index], from: offsets[index])
                index += 1
            }
        }
        result.offsets.append(offsets[bytes.count])
        return hasEscapes ? result : nil
    }

    private mutating func append(_ byte: UInt8, from offset: UInt32) {
        bytes.append(byte)
        offsets.append(offset)
    }

    private func percentEscape(at index: Int) -> ([UInt8], Int)? {
        number(at: index + 1, digitCount: 2, base: 16).map { ([UInt8(truncatingIfNeeded: $0)], 3) }
    }

    private func backslashEscape(at index: Int) -> ([UInt8], Int)? {
        guard index + 1 < bytes.count else { return nil }
        switch bytes[index + 1] {
        case UInt8(ascii: "n"): return ([0x0A], 2)
        case UInt8(ascii: "r"): return ([0x0D], 2)
        case UInt8(ascii: "t"): return ([0x09], 2)
        case UInt8(ascii: "b"): return ([0x08], 2)
        case UInt8(ascii: "f"): return ([0x0C], 2)
        case UInt8(ascii: "a"): return ([0x07], 2)
        case UInt8(ascii: "v"): return ([0x0B], 2)
        case UInt8(ascii: "x"):
            return number(at: index + 2, digitCount: 2, base: 16).map { ([UInt8(truncatingIfNeeded: $0)], 4) }
        case UInt8(ascii: "0")...UInt8(ascii: "3"):
            return number(at: index + 1, digitCount: 3, base: 8).map { ([UInt8(truncatingIfNeeded: $0)], 4) }
        case UInt8(ascii: "u"): return unicodeEscape(at: index)
        case UInt8(ascii: "U"): return number(at: index + 2, digitCount: 8, base: 16).flatMap { scalar($0, width: 10) }
        case 0x21...0x7E: return ([bytes[index + 1]], 2)
        default: return nil
        }
    }

    private func unicodeEscape(at index: Int) -> ([UInt8], Int)? {
        guard let high = number(at: index + 2, digitCount: 4, base: 16) else { return nil }
        guard high & 0xFC00 == 0xD800, index + 7 < bytes.count, bytes[index + 6] == Self.backslash,
            bytes[index + 7] == UInt8(ascii: "u"), let low = number(at: index + 8, digitCount: 4, base: 16),
            low & 0xFC00 == 0xDC00
        else { return scalar(high, width: 6) }
        return scalar(0x1_0000 + (high & 0x3FF) << 10 + low & 0x3FF, width: 12)
    }

    private func scalar(_ value: UInt32, width: Int) -> ([UInt8], Int)? {
        Unicode.Scalar(value).map { (Array(String($0).utf8), width) }
    }

    private func number(at index: Int, digitCount: Int, base: UInt32) -> UInt32? {
        guard bytes.count - index >= digitCount else { return nil }
        var value: UInt32 = 0
        for byte in bytes[index..<index + digitCount] {
            guard let digit = Hexadecimal.value(of: byte), digit < base else { return nil }
            value = value << (base == 16 ? 4 : 3) | digit
        }
        return value
    }
}
