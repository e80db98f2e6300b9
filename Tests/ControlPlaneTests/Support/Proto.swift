/// Writes protobuf by hand, from the field numbers of the published protocol: independent of the server's own code.
struct ProtoWriter {
    private(set) var bytes: [UInt8] = []

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func number(_ field: UInt64, _ value: UInt64) {
        guard value != 0 else { return }
        varint(field << 3)
        varint(value)
    }

    mutating func bytes(_ field: UInt64, _ value: [UInt8]) {
        varint(field << 3 | 2)
        varint(UInt64(value.count))
        bytes += value
    }

    mutating func text(_ field: UInt64, _ value: String) {
        if !value.isEmpty { bytes(field, Array(value.utf8)) }
    }

    mutating func message(_ field: UInt64, _ body: (inout ProtoWriter) -> Void) {
        var inner = ProtoWriter()
        body(&inner)
        bytes(field, inner.bytes)
    }

    /// An envelope with one payload.
    static func envelope(
        seq: UInt64, ts: UInt64, correlation: String = "", _ field: UInt64, _ body: (inout ProtoWriter) -> Void
    ) -> [UInt8] {
        var writer = ProtoWriter()
        writer.number(1, seq)
        writer.number(2, ts)
        writer.text(3, correlation)
        writer.message(field, body)
        return writer.bytes
    }
}

/// Reads protobuf by hand: the fields of one message.
struct ProtoReader {
    private var numbers: [UInt64: UInt64] = [:]
    private var contents: [UInt64: [[UInt8]]] = [:]
    /// In order of appearance.
    private(set) var fields: [UInt64] = []

    init?(_ bytes: [UInt8]) {
        var rest = bytes[...]
        func varint(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 64, by: 7) {
                guard let byte = rest.popFirst() else { return nil }
                value |= UInt64(byte & 0x7F) << shift
                if byte & 0x80 == 0 { return value }
            }
            return nil
        }
        while !rest.isEmpty {
            guard let tag = varint(&rest), let value = varint(&rest) else { return nil }
            fields.append(tag >> 3)
            switch tag & 7 {
            case 0: numbers[tag >> 3] = value
            case 2:
                guard let count = Int(exactly: value), count <= rest.count else { return nil }
                contents[tag >> 3, default: []].append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            default: return nil
            }
        }
    }

    func number(_ field: UInt64) -> UInt64 { numbers[field] ?? 0 }
    func bytes(_ field: UInt64) -> [UInt8] { contents[field]?.last ?? [] }
    func text(_ field: UInt64) -> String { String(decoding: bytes(field), as: UTF8.self) }
    func message(_ field: UInt64) -> ProtoReader? { contents[field]?.last.flatMap { ProtoReader($0) } }
    func messages(_ field: UInt64) -> [ProtoReader] { (contents[field] ?? []).compactMap { ProtoReader($0) } }
}
