import Core
import HTTPTypes

/// Revisions of things in the headers of HTTP: `ETag` with what is read, `If-Match` with what is changed.
///
/// The revision of a thing is the position of its last change. Source: RFC 9110, 8.8.3 and 13.1.1.
enum Revision {
    /// The header's value for a revision.
    static func tag(_ revision: Position) -> String { "\"\(revision.number)\"" }

    /// What a header says that the author of a change has seen; nil where any state will do (no header, or `*`).
    ///
    /// A tag that is not of our making is one that nothing has: position 0, at which nothing was ever changed.
    static func expected(by header: String?) throws(RESTError) -> Position? {
        guard let header = header?.filter({ $0 != " " && $0 != "\t" }), header != "*" else { return nil }
        guard header.utf8.count >= 2, header.hasPrefix("\""), header.hasSuffix("\""), !header.contains(",") else {
            throw .field("If-Match", "must be one ETag as it was read, such as \"42\" with its quotes, or *")
        }
        return Position(UInt64(header.dropFirst().dropLast()) ?? 0)
    }
}

extension Ticket {
    /// For a change of nothing, which is no request: whether its author has seen the present revision.
    func check(_ current: Position?) throws(RESTError) {
        guard let expected, let current, expected != current else { return }
        throw RESTError(
            .precondition, "If-Match: it was changed meanwhile, and its revision is \(current) now",
            details: ["field": "If-Match", "revision": .integer(current.number)],
            headers: [.eTag: Revision.tag(current)])
    }
}
