import Server

/// What the server said.
struct Answer: Sendable {
    /// What was asked.
    var url: String
    var bytes: [UInt8]
    var json: JSON
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// - Throws: ``Failure`` for a body that is no JSON: something else answers at this address.
    init(_ bytes: [UInt8], from url: String) throws {
        self.url = url
        self.bytes = bytes
        guard let json = bytes.isEmpty ? .null : JSON(parsing: bytes) else {
            throw Self.foreign(url, "it is no JSON")
        }
        self.json = json
    }

    /// A text that the answer must have.
    func text(_ name: String) throws -> String {
        guard let text = json.member(name).text else { throw Self.foreign(url, "it has no \(name)") }
        return text
    }

    /// A list that the answer must have.
    func list(_ name: String) throws -> [JSON] {
        guard case .array(let items) = json.member(name) else { throw Self.foreign(url, "it has no \(name)") }
        return items
    }

    /// Prints it: as the server sent it, or these members, one a line.
    ///
    /// - Parameter needed: members without which it is not the answer; the first one of those printed where none is named.
    func show(_ names: [String], asJSON: Bool, needing needed: [String]? = nil) throws {
        for name in needed ?? Array(names.prefix(1)) where json.member(name) == .null {
            throw Self.foreign(url, "it has no \(name)")
        }
        if asJSON { Console.print(json: text) } else { json.printMembers(names) }
    }

    private static func foreign(_ url: String, _ problem: String) -> Failure {
        Failure(
            text: "what \(url) answered is not a Backupy server's answer: \(problem). Is it the server's own address?")
    }
}
