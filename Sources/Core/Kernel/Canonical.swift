/// A value with one encoding: fields in declaration order, tables in id order.
///
/// The encoding is the input of the state digest, what a snapshot holds, and the source of JSON and diffs, so a field's
/// name and place are kept once shipped.
public protocol Canonical {
    /// Hands every field to the encoder, in declaration order.
    func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder)
}

/// What a canonical value is written into. Lists write their elements under an empty name.
public protocol CanonicalEncoder {
    /// A count, size, position or number of a phase.
    mutating func encode(_ name: StaticString, _ value: UInt64)
    /// A number that may be negative, such as a time.
    mutating func encode(_ name: StaticString, _ value: Int64)
    /// A truth.
    mutating func encode(_ name: StaticString, _ value: Bool)
    /// Text, by its UTF-8 bytes.
    mutating func encode(_ name: StaticString, _ value: Text)
    /// Bytes.
    mutating func encode(_ name: StaticString, bytes: [UInt8])
    /// A field that is absent.
    mutating func encodeAbsence(_ name: StaticString)
    /// A value with fields of its own.
    mutating func encode<Value: Canonical>(_ name: StaticString, _ value: Value)
    /// Values in order.
    mutating func encode<Value: Canonical>(_ name: StaticString, list: [Value])
    /// Entities in the order of their ids.
    mutating func encode<ID, Value: Canonical>(_ name: StaticString, table: Table<ID, Value>, id: (ID) -> Text)
    /// What the digest leaves out and a snapshot needs all the same, so that what was restored goes on as what was
    /// folded would: values in order.
    mutating func encodeAside<Value: Canonical>(_ name: StaticString, list: [Value])
    /// The same, a truth.
    mutating func encodeAside(_ name: StaticString, _ value: Bool)
}

extension CanonicalEncoder {
    /// Left out.
    public mutating func encodeAside<Value: Canonical>(_ name: StaticString, list: [Value]) {}
    /// Left out.
    public mutating func encodeAside(_ name: StaticString, _ value: Bool) {}
}

extension CanonicalEncoder {
    /// A smaller count.
    public mutating func encode(_ name: StaticString, _ value: UInt32) { encode(name, UInt64(value)) }

    /// A moment.
    public mutating func encode(_ name: StaticString, _ value: Timestamp) { encode(name, value.milliseconds) }

    /// A place in the log.
    public mutating func encode(_ name: StaticString, _ value: Position) { encode(name, value.number) }

    /// An identifier.
    public mutating func encode<Thing>(_ name: StaticString, _ value: Identifier<Thing>) { encode(name, value.text) }

    /// Identifiers in order.
    public mutating func encode<Thing>(_ name: StaticString, list: [Identifier<Thing>]) {
        encode(name, list: list.map { CanonicalText($0.text) })
    }

    /// Texts in order.
    public mutating func encode(_ name: StaticString, list: [Text]) { encode(name, list: list.map(CanonicalText.init)) }

    /// A number that may be absent.
    public mutating func encode(_ name: StaticString, _ value: UInt64?) {
        if let value { encode(name, value) } else { encodeAbsence(name) }
    }

    /// A smaller number that may be absent.
    public mutating func encode(_ name: StaticString, _ value: UInt32?) { encode(name, value.map(UInt64.init)) }

    /// A moment that may be absent.
    public mutating func encode(_ name: StaticString, _ value: Timestamp?) {
        if let value { encode(name, value) } else { encodeAbsence(name) }
    }

    /// A place in the log that may be absent.
    public mutating func encode(_ name: StaticString, _ value: Position?) { encode(name, value?.number) }

    /// Text that may be absent.
    public mutating func encode(_ name: StaticString, _ value: Text?) {
        if let value { encode(name, value) } else { encodeAbsence(name) }
    }

    /// An identifier that may be absent.
    public mutating func encode<Thing>(_ name: StaticString, _ value: Identifier<Thing>?) { encode(name, value?.text) }

    /// A value with fields that may be absent.
    public mutating func encode<Value: Canonical>(_ name: StaticString, _ value: Value?) {
        if let value { encode(name, value) } else { encodeAbsence(name) }
    }

    /// A case of a closed set, by its name.
    public mutating func encode<Value: RawRepresentable>(_ name: StaticString, word value: Value?)
    where Value.RawValue == String {
        encode(name, value.map { Text($0.rawValue) })
    }
}

/// A bare text as an element of a list.
public struct CanonicalText: Canonical {
    /// The text.
    public let text: Text

    /// Wraps the text.
    public init(_ text: Text) { self.text = text }

    /// Writes the text under an empty name.
    public func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) { encoder.encode("", text) }
}
