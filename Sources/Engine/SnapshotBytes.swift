public import Core

/// The canonical encoding as a snapshot holds it: as ``CanonicalBytes``, but with whole entities in the tables, in the
/// order of their creation, and with what the digest leaves out.
///
/// | byte | then |
/// |---|---|
/// | 0 to 9 | as in ``CanonicalBytes`` |
/// | 10 | a table: count in 4 bytes; for each entity in the order of creation its id as text without the leading byte, then its fields, up to byte 8 |
public struct SnapshotBytes: CanonicalEncoder {
    /// What was encoded so far.
    public private(set) var bytes: [UInt8] = []

    /// Nothing encoded yet.
    public init() {}

    /// The fields of a value.
    public static func fields(of value: borrowing some Canonical) -> [UInt8] {
        var encoder = SnapshotBytes()
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

    /// Entities in the order of their creation.
    public mutating func encode<ID, Value: Canonical>(
        _ name: StaticString, table: Table<ID, Value>, id: (ID) -> Text
    ) {
        bytes.append(10)
        append(UInt32(clamping: table.count))
        table.forEach { key, value in
            append(id(key))
            value.encode(into: &self)
            bytes.append(8)
        }
    }

    /// As a list.
    public mutating func encodeAside<Value: Canonical>(_ name: StaticString, list: [Value]) { encode(name, list: list) }

    /// As a truth.
    public mutating func encodeAside(_ name: StaticString, _ value: Bool) { encode(name, value) }

    private mutating func append(_ text: Text) {
        append(UInt32(clamping: text.byteCount))
        bytes.append(contentsOf: text.string.utf8)
    }

    private mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}

/// Reads what ``SnapshotBytes`` has written. Total: any bytes give a value or an error.
public struct SnapshotDecoder: CanonicalDecoder {
    private let bytes: ArraySlice<UInt8>
    private var next: Int

    /// A decoder at the start of the bytes.
    public init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        next = bytes.startIndex
    }

    /// The value whose fields the bytes hold, and nothing else.
    ///
    /// - Throws: ``Core/CanonicalError``.
    public static func value<Value: Restorable>(of bytes: ArraySlice<UInt8>) throws(CanonicalError) -> Value {
        var decoder = SnapshotDecoder(bytes)
        let value = try Value(from: &decoder)
        guard decoder.next == bytes.endIndex else {
            throw CanonicalError(field: "", problem: "is followed by \(bytes.endIndex - decoder.next) bytes too many")
        }
        return value
    }

    /// An unsigned number.
    public mutating func decode(_ name: StaticString) throws(CanonicalError) -> UInt64 {
        try take(1, name)
        return try number(name)
    }

    /// A signed number.
    public mutating func decode(_ name: StaticString) throws(CanonicalError) -> Int64 {
        try take(2, name)
        return Int64(bitPattern: try number(name))
    }

    /// A truth.
    public mutating func decode(_ name: StaticString) throws(CanonicalError) -> Bool {
        switch try byte(name) {
        case 3: return false
        case 4: return true
        case let other: throw Self.unexpected(other, name)
        }
    }

    /// Text.
    public mutating func decode(_ name: StaticString) throws(CanonicalError) -> Text {
        try take(5, name)
        return try text(name)
    }

    /// Bytes.
    public mutating func decodeBytes(_ name: StaticString) throws(CanonicalError) -> [UInt8] {
        try take(6, name)
        return Array(try content(name))
    }

    /// Whether the field is absent.
    public mutating func decodeAbsence(_ name: StaticString) throws(CanonicalError) -> Bool {
        guard next < bytes.endIndex else { throw CanonicalError(field: name, problem: "is missing") }
        guard bytes[next] == 0 else { return false }
        next += 1
        return true
    }

    /// A value with fields of its own.
    public mutating func decode<Value: Restorable>(_ name: StaticString) throws(CanonicalError) -> Value {
        try take(7, name)
        return try fields(name)
    }

    /// Values in order.
    public mutating func decode<Value: Restorable>(_ name: StaticString) throws(CanonicalError) -> [Value] {
        try take(9, name)
        var values: [Value] = []
        for _ in 0..<(try count(name)) { values.append(try fields(name)) }
        return values
    }

    /// Entities in the order of their creation.
    public mutating func decode<ID, Value: Restorable>(
        _ name: StaticString, id: (Text) -> ID
    ) throws(CanonicalError) -> Table<ID, Value> {
        try take(10, name)
        var table = Table<ID, Value>()
        for _ in 0..<(try count(name)) {
            let text = try text(name)
            let key = id(text)
            let value: Value = try fields(name)
            guard !table.contains(key) else {
                throw CanonicalError(field: name, problem: "holds “\(text.prefix(byteCount: 60))” twice")
            }
            table[key] = value
        }
        return table
    }

    private mutating func fields<Value: Restorable>(_ name: StaticString) throws(CanonicalError) -> Value {
        let value = try Value(from: &self)
        try take(8, name)
        return value
    }

    private mutating func byte(_ name: StaticString) throws(CanonicalError) -> UInt8 {
        guard next < bytes.endIndex else { throw CanonicalError(field: name, problem: "is missing") }
        defer { next += 1 }
        return bytes[next]
    }

    private mutating func take(_ expected: UInt8, _ name: StaticString) throws(CanonicalError) {
        let found = try byte(name)
        guard found == expected else { throw Self.unexpected(found, name) }
    }

    private mutating func number<Number: FixedWidthInteger>(_ name: StaticString) throws(CanonicalError) -> Number {
        let size = MemoryLayout<Number>.size
        guard bytes.endIndex - next >= size else { throw CanonicalError(field: name, problem: "is cut off") }
        defer { next += size }
        return bytes[next..<next + size].reduce(Number(0)) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }

    /// How many elements follow; each takes at least the byte that ends it.
    private mutating func count(_ name: StaticString) throws(CanonicalError) -> Int {
        let claimed: UInt32 = try number(name)
        guard Int(claimed) <= bytes.endIndex - next else { throw CanonicalError(field: name, problem: "is cut off") }
        return Int(claimed)
    }

    private mutating func content(_ name: StaticString) throws(CanonicalError) -> ArraySlice<UInt8> {
        let size = try count(name)
        defer { next += size }
        return bytes[next..<next + size]
    }

    private mutating func text(_ name: StaticString) throws(CanonicalError) -> Text {
        guard let string = String(validating: try content(name), as: UTF8.self) else {
            throw CanonicalError(field: name, problem: "is no UTF-8")
        }
        return Text(string)
    }

    private static func unexpected(_ found: UInt8, _ name: StaticString) -> CanonicalError {
        CanonicalError(field: name, problem: "begins with byte \(found), which is of another kind")
    }
}
