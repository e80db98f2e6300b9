/// Finds agent keys and tokens by their looks where they are written in hex, in base64 or as lists of bytes: whatever begins
/// with `bkpy_` so written goes, to the end of the digits or characters of that kind.
enum EncodedKeys {
    private static let prefix = SecretSearch(
        SecretPattern.all(of: Array("bkpy_".utf8)).filter { !$0.isSecretItself })

    /// Ascending, disjoint.
    static func matches(in text: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
        var end = range.lowerBound
        return prefix.matches(in: text, range).compactMap { found in
            guard found.upperBound > end else { return nil }
            let lower = max(found.lowerBound, end)
            end = found.upperBound
            let isPart = end < range.upperBound && isSeparator(text[end]) ? isListed : SecretPattern.isBase64
            while end < range.upperBound, isPart(text[end]) { end += 1 }
            return lower..<end
        }
    }

    private static func isSeparator(_ byte: UInt8) -> Bool { byte == 0x20 || ",:".utf8.contains(byte) }

    /// Of lists: digits of base 16, `0x`, and what stands between.
    private static func isListed(_ byte: UInt8) -> Bool {
        isSeparator(byte) || byte | 0x20 == UInt8(ascii: "x") || Hexadecimal.value(of: byte) != nil
    }
}
