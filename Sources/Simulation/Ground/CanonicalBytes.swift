import Core

/// Collects a canonical value as bytes, so that two states can be compared whole.
struct CanonicalBytes: CanonicalEncoder {
    private(set) var bytes: [UInt8] = []

    static func of(_ value: some Canonical) -> [UInt8] {
        var encoder = CanonicalBytes()
        value.encode(into: &encoder)
        return encoder.bytes
    }

    private mutating func put(_ number: UInt64) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func encode(_ name: StaticString, _ value: UInt64) { put(value) }
    mutating func encode(_ name: StaticString, _ value: Int64) { put(UInt64(bitPattern: value)) }
    mutating func encode(_ name: StaticString, _ value: Bool) { bytes.append(value ? 1 : 0) }
    mutating func encode(_ name: StaticString, _ value: Text) {
        put(UInt64(value.byteCount))
        bytes.append(contentsOf: value.string.utf8)
    }
    mutating func encode(_ name: StaticString, bytes value: [UInt8]) {
        put(UInt64(value.count))
        bytes.append(contentsOf: value)
    }
    mutating func encodeAbsence(_ name: StaticString) { bytes.append(0xFF) }
    mutating func encode<Value: Canonical>(_ name: StaticString, _ value: Value) { value.encode(into: &self) }
    mutating func encode<Value: Canonical>(_ name: StaticString, list: [Value]) {
        put(UInt64(list.count))
        for value in list { value.encode(into: &self) }
    }
    mutating func encode<ID, Value: Canonical>(_ name: StaticString, table: Table<ID, Value>, id: (ID) -> Text) {
        put(UInt64(table.count))
        for key in table.idsSorted {
            encode("", id(key))
            if let value = table[key] { value.encode(into: &self) }
        }
    }
}
