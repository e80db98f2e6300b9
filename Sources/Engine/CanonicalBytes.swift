public import Core
import Digests

/// The canonical encoding as bytes: the input of the state digest.
///
/// Fields follow each other in declaration order, without names: what stands where is fixed by the state version. Each
/// begins with one byte that says what it is; all numbers are big-endian.
///
/// | byte | then |
/// |---|---|
/// | 0 | nothing: the field is absent |
/// | 1 | an unsigned number, 8 bytes |
/// | 2 | a signed number, 8 bytes, two's complement |
/// | 3 | nothing: false |
/// | 4 | nothing: true |
/// | 5 | text: byte count in 4 bytes, UTF-8 |
/// | 6 | bytes: count in 4 bytes, bytes |
/// | 7 | the fields of a value, up to byte 8 |
/// | 9 | a list: count in 4 bytes, the fields of each element, each element ended by byte 8 |
/// | 10 | a table: count in 4 bytes; for each entity in the order of ids, its id as text without the leading byte, and SHA-256 of the entity's fields, 32 bytes |
public struct CanonicalBytes: CanonicalEncoder {
    /// What was encoded so far.
    public private(set) var bytes: [UInt8] = []

    /// Nothing encoded yet.
    public init() {}

    /// The fields of a value.
    public static func fields(of value: borrowing some Canonical) -> [UInt8] {
        var encoder = CanonicalBytes()
        value.encode(into: &encoder)
        return encoder.bytes
    }

    /// An unsigned number.
    public mutating func encode(_ name: StaticString, _ value: UInt64) {
        bytes.append(1)
        append(value)
    }

    /// A signed number.
    public mutating func encode(_ name: StaticString, _ value: Int64) {
        bytes.append(2)
        append(UInt64(bitPattern: value))
    }

    /// A truth.
    public mutating func encode(_ name: StaticString, _ value: Bool) { bytes.append(value ? 4 : 3) }

    /// Text.
    public mutating func encode(_ name: StaticString, _ value: Text) {
        bytes.append(5)
        append(value)
    }

    /// Bytes.
    public mutating func encode(_ name: StaticString, bytes content: [UInt8]) {
        bytes.append(6)
        append(UInt32(clamping: content.count))
        bytes.append(contentsOf: content)
    }

    /// An absent field.
    public mutating func encodeAbsence(_ name: StaticString) { bytes.append(0) }

    /// A value with fields of its own.
    public mutating func encode<Value: Canonical>(_ name: StaticString, _ value: Value) {
        bytes.append(7)
        value.encode(into: &self)
        bytes.append(8)
    }

    /// Values in order.
    public mutating func encode<Value: Canonical>(_ name: StaticString, list: [Value]) {
        bytes.append(9)
        append(UInt32(clamping: list.count))
        for value in list {
            value.encode(into: &self)
            bytes.append(8)
        }
    }

    /// Entities in the order of their ids.
    public mutating func encode<ID, Value: Canonical>(
        _ name: StaticString, table: Table<ID, Value>, id: (ID) -> Text
    ) {
        bytes.append(10)
        append(UInt32(clamping: table.count))
        for key in table.idsSorted {
            guard let value = table[key] else { continue }
            append(id(key))
            SHA256.digest(of: Self.fields(of: value)).withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
    }

    private mutating func append(_ text: Text) {
        append(UInt32(clamping: text.byteCount))
        bytes.append(contentsOf: text.string.utf8)
    }

    private mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
