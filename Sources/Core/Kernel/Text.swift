/// Text that compares, hashes and orders by its UTF-8 bytes.
///
/// Swift's `String` calls composed and decomposed forms of a character equal, and keeps whichever came first: one key,
/// two digests. `Text` tells them apart, so that equal states have equal bytes.
public struct Text: Hashable, Comparable, Sendable, Codable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The characters.
    public let string: String

    /// The same characters.
    public init(_ string: String) { self.string = string }

    /// The characters of a literal.
    public init(stringLiteral value: String) { string = value }

    /// No characters.
    public static let empty = Text("")

    /// Whether there are no characters.
    public var isEmpty: Bool { string.utf8.isEmpty }

    /// The length in UTF-8.
    public var byteCount: Int { string.utf8.count }

    /// At most this many bytes from the front, cut between characters' scalars.
    public func prefix(byteCount limit: Int) -> Text {
        guard byteCount > limit else { return self }
        var end = string.utf8.index(string.utf8.startIndex, offsetBy: max(0, limit))
        while end > string.startIndex, end.samePosition(in: string.unicodeScalars) == nil {
            end = string.utf8.index(before: end)
        }
        return Text(String(string[..<end]))
    }

    /// Equal when the bytes are.
    public static func == (left: Text, right: Text) -> Bool {
        // One storage, or the same few bytes held in place: most of what a dictionary asks at a look-up. Other bits may
        // still stand for the same bytes.
        if unsafeBitCast(left.string, to: Bits.self) == unsafeBitCast(right.string, to: Bits.self) { return true }
        guard left.string.utf8.count == right.string.utf8.count else { return false }
        let isEqual = left.string.utf8.withContiguousStorageIfAvailable { left in
            right.string.utf8.withContiguousStorageIfAvailable { right in
                equal(UnsafeRawBufferPointer(left), UnsafeRawBufferPointer(right))
            }
        }
        return (isEqual ?? nil) ?? left.string.utf8.elementsEqual(right.string.utf8)
    }

    /// What a string is made of on 64-bit platforms; the compiler refuses the cast where it is not.
    private typealias Bits = (UInt64, UInt64)

    /// Whether two buffers of one length hold the same bytes, words at a time.
    private static func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        var offset = 0
        while offset + 8 <= left.count {
            guard
                left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                    == right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            else { return false }
            offset += 8
        }
        while offset < left.count {
            guard left[offset] == right[offset] else { return false }
            offset += 1
        }
        return true
    }

    /// Orders by bytes.
    public static func < (left: Text, right: Text) -> Bool {
        left.string.utf8.lexicographicallyPrecedes(right.string.utf8)
    }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) {
        var copy = string
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xFF as UInt8)
    }

    /// Reads a bare string.
    public init(from decoder: any Decoder) throws {
        string = try decoder.singleValueContainer().decode(String.self)
    }

    /// Writes a bare string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(string)
    }

    /// The characters.
    public var description: String { string }
}
