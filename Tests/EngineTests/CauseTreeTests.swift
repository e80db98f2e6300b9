import Core
import Engine
import Testing

/// A word that may name an earlier entry as a ground.
private struct Word: Hashable, Sendable, Codable {
    var grounds: [UInt64] = []
}

private struct WordCodec: Codec {
    func encode(_ message: Word) -> [UInt8] { message.grounds.map { UInt8(truncatingIfNeeded: $0) } }

    func decode(_ body: [UInt8], kind: Text) throws(CodecError) -> Word {
        guard kind == "word" else { throw CodecError(kind: kind, problem: "no word") }
        return Word(grounds: body.map(UInt64.init))
    }
}

/// Entries as they come, also such as no engine writes.
private struct Shelf: LogReader {
    var entries: [EncodedEntry] = []

    mutating func add(cause: UInt64? = nil, grounds: [UInt64] = [], kind: Text = "word") {
        let position = Position(UInt64(entries.count + 1))
        entries.append(
            EncodedEntry(
                position: position, recordedAt: Timestamp(milliseconds: 1), stream: .engine,
                revision: Revision(position.number), cause: cause.map(Position.init), kind: kind,
                body: WordCodec().encode(Word(grounds: grounds))))
    }

    func read(after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        Array(entries.dropFirst(Int(clamping: position.number)).prefix(limit))
    }
    func read(stream: Core.Stream, after position: Position, limit: Int) throws(LogError) -> [EncodedEntry] {
        try read(after: position, limit: limit)
    }
    func lastPosition() throws(LogError) -> Position { Position(UInt64(entries.count)) }
    func commit(upTo position: Position) throws(LogError) -> CommitEnd { .start }

    func tree(of position: UInt64) throws -> CauseTree<Word>? {
        try CauseTree(of: Position(position), in: self, codec: WordCodec()) { $0.grounds.map(Position.init) }
    }
}

@Suite("The tree of causes and evidence")
struct CauseTreeTests {
    @Test("walks back from an entry through causes and grounds, and explains each entry once")
    func walk() throws {
        var shelf = Shelf()
        shelf.add()
        shelf.add(cause: 1)
        shelf.add()
        shelf.add(cause: 2, grounds: [2, 3, 1])
        shelf.add(cause: 4, grounds: [2])
        let tree = try #require(try shelf.tree(of: 5))
        #expect(outline(tree.root) == "asked 5(cause 4(cause 2(cause 1),ground 3,ground 1),ground 2…)")
    }

    @Test("is nothing where the log has no entry", arguments: [0, 2, UInt64.max] as [UInt64])
    func nowhere(position: UInt64) throws {
        var shelf = Shelf()
        shelf.add()
        #expect(try shelf.tree(of: position) == nil)
    }

    @Test("takes an entry that this build cannot read as it is, and follows its cause")
    func unreadable() throws {
        var shelf = Shelf()
        shelf.add()
        shelf.add(cause: 1, kind: "noise")
        let tree = try #require(try shelf.tree(of: 2))
        #expect(tree.root.message == nil)
        #expect(outline(tree.root) == "asked 2(cause 1)")
    }

    @Test("ends although entries name themselves or later ones, and however long the chain is")
    func bounds() throws {
        var shelf = Shelf()
        shelf.add(cause: 2, grounds: [1, 2])
        shelf.add(cause: 2, grounds: [1])
        #expect(try outline(#require(try shelf.tree(of: 2)).root) == "asked 2(ground 1)")
        var chain = Shelf()
        for position in 1...1_000 as ClosedRange<UInt64> { chain.add(cause: position > 1 ? position - 1 : nil) }
        var node = try #require(try chain.tree(of: 1_000)).root
        var length = 1
        while let next = node.branches.first {
            node = next
            length += 1
        }
        #expect(length == CauseTree<Word>.nodeLimit + 1 && node.isCutOff)
    }

    private func outline(_ node: CauseTree<Word>.Node) -> String {
        let branches = node.branches.map(outline).joined(separator: ",")
        return "\(node.relation.rawValue) \(node.entry.position)" + (branches.isEmpty ? "" : "(\(branches))")
            + (node.isCutOff ? "…" : "")
    }
}
