import ArgumentParser
import Core
import Engine
import SQLiteLog
import Server
import Wire

extension LogCommand {
    /// Explains an entry, or how a run has come to where it stands.
    struct Why: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tells why an entry is there: a tree of causes and evidence.",
            discussion: """
                Each entry is told in one sentence. Below it stand what it follows from (because) and, of a verdict, \
                what else it rests on (evidence). Of a run it is the verdict that is explained, or the last entry \
                about it while it is open.
                """)
        @OptionGroup var options: Options
        @Argument(help: "A position, or the id of a run.") var subject: String

        func run() async throws {
            do {
                let reader = try LogFiles.reader(options.directory())
                let position = try position(in: reader)
                guard
                    let tree = try CauseTree(
                        of: position, in: reader, codec: FleetCodec(), grounds: Fleet.grounds)
                else {
                    let last = try reader.lastPosition()
                    throw Failure(text: "there is no entry \(position); the log has positions 1 to \(last)")
                }
                if options.json { return Console.print(json: WhyJSON.tree(tree).rendered) }
                for line in Self.lines(tree.root) { Console.print(line: line) }
            } catch {
                throw LogFiles.failure(error)
            }
        }

        private func position(in reader: SQLiteLogReader) throws -> Position {
            if let number = UInt64(subject) { return Position(number) }
            let run = RunID(Text(subject))
            var last: Position?
            var verdict: Position?
            while true {
                let entries = try reader.read(stream: .run(run), after: last ?? .start, limit: 1_024)
                guard let end = entries.last else { break }
                last = end.position
                verdict = entries.last { $0.kind == "run.closed" }?.position ?? verdict
            }
            guard let position = verdict ?? last else {
                throw Failure(
                    text: "the log has no run \(subject); `backupy log why` takes a position or the id of a run")
            }
            return position
        }

        static func lines(_ node: CauseTree<Fleet.Message>.Node) -> [String] {
            let mark =
                switch node.relation {
                case .asked: ""
                case .cause: "because "
                case .ground: "evidence "
                }
            let entry = node.entry
            let elsewhere = node.isCutOff ? "  (explained elsewhere in this tree)" : ""
            var lines = [
                "\(mark)\(entry.position)  \(entry.recordedAt.text)  \(entry.kind)\(elsewhere)",
                WhyJSON.sentence(node),
            ]
            // The text of an entry stands behind the line that leads to its branches.
            lines[1] = (node.branches.isEmpty ? "  " : "│ ") + lines[1]
            for (index, branch) in node.branches.enumerated() {
                let isLast = index == node.branches.count - 1
                for (number, line) in Self.lines(branch).enumerated() {
                    lines.append((number == 0 ? (isLast ? "└─ " : "├─ ") : (isLast ? "   " : "│  ")) + line)
                }
            }
            return lines
        }
    }
}
