/// A canonical value that can be made again from its encoding, as a snapshot holds it.
///
/// Each type reads its fields as it writes them: one line `x = try decoder.decode("x")` a field, in the same order.
public protocol Restorable: Canonical {
    /// Reads every field, in declaration order.
    ///
    /// - Throws: ``CanonicalError`` when the encoding is not this type's. Never traps.
    init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError)
}

/// An encoding that is not what was asked for.
public struct CanonicalError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The field that was being read.
    public var field: String
    /// What was wrong with it.
    public var problem: String

    /// An error with both parts.
    public init(field: StaticString, problem: String) {
        self.field = field.description
        self.problem = problem
    }

    /// What was wrong and what to do.
    public var description: String {
        "the field “\(field)” \(problem). The state was encoded by another version, or is damaged: fold the log instead."
    }
}

/// What a canonical value is read from: the reverse of ``CanonicalEncoder``, call by call.
public protocol CanonicalDecoder {
    /// A count, size, position or number of a phase.
    mutating func decode(_ name: StaticString) throws(CanonicalError) -> UInt64
    /// A number that may be negative, such as a time.
    mutating func decode(_ name: StaticString) throws(CanonicalError) -> Int64
    /// A truth.
    mutating func decode(_ name: StaticString) throws(CanonicalError) -> Bool
    /// Text.
    mutating func decode(_ name: StaticString) throws(CanonicalError) -> Text
    /// Bytes.
    mutating func decodeBytes(_ name: StaticString) throws(CanonicalError) -> [UInt8]
    /// Whether the next field is absent. Passes over it then, and stays before it otherwise.
    mutating func decodeAbsence(_ name: StaticString) throws(CanonicalError) -> Bool
    /// A value with fields of its own.
    mutating func decode<Value: Restorable>(_ name: StaticString) throws(CanonicalError) -> Value
    /// Values in order.
    mutating func decode<Value: Restorable>(_ name: StaticString) throws(CanonicalError) -> [Value]
    /// Entities, in the order of their creation. An id that stands there twice is an error.
    mutating func decode<ID, Value: Restorable>(
        _ name: StaticString, id: (Text) -> ID
    ) throws(CanonicalError) -> Table<ID, Value>
}

extension CanonicalDecoder {
    /// A smaller count.
    public mutating func decode(_ name: StaticString) throws(CanonicalError) -> UInt32 {
        let number: UInt64 = try decode(name)
        guard let small = UInt32(exactly: number) else {
            throw CanonicalError(field: name, problem: "is \(number), beyond 32 bits")
        }
        return small
    }

    /// A moment.
    public mutating func decode(_ name: StaticString) throws(CanonicalError) -> Timestamp {
        Timestamp(milliseconds: try decode(name))
    }

    /// A place in the log.
    public mutating func decode(_ name: StaticString) throws(CanonicalError) -> Position { Position(try decode(name)) }

    /// A place in the log that may be absent.
    public mutating func decode(_ name: StaticString) throws(CanonicalError) -> Position? {
        let number: UInt64? = try decode(name)
        return number.map(Position.init)
    }

    /// An identifier.
    public mutating func decode<Thing>(_ name: StaticString) throws(CanonicalError) -> Identifier<Thing> {
        Identifier(try decode(name))
    }

    /// Identifiers in order.
    public mutating func decode<Thing>(_ name: StaticString) throws(CanonicalError) -> [Identifier<Thing>] {
        let texts: [Text] = try decode(name)
        return texts.map { Identifier($0) }
    }

    /// Texts in order.
    public mutating func decode(_ name: StaticString) throws(CanonicalError) -> [Text] {
        let texts: [CanonicalText] = try decode(name)
        return texts.map(\.text)
    }

    /// A number that may be absent.
    public mutating func decode(_ name: StaticString) throws(CanonicalError) -> UInt64? {
        if try decodeAbsence(name) { return nil }
        let value: UInt64 = try decode(name)
        return value
    }

    /// A smaller number that may be absent.
    public mutating func decode(_ name: StaticString) throws(CanonicalError) -> UInt32? {
        if try decodeAbsence(name) { return nil }
        let value: UInt32 = try decode(name)
        return value
    }

    /// A moment that may be absent.
    public mutating func decode(_ name: StaticString) throws(CanonicalError) -> Timestamp? {
        if try decodeAbsence(name) { return nil }
        let value: Timestamp = try decode(name)
        return value
    }

    /// Text that may be absent.
    public mutating func decode(_ name: StaticString) throws(CanonicalError) -> Text? {
        if try decodeAbsence(name) { return nil }
        let value: Text = try decode(name)
        return value
    }

    /// An identifier that may be absent.
    public mutating func decode<Thing>(_ name: StaticString) throws(CanonicalError) -> Identifier<Thing>? {
        let text: Text? = try decode(name)
        return text.map { Identifier($0) }
    }

    /// A value with fields that may be absent.
    public mutating func decode<Value: Restorable>(_ name: StaticString) throws(CanonicalError) -> Value? {
        if try decodeAbsence(name) { return nil }
        let value: Value = try decode(name)
        return value
    }

    /// Bytes that stand for nothing when there are none of them.
    public mutating func decodeDigest(_ name: StaticString) throws(CanonicalError) -> [UInt8]? {
        let bytes = try decodeBytes(name)
        return bytes.isEmpty ? nil : bytes
    }

    /// A case of a closed set, by its name.
    public mutating func decodeWord<Value: RawRepresentable>(_ name: StaticString) throws(CanonicalError) -> Value
    where Value.RawValue == String {
        try decode(name) { Value(rawValue: $0.string) }
    }

    /// A case of a closed set, by its number.
    public mutating func decodeNumber<Value: RawRepresentable>(_ name: StaticString) throws(CanonicalError) -> Value
    where Value.RawValue == UInt8 {
        let number: UInt64 = try decode(name)
        guard let value = UInt8(exactly: number).flatMap(Value.init(rawValue:)) else {
            throw CanonicalError(field: name, problem: "has the number \(number), which this version does not know")
        }
        return value
    }

    /// What a text stands for; nil from the body is an error.
    public mutating func decode<Value>(
        _ name: StaticString, as body: (Text) -> Value?
    ) throws(CanonicalError) -> Value {
        let text: Text = try decode(name)
        guard let value = body(text) else {
            throw CanonicalError(
                field: name, problem: "has the word “\(text.prefix(byteCount: 60))”, which this version does not know")
        }
        return value
    }

    /// What a text that may be absent stands for; nil from the body is an error.
    public mutating func decodeIfPresent<Value>(
        _ name: StaticString, as body: (Text) -> Value?
    ) throws(CanonicalError) -> Value? {
        if try decodeAbsence(name) { return nil }
        let value: Value = try decode(name, as: body)
        return value
    }
}

extension CanonicalText: Restorable {
    /// Reads the text.
    public init<Decoder: CanonicalDecoder>(from decoder: inout Decoder) throws(CanonicalError) {
        self.init(try decoder.decode(""))
    }
}
