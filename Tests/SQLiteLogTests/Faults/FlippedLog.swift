import CSQLite
import Core
import Digests
import Engine
import Foundation
import Recordings
import Testing

@testable import SQLiteLog

/// A log of 1 MB of real entries, whose file gets one byte flipped at a time.
///
/// A whole verification for each byte would take days. So a byte is tried with those parts of it that read its page; what
/// is on other pages does not change.
final class FlippedLog {
    /// What became of one flip.
    enum Finding: Hashable {
        /// Named by the position of the entry or commit, and all that is before it reads well.
        case position(UInt64)
        /// Named as damage to the structure, the tables or the index; every entry still reads.
        case structure
        /// The file is refused as a whole, because of its header or its table of tables.
        case refused
        /// Not found; and all that anyone reads is the same, searched and in order.
        case same
    }

    let directory: TemporaryDirectory
    let path: String
    let bytes: [UInt8]
    let entries: [EncodedEntry]
    /// The last positions of the commits.
    let commitEnds: [UInt64]
    /// For each page the tree it belongs to, and for a leaf of entries or commits its first and last key.
    private(set) var pages: [(tree: String, keys: ClosedRange<UInt64>?)] = []
    static let pageByteCount = 8_192
    private let pristine: String
    private let file: Int32
    private var connection: Connection?
    private var openedFor = -1

    /// - Parameter byteCount: the least size of the file.
    init(byteCount: Int) throws {
        directory = try TemporaryDirectory(inMemory: true)
        path = directory.file(SQLiteEventLog.fileName)
        pristine = directory.file("pristine.sqlite")
        (entries, commitEnds) = try Self.fill(directory.path, byteCount)
        bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        try FileManager.default.copyItem(atPath: path, toPath: pristine)
        file = open(path, O_RDWR)
        try findPages()
    }

    deinit { close(file) }

    /// Appends the entries of all captures, again and again, in commits of 1 to 5, with an index over a part of them.
    private static func fill(_ directory: String, _ byteCount: Int) throws -> ([EncodedEntry], [UInt64]) {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
            path: "../../../Replays/captures")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".frames") }
        let captured = try names.sorted().flatMap { name in
            try CaptureImport.run(Capture(contentsOf: folder.appending(path: name).path), into: MemoryLog()).log.read(
                after: .start, limit: .max)
        }
        var entries: [EncodedEntry] = []
        var ends: [UInt64] = []
        let log = try SQLiteEventLog(directory: directory, vfs: nil, blockEntryCount: 400)
        var revisions: [Core.Stream: Revision] = [:]
        var next = 0
        while try log.connection.number("measure", "PRAGMA page_count") ?? 0 < Int64(byteCount / pageByteCount) {
            var batch = Batch(after: log.head.link)
            for _ in 0...(ends.count % 5) {
                var entry = captured[next % captured.count]
                next += 1
                entry.position = Position(UInt64(next))
                entry.recordedAt = Timestamp(milliseconds: 1_700_000_000_000 + Int64(next))
                entry.revision = revisions[entry.stream, default: .none].next
                entry.cause = entry.cause.map { _ in Position(UInt64(max(1, next - 1))) }
                revisions[entry.stream] = entry.revision
                batch.append(entry)
            }
            entries += batch.entries
            try log.commit(batch)
            ends.append(UInt64(next))
        }
        return (entries, ends)
    }

    private func findPages() throws {
        pages = Array(repeating: ("none", nil), count: bytes.count / Self.pageByteCount)
        let connection = try Connection(path: path, mode: .immutable)
        let rows = try connection.prepare(
            "find the pages", "SELECT pageno, name, pagetype FROM dbstat")
        while try rows.step() {
            let number = Int(rows.integer(0)) - 1
            let (tree, kind) = (rows.text(1), rows.text(2))
            guard kind == "leaf", tree == "entries" || tree == "commits" else {
                pages[number] = ("\(tree) \(kind)", nil)
                continue
            }
            pages[number] = (tree, keys(of: number))
        }
    }

    /// The keys on a leaf of a table. Format: SQLite documentation, “Database File Format”, 1.6.
    private func keys(of page: Int) -> ClosedRange<UInt64>? {
        let start = page * Self.pageByteCount
        func number(_ offset: Int) -> Int { Int(bytes[start + offset]) << 8 | Int(bytes[start + offset + 1]) }
        let keys = (0..<number(3)).map { cell in
            var offset = start + number(8 + 2 * cell)
            while bytes[offset] & 0x80 != 0 { offset += 1 }  // the size of the row
            offset += 1
            var key: UInt64 = 0
            while bytes[offset] & 0x80 != 0 {
                key = key << 7 | UInt64(bytes[offset] & 0x7F)
                offset += 1
            }
            return key << 7 | UInt64(bytes[offset])
        }
        guard let first = keys.min(), let last = keys.max() else { return nil }
        return first...last
    }

    /// Flips a byte, looks, and flips it back.
    func finding(at offset: Int, mask: UInt8, _ look: (FlippedLog) throws -> Finding) throws -> Finding {
        var flipped = bytes[offset] ^ mask
        try #require(pwrite(file, &flipped, 1, off_t(offset)) == 1)
        defer {
            var original = bytes[offset]
            pwrite(file, &original, 1, off_t(offset))
        }
        do {
            return try look(self)
        } catch LogError.unusable {
            return .refused
        } catch let failure as SQLiteFailure {
            // A file that cannot be opened at all.
            try #require(
                failure.isCorruption || failure.primaryCode == SQLITE_CANTOPEN || failure.primaryCode == SQLITE_ERROR)
            return .refused
        }
    }

    /// What the parts of a verification find that read the page of the byte.
    func look(at offset: Int) throws -> Finding {
        let page = offset / Self.pageByteCount
        if page == 0 { connection = nil }  // the table of tables is read again
        if openedFor != page || connection == nil {
            connection = try Connection(path: path, mode: .immutable)
            openedFor = page
        }
        defer { if page == 0 { connection = nil } }
        guard let connection else { return .refused }
        sqlite3_db_release_memory(connection.handle)
        do throws(LogError) {
            if page == 0 {
                do throws(SQLiteFailure) {
                    try LogSchema.checkForReading(connection)
                } catch {
                    throw Unusable.logError(error, path: path)
                }
                try LogVerification(connection).checkTables()
            }
            if let keys = pages[page].keys {
                try walk(over: keys, connection)
            } else {
                try walkWhole(page, connection)
            }
            try LogVerification(connection).checkForm(end: Position(UInt64(entries.count)))
        } catch {
            guard case .damaged(_, let position, let problem) = error else { throw error }
            if problem.contains("structure") || problem.contains("index of streams")
                || problem.contains("table of tables")
            {
                return .structure
            }
            return .position(position.number)
        }
        try compare(connection, at: offset)
        return .same
    }

    /// Walks the commits that have entries or rows on a page; what comes before damage must be what was written.
    private func walk(over keys: ClosedRange<UInt64>, _ connection: Connection) throws(LogError) {
        let start = commitEnds.last { $0 < keys.lowerBound } ?? 0
        var walk = try LogWalk(connection, after: Position(start))
        var index = Int(start)
        while walk.head.position.number < keys.upperBound,
            try walk.next({ entry throws(LogError) in
                #expect(index < entries.count && entry == entries[index])
                index += 1
            })
        {}
        guard walk.head.position.number >= keys.upperBound else {
            throw .damaged(path: path, position: walk.head.position.next, problem: "the log ends here")
        }
    }

    /// Where the page is no leaf of entries or commits: everything that leads to them, then the index.
    private func walkWhole(_ page: Int, _ connection: Connection) throws(LogError) {
        guard pages[page].tree.hasPrefix("entries") || pages[page].tree.hasPrefix("commits") else {
            var index = IndexVerification(connection)
            try index.begin()
            var next = 0
            for end in commitEnds {
                while next < Int(end) {
                    index.add(entries[next])
                    next += 1
                }
                try index.endCommit(at: Position(end))
            }
            return try index.end(at: Position(UInt64(entries.count)))
        }
        var walk = try LogWalk(connection, after: .start)
        while try walk.next({ _ in }) {}
        guard walk.head.position.number == UInt64(entries.count) else {
            throw .damaged(path: path, position: walk.head.position.next, problem: "the log ends here")
        }
    }

    /// Whether all tables read the same, each row found by its key.
    private func compare(_ flipped: Connection, at offset: Int) throws {
        let reader = try Connection(path: pristine, mode: .immutable)
        try reader.execute("attach", "ATTACH 'file:\(path)?immutable=1' AS f")
        for (table, key, columns) in [
            ("entries", ["position"], ["recorded_at", "stream", "revision", "cause", "kind", "body", "crc"]),
            ("commits", ["last_position"], ["first_position", "link"]), ("blocks", ["block", "stream"], ["positions"]),
            ("streams", ["stream"], ["first_position", "last_position", "revision"]),
        ] {
            let found = key.map { "b.\($0) = a.\($0)" }.joined(separator: " AND ")
            let same = columns.map { "b.\($0) IS a.\($0)" }.joined(separator: " AND ")
            let differing = try reader.number(
                "compare", "SELECT count(*) FROM main.\(table) a LEFT JOIN f.\(table) b ON \(found) WHERE NOT (\(same))"
            )
            let counts = try reader.number(
                "count", "SELECT (SELECT count(*) FROM main.\(table)) - (SELECT count(*) FROM f.\(table))")
            #expect(differing == 0 && counts == 0, "\(table), byte \(offset)")
        }
    }
}
