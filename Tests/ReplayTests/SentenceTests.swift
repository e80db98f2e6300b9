import Core
import Engine
import Recordings
import Testing
import Wire

@Suite("Every entry can be told in one sentence")
struct SentenceTests {
    @Test("of all captures", arguments: CaptureFiles.names)
    func captures(name: String) throws {
        let log = try CaptureFiles.log(of: name)
        var position = Position.start
        while let end = log.read(after: position, limit: 1_024).last {
            for encoded in log.read(after: position, limit: 1_024) {
                let sentence = Fleet.sentence(for: try FleetCodec().decode(encoded).message)
                let isWhole = sentence.hasSuffix(".") && !sentence.contains("..") && !sentence.contains("Optional(")
                #expect(isWhole && (sentence.first?.isUppercase ?? false), "\(encoded.kind): \(sentence)")
            }
            position = end.position
        }
    }

    @Test("and every verdict leads back to something that came from outside", arguments: CaptureFiles.names)
    func verdicts(name: String) throws {
        let log = try CaptureFiles.log(of: name)
        let entries = log.read(after: .start, limit: .max)
        for verdict in entries where verdict.kind == "run.closed" {
            let tree = try #require(
                try CauseTree(of: verdict.position, in: log, codec: FleetCodec(), grounds: Fleet.grounds))
            #expect(leaves(tree.root).contains { $0.hasPrefix("captured.run_backup") }, "\(verdict.position)")
            #expect(
                leaves(tree.root).allSatisfy {
                    $0.hasPrefix("frame.") || $0.hasPrefix("captured.") || $0.hasPrefix("session.")
                }, "\(leaves(tree.root))")
        }
    }

    private func leaves(_ node: CauseTree<Fleet.Message>.Node) -> [String] {
        node.branches.isEmpty ? [node.entry.kind.string] : node.branches.flatMap(leaves)
    }
}
