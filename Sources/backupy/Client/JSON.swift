import Foundation

/// A JSON value, read leniently: a missing member is null.
enum JSON: Sendable, Codable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSON])
    case object([String: JSON])

    init?(bytes: [UInt8]) {
        guard let value = try? JSONDecoder().decode(JSON.self, from: Data(bytes)) else { return nil }
        self = value
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    /// Compact, with sorted members.
    var bytes: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? Array(encoder.encode(self))) ?? Array("null".utf8)
    }

    /// Compact text.
    var rendered: String { String(decoding: bytes, as: UTF8.self) }

    subscript(name: String) -> JSON { if case .object(let members) = self { members[name] ?? .null } else { .null } }

    var list: [JSON] { if case .array(let items) = self { items } else { [] } }

    /// The text of a string; nil for anything else.
    var text: String? { if case .string(let value) = self { value } else { nil } }

    var integer: Int64? { if case .integer(let value) = self { value } else { nil } }

    /// As people read it; a dash for nothing.
    var cell: String {
        switch self {
        case .null: "-"
        case .bool(let value): value ? "yes" : "no"
        case .integer(let value): String(value)
        case .number(let value): String(value)
        case .string(let value): value.isEmpty ? "-" : value
        case .array(let items): items.isEmpty ? "-" : items.map(\.cell).joined(separator: ",")
        case .object: rendered
        }
    }

    /// An object without its null members.
    static func members(_ pairs: [(String, JSON?)]) -> JSON {
        var members: [String: JSON] = [:]
        for case (let name, let value?) in pairs { members[name] = value }
        return .object(members)
    }

    /// One member a line, for `show`.
    func printMembers(_ names: [String]) {
        let width = names.map(\.count).max() ?? 0
        for name in names where self[name] != .null {
            Console.print("\(name.padding(toLength: width, withPad: " ", startingAt: 0))  \(self[name].cell)")
        }
    }
}
