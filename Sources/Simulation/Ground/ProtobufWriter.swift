import Core

/// Writes protobuf by hand: what the reference agent sends does not come from the types that read it.
struct ProtobufWriter: Sendable {
    private(set) var bytes: [UInt8] = []

    /// A number; zero is left out.
    mutating func add(_ field: UInt64, _ number: UInt64) {
        guard number != 0 else { return }
        add(varint: field << 3)
        add(varint: number)
    }

    /// Bytes; none are left out.
    mutating func add(_ field: UInt64, _ content: [UInt8]) {
        guard !content.isEmpty else { return }
        add(field, whole: content)
    }

    /// A text; an empty one is left out.
    mutating func add(_ field: UInt64, _ text: Text) { add(field, Array(text.string.utf8)) }

    /// A message, which is there even when it is empty.
    mutating func add(_ field: UInt64, _ message: ProtobufWriter) { add(field, whole: message.bytes) }

    private mutating func add(_ field: UInt64, whole content: [UInt8]) {
        add(varint: field << 3 | 2)
        add(varint: UInt64(content.count))
        bytes += content
    }

    private mutating func add(varint: UInt64) {
        var rest = varint
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
