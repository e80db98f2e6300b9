import ArgumentParser
import Core
import Digests
import Engine
import Foundation
import Recordings
import SQLiteLog
import Server
import Wire

struct LogCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "The event log of a data directory; readers work beside a running server.",
        subcommands: [Stat.self, Tail.self, Show.self, Why.self, Verify.self, Import.self])

    /// Which log.
    struct Options: ParsableArguments {
        @Option(help: "The data directory (default: BACKUPY_DATA).") var data: String?
        @Flag(help: "Print JSON.") var json = false

        func directory() throws -> String {
            guard let directory = data ?? ProcessInfo.processInfo.environment["BACKUPY_DATA"], !directory.isEmpty else {
                throw Failure(text: "--data is needed: the directory that holds log.sqlite", code: Failure.usage)
            }
            return directory
        }
    }

    struct Stat: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Counts what is on the log.")
        @OptionGroup var options: Options

        func run() async throws {
            do {
                let directory = try options.directory()
                let reader = try LogFiles.reader(directory)
                let snapshots = try SnapshotFile.all(in: directory, of: reader)
                var fold = Folded<Fleet>()
                var first: Timestamp?
                var counts: [Text: Int] = [:]
                while case let page = try reader.read(after: fold.position, limit: 1_024), !page.isEmpty {
                    first = first ?? page[0].recordedAt
                    for encoded in page {
                        fold.apply(try FleetCodec().decode(encoded))
                        counts[encoded.kind, default: 0] += 1
                    }
                }
                let kinds = counts.sorted { $0.key < $1.key }
                if options.json {
                    let json: JSON = [
                        "entries": .integer(fold.position.number),
                        "first_recorded_at": .optional(first?.text),
                        "last_recorded_at": .optional(fold.recordedAt?.text),
                        "digest": .string(StateDigest(of: fold.state).description),
                        "by_kind": .object(kinds.map { JSON.Member($0.key.string, .integer($0.value)) }),
                        "snapshots": .array(snapshots.map(\.json)),
                    ]
                    return Console.print(json: json.rendered)
                }
                Console.print("entries  \(fold.position)")
                if let first, let last = fold.recordedAt { Console.print("span     \(first.text) to \(last.text)") }
                Console.print("digest   \(StateDigest(of: fold.state))")
                for snapshot in snapshots { Console.print("snapshot \(snapshot.line)") }
                Console.table(["kind", "entries"], kinds.map { [$0.key.string, String($0.value)] })
            } catch {
                throw LogFiles.failure(error)
            }
        }
    }

    struct Tail: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Prints the last entries.")
        @OptionGroup var options: Options
        @Option(name: [.customShort("n"), .long], help: "How many.") var count: UInt64 = 20
        @Flag(name: .shortAndLong, help: "Go on with new ones as they come.") var follow = false

        func run() async throws {
            do {
                let reader = try LogFiles.reader(options.directory())
                let last = try reader.lastPosition().number
                var position = Position(last - min(last, count))
                while true {
                    let entries = try reader.read(after: position, limit: 1_024)
                    for entry in entries { EntryPrinter.line(entry, asJSON: options.json) }
                    position = entries.last?.position ?? position
                    guard entries.isEmpty else { continue }
                    guard follow else { return }
                    try await Task.sleep(for: .milliseconds(250))
                }
            } catch {
                throw LogFiles.failure(error)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Prints one entry whole.")
        @OptionGroup var options: Options
        @Argument(help: "Its position.") var position: UInt64

        func run() async throws {
            do {
                let reader = try LogFiles.reader(options.directory())
                guard position > 0, let entry = try reader.read(after: Position(position - 1), limit: 1).first,
                    entry.position.number == position
                else {
                    let last = try reader.lastPosition()
                    throw Failure(text: "there is no entry \(position); the log has positions 1 to \(last)")
                }
                EntryPrinter.whole(entry, asJSON: options.json)
            } catch {
                throw LogFiles.failure(error)
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Checks every entry and every commit; exit 3 when the log is damaged.")
        @OptionGroup var options: Options

        func run() async throws {
            do {
                let directory = try options.directory()
                // Read before the log is: beside a running server, both go on meanwhile.
                let seen = SQLiteViews.checkpoint(of: directory + "/" + SQLiteViews.fileName)
                let report = try LogFiles.reader(directory).verify()
                if let seen, seen.number > report.entryCount {
                    throw Failure(
                        text:
                            "the log ends at position \(report.entryCount), and views.sqlite has seen position \(seen): "
                            + "it has lost its end, or is an older copy", code: Failure.verification)
                }
                Console.print(
                    options.json
                        ? #"{"entries":\#(report.entryCount),"commits":\#(report.commitCount),"link":"\#(report.link.hex)"}"#
                        : "sound: \(report.entryCount) entries in \(report.commitCount) commits; last link \(report.link.hex)"
                )
            } catch {
                throw LogFiles.failure(error)
            }
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a log of a capture in an empty data directory, for reading.")
        @OptionGroup var options: Options
        @Argument(help: "A .frames file.") var capture: String

        func run() async throws {
            do {
                let directory = try options.directory()
                let capture = try Capture(contentsOf: capture)
                let contents = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
                guard contents.isEmpty else {
                    throw Failure(text: "\(directory) is not empty; an import needs a data directory of its own")
                }
                let kernel = try CaptureImport.run(capture, into: SQLiteEventLog(directory: directory))
                let entries = kernel.log.head.position
                Console.print(
                    options.json
                        ? #"{"entries":\#(entries),"digest":"\#(StateDigest(of: kernel.state))"}"#
                        : "\(entries) entries in \(directory), digest \(StateDigest(of: kernel.state))")
            } catch {
                throw LogFiles.failure(error)
            }
        }
    }
}

/// Entries for people, or one JSON object a line.
enum EntryPrinter {
    static func line(_ entry: EncodedEntry, asJSON: Bool) {
        if asJSON { return whole(entry, asJSON: true) }
        let cause = entry.cause.map { " ← \($0)" } ?? ""
        Console.print(line: "\(entry.position)\(cause)  \(entry.recordedAt.text)  \(entry.stream)  \(entry.kind)")
    }

    static func whole(_ entry: EncodedEntry, asJSON: Bool) {
        let json = EntryJSON.entry(entry, codec: FleetCodec())
        asJSON ? Console.print(json: json.rendered) : Console.print(json.indented())
    }
}
