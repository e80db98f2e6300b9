/// What an identifier names. Its prefix keeps identifiers of different things apart on paper too.
public protocol Named {
    /// The characters before the random part, such as `run_`.
    static var prefix: String { get }
}

/// The name of one thing: prefix and 11 base62 characters when it is ours, any text when a capture brought it.
public struct Identifier<Thing: Named>: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    /// The whole identifier.
    public let text: Text

    /// An identifier as it was written down somewhere. Not checked: whether it names anything is the state's business.
    public init(_ text: Text) { self.text = text }

    /// The identifier that 64 drawn bits stand for.
    public init(bits: UInt64) { text = Text(Thing.prefix + Base62.text(of: bits)) }

    /// Orders by bytes.
    public static func < (left: Self, right: Self) -> Bool { left.text < right.text }

    /// Reads a bare string.
    public init(from decoder: any Decoder) throws { text = try Text(from: decoder) }

    /// Writes a bare string.
    public func encode(to encoder: any Encoder) throws { try text.encode(to: encoder) }

    /// The identifier itself.
    public var description: String { text.string }
}

/// Base62 as identifiers use it: digits, upper case, lower case.
public enum Base62 {
    /// Exactly 11 characters: the 64 bits in base 62, the most significant first.
    public static func text(of bits: UInt64) -> String {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        var rest = bits
        var reversed: [UInt8] = []
        for _ in 0..<11 {
            reversed.append(alphabet[Int(rest % 62)])
            rest /= 62
        }
        return String(decoding: reversed.reversed(), as: UTF8.self)
    }
}

/// The fixed mixing of a seed and a counter from which deciders make identifiers.
public enum Mix {
    /// 64 bits that differ for each counter of a seed. Source: the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
    public static func bits(seed: UInt64, counter: UInt64) -> UInt64 {
        var z = seed &+ counter &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
