import Core
import Engine

/// The SQL of one collection. Its names are checked before, since names cannot be bound as parameters.
struct ViewsTable: Sendable {
    let schema: CollectionSchema

    /// Nil when a name has other characters than letters, digits and `_`, or more than 64, or what is kept goes by a
    /// member without an index.
    init?(_ schema: CollectionSchema) {
        guard ([schema.name] + schema.indexed).allSatisfy(Self.isName) else { return nil }
        if let kept = schema.kept, !schema.indexed.contains(kept.member) { return nil }
        self.schema = schema
    }

    private static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { character in
                switch character {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    // A prefix keeps a collection from having the name of a table of SQLite's or ours.
    private var table: String { "view_\(schema.name)" }

    private static func member(_ name: String) -> String { "json_extract(body, '$.\(name)')" }

    /// The table and its indexes; also tells whether a file was made for this schema.
    var definition: String {
        var lines = [
            "CREATE TABLE \(table)(id TEXT PRIMARY KEY, position INTEGER NOT NULL, body TEXT NOT NULL);",
            "CREATE INDEX \(table)_by_position ON \(table)(position);",
        ]
        for (number, name) in schema.indexed.enumerated() {
            lines.append("CREATE INDEX \(table)_member_\(number) ON \(table)(\(Self.member(name)), position);")
        }
        if schema.version > 1 { lines.append("-- documents of version \(schema.version)") }
        return lines.joined(separator: "\n")
    }

    var store: String {
        """
        INSERT INTO \(table) VALUES (?, ?, ?)
        ON CONFLICT(id) DO UPDATE SET position = excluded.position, body = excluded.body
        """
    }

    /// Deletes what is no longer kept; nil when all is. Parameters: the value, the value, the limit less one.
    var prune: String? {
        schema.kept.map { kept in
            """
            DELETE FROM \(table) WHERE \(Self.member(kept.member)) = ? AND position < (SELECT position FROM \(table)
            WHERE \(Self.member(kept.member)) = ? ORDER BY position DESC LIMIT 1 OFFSET ?)
            """
        }
    }

    var clear: String { "DELETE FROM \(table)" }

    var find: String { "SELECT id, position, body FROM \(table) WHERE id = ?" }

    /// Parameters in order: the members' values, `before`, `createdFrom`, `createdTo`, the limit.
    func list(matching members: [String], _ query: DocumentQuery) -> String {
        var conditions = members.map { "\(Self.member($0)) = ?" }
        if query.before != nil { conditions.append("position < ?") }
        if query.createdFrom != nil { conditions.append("\(Self.member("created_at")) >= ?") }
        if query.createdTo != nil { conditions.append("\(Self.member("created_at")) < ?") }
        let filter = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        return "SELECT id, position, body FROM \(table) \(filter) ORDER BY position DESC, id DESC LIMIT ?"
    }

    /// The document that a row of ``find`` or ``list(matching:_:)`` holds.
    func document(_ row: Statement) -> Document {
        Document(
            collection: schema.name, id: row.text(0), position: Position(UInt64(clamping: row.integer(1))),
            json: row.bytes(2))
    }
}
