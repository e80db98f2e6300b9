import Server
import Telemetry

extension JSON {
    /// A member, read leniently: null when there is none.
    func member(_ name: String) -> JSON { self[name] ?? .null }

    var list: [JSON] { if case .array(let items) = self { items } else { [] } }

    /// The text of a string; nil for anything else.
    var text: String? { if case .string(let value) = self { value } else { nil } }

    var integer: Int64? { if case .number(let digits) = self { Int64(digits) } else { nil } }

    /// As people read it; a dash for nothing.
    var cell: String {
        switch self {
        case .null: "-"
        case .bool(let value): value ? "yes" : "no"
        case .number(let digits): digits
        case .string(let value): value.isEmpty ? "-" : value
        case .array(let items): items.isEmpty ? "-" : items.map(\.cell).joined(separator: ",")
        case .object(let members): members.map { "\($0.name) \($0.value.cell)" }.joined(separator: ", ")
        }
    }

    /// Compact text.
    var rendered: String { String(decoding: bytes, as: UTF8.self) }

    /// One member a line, as people read it.
    func indented(by indent: String = "") -> String {
        guard case .object(let members) = self else { return cell }
        let width = members.map(\.name.count).max() ?? 0
        return members.map { member in
            let name = indent + member.name.padded(to: width)
            guard case .object(let inner) = member.value, !inner.isEmpty else {
                return "\(name)  \(member.value.cell.hanging(by: indent.count + width + 2))"
            }
            return "\(indent)\(member.name)\n" + member.value.indented(by: indent + "  ")
        }.joined(separator: "\n")
    }

    /// An object of those members that are given.
    static func members(_ pairs: [(String, JSON?)]) -> JSON {
        .object(pairs.compactMap { name, value in value.map { Member(name, $0) } })
    }

    /// One member a line, for `show`.
    func printMembers(_ names: [String]) {
        let width = names.map(\.count).max() ?? 0
        for name in names where member(name) != .null {
            Console.print("\(name.padded(to: width))  \(member(name).cell.hanging(by: width + 2))")
        }
    }
}

extension String {
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

    /// Further lines stand below the first one, so that none is taken for the next member.
    func hanging(by width: Int) -> String {
        visible(keepingLines: true).replacing("\n", with: "\n" + String(repeating: " ", count: width))
    }
}
