import Core
import Wire

/// The members of a JSON object, taken one by one with their types. Whoever has taken all that there can be ends with
/// ``end()``, which refuses what is left.
///
/// Absent members are nil: it is for the caller to know their default. Every error names the member.
struct Body {
    /// The most bytes of a body.
    static let byteLimit = 1 << 20
    /// How long a body may take to arrive.
    static let arrivalLimit = Duration.seconds(30)
    /// The most bytes of a text, where nothing smaller is said.
    static let textByteLimit = 4_096

    private var members: [JSON.Member]
    private let path: String

    private init(_ members: [JSON.Member], path: String) {
        self.members = members
        self.path = path
    }

    /// The object that bytes hold; no bytes are `{}`.
    static func parse(_ bytes: [UInt8]) throws(RESTError) -> Body {
        guard !bytes.isEmpty else { return Body([], path: "") }
        let value: JSON
        do throws(JSONError) {
            value = try JSONParser.parse(bytes)
        } catch {
            throw RESTError(
                .validation, "the body is not JSON: \(error)", details: ["offset": .integer(error.offset)])
        }
        guard case .object(let members) = value else {
            throw RESTError(.validation, "the body must be a JSON object, not \(value.kind)")
        }
        return Body(members, path: "")
    }

    private func path(of name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    private mutating func take(_ name: String) -> JSON? {
        members.firstIndex { $0.name == name }.map { members.remove(at: $0).value }
    }

    private func wrong(_ name: String, _ expected: String, _ value: JSON) -> RESTError {
        .field(path(of: name), "must be \(expected), not \(value.kind)")
    }

    /// A string without zero characters, which will stand on the log: what looks like a secret is refused.
    mutating func text(_ name: String, byteLimit: Int = textByteLimit) throws(RESTError) -> Text? {
        guard let value = take(name) else { return nil }
        return try Self.openText(value, path(of: name), byteLimit)
    }

    /// A string without zero characters that does not go to the log.
    mutating func secret(_ name: String, byteLimit: Int = textByteLimit) throws(RESTError) -> Text? {
        guard let value = take(name) else { return nil }
        return try Self.text(value, path(of: name), byteLimit)
    }

    private static func openText(_ value: JSON, _ path: String, _ byteLimit: Int) throws(RESTError) -> Text {
        let text = try text(value, path, byteLimit)
        guard !Redactor.looksSecret(text.string) else { throw .holdsSecret(path) }
        return text
    }

    private static func text(_ value: JSON, _ path: String, _ byteLimit: Int) throws(RESTError) -> Text {
        guard case .string(let text) = value else { throw .field(path, "must be a string, not \(value.kind)") }
        guard text.utf8.count <= byteLimit else { throw .field(path, "must have at most \(byteLimit) bytes") }
        guard !text.utf8.contains(0) else { throw .field(path, "must not hold a zero character") }
        return Text(text)
    }

    /// A list of strings.
    mutating func texts(_ name: String, countLimit: Int, byteLimit: Int) throws(RESTError) -> [Text]? {
        guard let values = try list(name, countLimit: countLimit) else { return nil }
        var texts: [Text] = []
        for (index, value) in values.enumerated() {
            texts.append(try Self.openText(value, "\(path(of: name))[\(index)]", byteLimit))
        }
        return texts
    }

    /// A whole number from 0 on.
    mutating func number(_ name: String, limit: UInt32 = .max) throws(RESTError) -> UInt32? {
        guard let value = take(name) else { return nil }
        return try Self.number(value, path(of: name), limit)
    }

    private static func number(_ value: JSON, _ path: String, _ limit: UInt32) throws(RESTError) -> UInt32 {
        guard case .number(let digits) = value else { throw .field(path, "must be a number, not \(value.kind)") }
        guard !digits.hasPrefix("-"), let number = UInt32(digits), number <= limit else {
            // Where no limit is told, the next who looks at it knows of a nearer one.
            throw .field(path, "must be a whole number from 0 \(limit == .max ? "on" : "to \(limit)")")
        }
        return number
    }

    /// A list of whole numbers from 0 on.
    mutating func numbers(_ name: String, countLimit: Int) throws(RESTError) -> [UInt32]? {
        guard let values = try list(name, countLimit: countLimit) else { return nil }
        var numbers: [UInt32] = []
        for (index, value) in values.enumerated() {
            numbers.append(try Self.number(value, "\(path(of: name))[\(index)]", .max))
        }
        return numbers
    }

    /// True or false.
    mutating func flag(_ name: String) throws(RESTError) -> Bool? {
        guard let value = take(name) else { return nil }
        guard case .bool(let flag) = value else { throw wrong(name, "true or false", value) }
        return flag
    }

    /// A moment as text of RFC 3339; null is absent.
    mutating func moment(_ name: String) throws(RESTError) -> Timestamp? {
        guard let value = take(name), value != .null else { return nil }
        guard case .string(let text) = value, let moment = Moment.parse(text) else {
            throw .field(path(of: name), "must be a moment such as 2026-01-31T08:05:09Z")
        }
        return moment
    }

    /// An id of this kind; null is absent.
    mutating func identifier<Thing>(
        _ name: String, of kind: Identifier<Thing>.Type
    ) throws(RESTError) -> Identifier<Thing>? {
        guard let value = take(name), value != .null else { return nil }
        guard case .string(let text) = value, Self.isIdentifier(text, of: kind) else {
            throw .field(path(of: name), "must be null, or an id that begins with \(Thing.prefix)")
        }
        return Identifier(Text(text))
    }

    /// Whether a text has the form of such an id: whatever else stands in its place must not get to the log.
    static func isIdentifier<Thing>(_ text: String, of: Identifier<Thing>.Type) -> Bool {
        text.hasPrefix(Thing.prefix) && text.utf8.count <= Thing.prefix.utf8.count + 11
            && text.utf8.dropFirst(Thing.prefix.utf8.count).allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            }
    }

    /// Whether a member is there.
    func has(_ name: String) -> Bool { members.contains { $0.name == name } }

    /// One of some words.
    mutating func word<Value>(_ name: String, _ words: [(String, Value)]) throws(RESTError) -> Value? {
        guard let value = take(name) else { return nil }
        guard case .string(let text) = value else { throw wrong(name, "a string", value) }
        guard let known = words.first(where: { $0.0 == text }) else {
            throw .field(path(of: name), "must be one of \(words.map(\.0).joined(separator: ", "))")
        }
        return known.1
    }

    /// The members of an object within this one.
    mutating func object(_ name: String) throws(RESTError) -> Body? {
        guard let value = take(name) else { return nil }
        guard case .object(let members) = value else { throw wrong(name, "an object", value) }
        return Body(members, path: path(of: name))
    }

    private mutating func list(_ name: String, countLimit: Int) throws(RESTError) -> [JSON]? {
        guard let value = take(name) else { return nil }
        guard case .array(let values) = value else { throw wrong(name, "an array", value) }
        guard values.count <= countLimit else {
            throw .field(path(of: name), "must have at most \(countLimit) entries")
        }
        return values
    }

    /// Refuses members that nobody has taken.
    func end() throws(RESTError) {
        guard let first = members.first else { return }
        throw .field(path(of: RESTError.shown(first.name)), "there is no such member here")
    }
}
