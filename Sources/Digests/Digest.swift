/// A SHA-256 value: 32 bytes, held in place, so that a table of digests costs no allocation per entry.
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The size of every digest in bytes.
    public static let byteCount = 32

    // Big-endian words, so that comparing words compares bytes.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// A digest from exactly 32 bytes; `nil` for any other count.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self = bytes.withUnsafeBytes { Digest(unchecked: $0) }
    }

    /// A digest from exactly 64 hexadecimal digits of either case; `nil` for anything else.
    public init?(hex: String) {
        guard let bytes = Hex.decode(hex) else { return nil }
        self.init(bytes)
    }

    init(unchecked bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == Self.byteCount, "a digest has 32 bytes, not \(bytes.count)")
        func word(_ index: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
        }
        words = (word(0), word(1), word(2), word(3))
    }

    /// The 32 bytes, most significant first as published.
    public var bytes: [UInt8] {
        withUnsafeBytes { Array($0) }
    }

    /// 64 lower-case hexadecimal digits.
    public var hex: String {
        withUnsafeBytes { Hex.encode($0) }
    }

    /// Same as ``hex``.
    public var description: String { hex }

    /// Calls `body` with the 32 bytes without allocating.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let stored = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
        return try Swift.withUnsafeBytes(of: stored, body)
    }

    /// Whether all bytes are equal. Not in constant time: compare secrets with `constantTimeEqual`.
    public static func == (left: Digest, right: Digest) -> Bool {
        left.words == right.words
    }

    /// Orders digests as byte strings.
    public static func < (left: Digest, right: Digest) -> Bool {
        left.words < right.words
    }

    /// Hashes the whole value.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
