import ArgumentParser
import Core
import Engine
import Foundation
import Recordings
import SQLiteLog
import Server
import Wire

struct Replay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Folds captures and logs anew, and says what they come to.",
        discussion: """
            FILE is a .frames capture, or a data directory (also beside a running server). With --check every decision \
            is decided again and compared with the one on the log; exit 3 where they differ.
            """)

    @Argument(help: ArgumentHelp("What to replay; each is folded by itself, one result a line.", valueName: "file"))
    var files: [String]
    @Flag(help: "Decide again and compare; needs a log with recorded decisions.") var check = false
    @Flag(help: "Print the golden result as JSON.") var json = false

    func run() async throws {
        var failure: Failure?
        for file in files {
            do {
                try replay(file)
            } catch {
                let problem = LogFiles.failure(error)
                Console.complain("error: \(problem.text)")
                failure = failure.map { $0.code >= problem.code ? $0 : problem } ?? problem
            }
        }
        if let failure { throw ExitCode(failure.code) }
    }

    private func replay(_ file: String) throws {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory) else {
            throw Failure(text: "\(file): there is no such file", code: Failure.usage)
        }
        guard isDirectory.boolValue else {
            guard !check else {
                throw Failure(
                    text: "\(file) is a capture: it holds frames, and no recorded decisions that could be checked",
                    code: Failure.usage)
            }
            return say(file, try ReplayResult(of: Capture(contentsOf: file)))
        }
        let reader = try LogFiles.reader(file)
        if check { try decideAgain(file, reader) }
        say(file, try ReplayResult(of: reader))
    }

    private func decideAgain(_ file: String, _ reader: SQLiteLogReader) throws {
        var replay = ReplayCheck<Fleet>()
        try replay.run(reader, codec: FleetCodec())
        for divergence in replay.divergences { Console.complain(divergence.description) }
        guard replay.isGood else {
            throw Failure(
                text: "\(file): \(replay.errorCount) turns decide otherwise than was recorded",
                code: Failure.verification)
        }
        let differences = replay.diffCount == 0 ? "" : ", \(replay.diffCount) decision diffs under other rules"
        Console.complain("\(file): \(replay.decisionCount) recorded decisions, each the same again\(differences)")
    }

    private func say(_ file: String, _ result: ReplayResult) {
        if json { return Console.print(json: result.summary.json) }
        Console.print("\(file)")
        Console.print("  entries    \(result.fold.entryCount)")
        Console.print("  digest     \(result.summary.digest)")
        Console.print("  sessions   \(result.fold.sessions.count)")
        var verdicts: [String: Int] = [:]
        for (_, run) in result.fold.runs { verdicts[run.word, default: 0] += 1 }
        let runs = verdicts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        Console.print(
            "  runs       \(result.fold.runs.count)\(runs.isEmpty ? "" : " (\(runs.joined(separator: ", ")))")")
        let anomalies = result.fold.anomalies.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        Console.print("  anomalies  \(anomalies.isEmpty ? "none" : anomalies.joined(separator: ", "))")
    }
}

/// A fold with its golden result.
private struct ReplayResult {
    var fold: ReplayFold
    var summary: ReplaySummary

    init(of reader: any LogReader) throws {
        fold = ReplayFold()
        try fold.add(contentsOf: reader, codec: FleetCodec())
        summary = ReplaySummary(fold)
    }

    init(of capture: Capture) throws {
        try self.init(of: CaptureImport.run(capture, into: MemoryLog()).log)
    }
}

extension Run {
    /// Where it stands, in one word.
    fileprivate var word: String {
        if case .closed(let verdict) = phase { verdict.word } else { phase.word.string }
    }
}
