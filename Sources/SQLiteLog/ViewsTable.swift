import Core
import Engine

/// The SQL of one collection. Its names are checked before, since names cannot be bound as parameters.
struct ViewsTable: Sendable {
    private static let createdAt = "created_at"

    let schema: CollectionSchema

    /// Nil when a name has other characters than letters, digits and `_`, or more than 64, or what is kept goes by a
    /// member without an index.
    init?(_ schema: CollectionSchema) {
        let names = [schema.name] + schema.indexed + (schema.kept?.order.map { [$0] } ?? [])
        guard names.allSatisfy(Self.isName) else { return nil }
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

    /// By what documents of which only the last are kept go.
    private static func place(of kept: CollectionSchema.Kept) -> String { kept.order.map(member) ?? "position" }

    /// The first position of a document created at some moment or later; null when there is none.
    private var firstCreated: String {
        let createdAt = Self.member(Self.createdAt)
        return "(SELECT position FROM \(table) WHERE \(createdAt) >= ? ORDER BY \(createdAt), position LIMIT 1)"
    }

    /// The table and its indexes; also tells whether a file was made for this schema.
    var definition: String {
        var lines = [
            "CREATE TABLE \(table)(id TEXT PRIMARY KEY, position INTEGER NOT NULL, body TEXT NOT NULL);",
            "CREATE INDEX \(table)_by_position ON \(table)(position);",
        ]
        for (number, name) in schema.indexed.enumerated() {
            lines.append("CREATE INDEX \(table)_member_\(number) ON \(table)(\(Self.member(name)), position);")
        }
        if let kept = schema.kept, kept.order != nil {
            lines.append(
                "CREATE INDEX \(table)_kept ON \(table)(\(Self.member(kept.member)), \(Self.place(of: kept)));")
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
            DELETE FROM \(table) WHERE \(Self.member(kept.member)) = ? AND \(Self.place(of: kept)) < (
            SELECT \(Self.place(of: kept)) FROM \(table) WHERE \(Self.member(kept.member)) = ?
            ORDER BY \(Self.place(of: kept)) DESC LIMIT 1 OFFSET ?)
            """
        }
    }

    /// Parameter: the id.
    var remove: String { "DELETE FROM \(table) WHERE id = ?" }

    var clear: String { "DELETE FROM \(table)" }

    var find: String { "SELECT id, position, body FROM \(table) WHERE id = ?" }

    /// Parameters in order: the members' values, `before`, `createdFrom`, `createdTo`, the limit.
    ///
    /// Lists are in the order of positions, in which `created_at` never decreases: where it has an index, its bounds are
    /// looked up there as positions, so that no document outside of them is read.
    func list(matching members: [String], _ query: DocumentQuery) -> String {
        var conditions = members.map { "\(Self.member($0)) = ?" }
        if query.before != nil { conditions.append("position < ?") }
        let isIndexed = schema.indexed.contains(Self.createdAt)
        if query.createdFrom != nil {
            conditions.append(isIndexed ? "position >= \(firstCreated)" : "\(Self.member(Self.createdAt)) >= ?")
        }
        if query.createdTo != nil {
            conditions.append(
                isIndexed
                    ? "position < coalesce(\(firstCreated), \(Int64.max))" : "\(Self.member(Self.createdAt)) < ?")
        }
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
