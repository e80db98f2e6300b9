public import Core
import Digests

/// The canonical encoding as JSON, for people and diffs: objects in declaration order, tables as objects by id, bytes as
/// hexadecimal text, absent fields as null, times in milliseconds since 1970.
///
/// Numbers are written in full, also beyond 2^53, where some readers round.
public struct CanonicalJSON: CanonicalEncoder {
    private var json = JSONText()
    private var isFirst = true
    /// A value with one nameless field stands for that field.
    private var isBare = false

    private init() {}

    /// The JSON of a value.
    public static func render(_ value: borrowing some Canonical) -> String {
        var encoder = CanonicalJSON()
        value.encode(into: &encoder)
        return encoder.finished
    }

    /// An unsigned number.
    public mutating func encode(_ name: StaticString, _ value: UInt64) { field(name) { $0.append(String(value)) } }

    /// A signed number.
    public mutating func encode(_ name: StaticString, _ value: Int64) { field(name) { $0.append(String(value)) } }

    /// A truth.
    public mutating func encode(_ name: StaticString, _ value: Bool) {
        field(name) { $0.append(value ? "true" : "false") }
    }

    /// Text.
    public mutating func encode(_ name: StaticString, _ value: Text) { field(name) { $0.append(quoted: value.string) } }

    /// Bytes.
    public mutating func encode(_ name: StaticString, bytes: [UInt8]) {
        field(name) { $0.append(quoted: Hex.encode(bytes)) }
    }

    /// An absent field.
    public mutating func encodeAbsence(_ name: StaticString) { field(name) { $0.append("null") } }

    /// A value with fields of its own.
    public mutating func encode<Value: Canonical>(_ name: StaticString, _ value: Value) {
        field(name) { $0.append(Self.render(value)) }
    }

    /// Values in order.
    public mutating func encode<Value: Canonical>(_ name: StaticString, list: [Value]) {
        field(name) { json in
            json.append("[")
            for (index, value) in list.enumerated() {
                if index > 0 { json.append(",") }
                json.append(Self.render(value))
            }
            json.append("]")
        }
    }

    /// Entities in the order of their ids.
    public mutating func encode<ID, Value: Canonical>(
        _ name: StaticString, table: Table<ID, Value>, id: (ID) -> Text
    ) {
        field(name) { json in
            json.append("{")
            var separator = ""
            for key in table.idsSorted {
                guard let value = table[key] else { continue }
                json.append(separator)
                json.append(quoted: id(key).string)
                json.append(":")
                json.append(Self.render(value))
                separator = ","
            }
            json.append("}")
        }
    }

    private mutating func field(_ name: StaticString, _ body: (inout JSONText) -> Void) {
        if name.utf8CodeUnitCount == 0 {
            isBare = true
        } else {
            json.append(isFirst ? "{" : ",")
            json.append(quoted: name.description)
            json.append(":")
        }
        isFirst = false
        body(&json)
    }

    private var finished: String {
        if isFirst { return "{}" }
        return isBare ? json.text : json.text + "}"
    }
}

/// JSON that is put together piece by piece, so that the same values always give the same bytes.
public struct JSONText: Sendable {
    /// What was written so far.
    public private(set) var text = ""

    /// Nothing written yet.
    public init() {}

    /// Writes characters that are JSON already.
    public mutating func append(_ raw: String) { text += raw }

    /// Writes a string with its quotes. Only what JSON demands is escaped: quotes, backslashes and control characters.
    public mutating func append(quoted string: String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..."\u{1F}":
                text += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
