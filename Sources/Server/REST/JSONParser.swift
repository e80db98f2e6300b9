/// Why bytes are no JSON text that is taken here.
struct JSONError: Error, Hashable, CustomStringConvertible {
    /// Where, in bytes from the start.
    var offset: Int
    /// What was expected.
    var problem: String

    /// What was wrong and where.
    var description: String { "at byte \(offset): \(problem)" }
}

/// Reads JSON as RFC 8259 has it and nothing beyond. Total: any bytes give a value or an error.
///
/// Stricter in two things: a name may stand only once in an object, and values may be nested 32 deep.
struct JSONParser {
    static let depthLimit = 32

    private let bytes: [UInt8]
    private var offset = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The one value that the bytes hold.
    static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSON {
        var parser = JSONParser(bytes)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.offset == bytes.count else { throw parser.error("nothing may follow the value") }
        return value
    }

    private func error(_ problem: String) -> JSONError { JSONError(offset: offset, problem: problem) }

    private var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = current, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { offset += 1 }
    }

    private mutating func take(_ character: UInt8) -> Bool {
        guard current == character else { return false }
        offset += 1
        return true
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSON {
        skipSpace()
        guard let current else { throw error("the text ends where a value is expected") }
        switch current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw error("a value is expected")
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
        let expected = Array("\(word)".utf8)
        guard bytes[offset...].starts(with: expected) else { throw error("“\(word)” is expected") }
        offset += expected.count
        return value
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSON {
        try descend(depth)
        var members: [JSON.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpace()
            guard current == UInt8(ascii: "\"") else { throw error("the name of a member is expected") }
            let name = try string()
            guard names.insert(name).inserted else { throw error("a member of this name stands here already") }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw error("“:” is expected") }
            members.append(JSON.Member(name, try value(depth: depth + 1)))
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { throw error("“,” or “}” is expected") }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSON {
        try descend(depth)
        var values: [JSON] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(values) }
        while true {
            values.append(try value(depth: depth + 1))
            skipSpace()
            if take(UInt8(ascii: "]")) { return .array(values) }
            guard take(UInt8(ascii: ",")) else { throw error("“,” or “]” is expected") }
        }
    }

    private mutating func descend(_ depth: Int) throws(JSONError) {
        guard depth < Self.depthLimit else { throw error("values are nested more than \(Self.depthLimit) deep") }
        offset += 1
    }

    private mutating func number() throws(JSONError) -> JSON {
        let start = offset
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        return .number(String(decoding: bytes[start..<offset], as: UTF8.self))
    }

    private mutating func digits() throws(JSONError) {
        let start = offset
        while let byte = current, byte >= 0x30, byte <= 0x39 { offset += 1 }
        guard offset > start else { throw error("a digit is expected") }
    }

    private mutating func string() throws(JSONError) -> String {
        offset += 1
        var content: [UInt8] = []
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw error("the string before this is not UTF-8")
                }
                offset += 1
                return text
            case UInt8(ascii: "\\"):
                offset += 1
                content.append(contentsOf: String(try escaped()).utf8)
            case 0..<0x20:
                throw error("control characters must be escaped")
            default:
                content.append(byte)
                offset += 1
            }
        }
        throw error("the text ends within a string")
    }

    private mutating func escaped() throws(JSONError) -> Unicode.Scalar {
        guard let byte = current else { throw error("the text ends within a string") }
        let scalars: [UInt8: Unicode.Scalar] = [
            UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/", UInt8(ascii: "b"): "\u{8}",
            UInt8(ascii: "f"): "\u{C}", UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
        ]
        if let scalar = scalars[byte] {
            offset += 1
            return scalar
        }
        guard byte == UInt8(ascii: "u") else { throw error("no such escape") }
        offset += 1
        let high = try unit()
        guard high & 0xFC00 == 0xD800 else {
            guard let scalar = Unicode.Scalar(high) else { throw error("half of a surrogate pair") }
            return scalar
        }
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else { throw error("half of a surrogate pair") }
        let low = try unit()
        guard low & 0xFC00 == 0xDC00,
            let scalar = Unicode.Scalar(0x1_0000 + (high & 0x3FF) << 10 + low & 0x3FF)
        else { throw error("half of a surrogate pair") }
        return scalar
    }

    /// Four hexadecimal digits.
    private mutating func unit() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw error("four hexadecimal digits are expected")
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }
}
