import Core
import Digests
import Engine

/// Which part of a list is asked for.
struct Page {
    static let limits = 1...100
    static let usualLimit = 50

    /// At most so many.
    let limit: Int
    /// Behind which item; nil from the start.
    let after: String?
    private let kind: String

    /// The page that a request asks for. `kind` keeps the cursors of different lists apart.
    init(_ query: Query, kind: String) throws(RESTError) {
        self.kind = kind
        limit = try Self.limit(query)
        after = try query["cursor"].map { (text) throws(RESTError) in
            guard let bytes = Base64.decodeURL(text), let content = String(validating: bytes, as: UTF8.self),
                content.hasPrefix(kind + ":")
            else { throw .field("cursor", "is not a cursor of this list; take next_cursor as it came") }
            return String(content.dropFirst(kind.utf8.count + 1))
        }
    }

    static func limit(_ query: Query) throws(RESTError) -> Int {
        guard let text = query["limit"] else { return usualLimit }
        guard text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let number = Int(text), limits.contains(number) else {
            throw .field("limit", "must be a whole number from \(limits.lowerBound) to \(limits.upperBound)")
        }
        return number
    }

    /// The position behind which a list of documents or entries goes on; nil from the start.
    var position: Position? {
        get throws(RESTError) {
            guard let after else { return nil }
            guard let position = Position(asked: after) else {
                throw RESTError.field("cursor", "is not a cursor of this list; take next_cursor as it came")
            }
            return position
        }
    }

    /// The cursor of the page that begins behind an item.
    func cursor(behind item: String) -> String {
        Base64.encodeURL(Array("\(kind):\(item)".utf8))
    }

    /// The answer. `next` is the cursor of the following page; nil on the last one.
    static func json(_ items: [JSON], next: String?) -> JSON {
        ["items": .array(items), "next_cursor": .optional(next), "has_more": .bool(next != nil)]
    }

    /// From ids in any order those of this page, in their own order, and the cursor of the next one; nil when none follow.
    /// Linear in their number.
    func select<Thing>(_ ids: [Identifier<Thing>]) -> (ids: [Identifier<Thing>], next: String?) {
        let last = after.map { Identifier<Thing>(Text($0)) }
        var chosen: [Identifier<Thing>] = []
        for id in ids {
            if let last, id <= last { continue }
            chosen.append(id)
            guard chosen.count >= 8 * (limit + 1) else { continue }
            chosen.sort()
            chosen.removeLast(chosen.count - limit - 1)
        }
        chosen.sort()
        let hasMore = chosen.count > limit
        if hasMore { chosen.removeLast(chosen.count - limit) }
        return (chosen, hasMore ? chosen.last.map { cursor(behind: $0.text.string) } : nil)
    }
}

extension Position {
    /// A position of the log as a request names it; nil for what is none.
    init?(asked text: String) {
        guard let number = UInt64(text), number <= UInt64(Int64.max) else { return nil }
        self.init(number)
    }
}

/// The parameters behind the question mark. A name that no one asks for, or that stands there twice, is refused.
struct Query {
    private let values: [String: String]

    /// - Parameter parameters: Names and values as they stand there, percent-decoded.
    init(_ parameters: some Sequence<(Substring, Substring)>, allowed: [String]) throws(RESTError) {
        var values: [String: String] = [:]
        for (name, value) in parameters {
            let name = String(name)
            guard allowed.contains(name) else {
                throw .field(
                    RESTError.shown(name),
                    "there is no such parameter here; there are \(allowed.joined(separator: ", "))")
            }
            guard values[name] == nil else { throw .field(name, "must stand there once") }
            values[name] = String(value)
        }
        self.values = values
    }

    subscript(name: String) -> String? { values[name] }

    /// A filter: without a value it filters nothing.
    func filter(_ name: String) -> String? { values[name].flatMap { $0.isEmpty ? nil : $0 } }
}
