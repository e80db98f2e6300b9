import ArgumentParser
import Foundation
import Server
import Telemetry

/// The command line. Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 a verification failed.
@main
struct Main {
    static func main() async {
        // Progress and results are read by other programs: a closed pipe must be an error of a write, not a death.
        signal(SIGPIPE, SIG_IGN)
        // Until a server listens for it, it would end the process, and systemd takes that for a wish. So this comes before
        // anything is read.
        if CommandLine.arguments.dropFirst().first == "serve" { signal(SIGHUP, SIG_IGN) }
        do {
            var command = try Backupy.parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            leave(0)
        } catch let failure as Failure {
            Console.complain("error: \(failure.text)")
            leave(failure.code)
        } catch let code as ExitCode {
            leave(code.rawValue)
        } catch {
            guard Backupy.exitCode(for: error) != .success else {
                // Help that was asked for is a result.
                Console.print(Backupy.fullMessage(for: error))
                leave(0)
            }
            let isUsage = Backupy.exitCode(for: error) == .validationFailure
            Console.complain(isUsage ? Backupy.fullMessage(for: error) : "error: \(error)")
            leave(isUsage ? Failure.usage : Failure.work)
        }
    }
}

struct Backupy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backupy",
        abstract: "Orchestrates backups of fleets of databases, and can explain every decision it made.",
        discussion: """
            `backupy demo` shows the whole: a control plane, an agent, a database, a backup, and the proof that it \
            restores. Results go to standard output, progress and logs to standard error.
            Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 a verification failed.
            """,
        subcommands: [
            Serve.self, AgentCommand.self, Demo.self, Agents.self, Targets.self, Jobs.self, Runs.self, Checks.self,
            Alerts.self, Tokens.self, FleetSettings.self, ClockCommand.self, LogCommand.self, Replay.self,
            Simulate.self,
            Decrypt.self, MasterKeyCommand.self, Version.self,
        ])
}

/// Why a command could not do its work.
struct Failure: Error {
    static let work: Int32 = 1
    static let usage: Int32 = 2
    static let verification: Int32 = 3

    var text: String
    var code = Failure.work
    /// The HTTP status of a server's refusal.
    var status: Int?
    /// Whether the same call may work in a moment.
    var isPassing = false
}

/// Small texts that people name by a path.
enum Input {
    /// The whole text of a file or pipe; nil when it cannot be read or is no UTF-8.
    static func text(of path: String) -> String? {
        // Unlike String(contentsOfFile:) this reads pipes, such as the shell's <(…).
        guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.readToEnd() ?? Data() else {
            return nil
        }
        return String(data: data, encoding: .utf8)
    }
}

/// What goes where: results to standard output, everything else to standard error.
///
/// Texts may come from anybody, and a terminal obeys what it is shown: control characters are made visible here, but for
/// those of JSON, which other programs read.
enum Console {
    /// A result, of one line or more.
    static func print(_ text: String) { result(text.visible(keepingLines: true)) }

    /// A result that is one line, whatever it holds.
    static func print(line: String) { result(line.visible(keepingLines: false)) }

    /// A result for programs, as it is.
    static func print(json: String) { result(json) }

    /// Where a result cannot be written the command has failed: what is shown once, such as a new key, would be lost without a
    /// word.
    private static func result(_ text: String) {
        guard !write(text + "\n", to: STDOUT_FILENO) else { return }
        complain("error: standard output: \(String(cString: strerror(errno)))")
        leave(Failure.work)
    }

    /// A line for whoever listens, which may be nobody.
    static func tell(_ text: String) { write(text.visible(keepingLines: false) + "\n", to: STDOUT_FILENO) }

    /// A line of the log, its end included, in one piece and as it is.
    static func log(line: String) { write(line, to: STDERR_FILENO) }

    static func complain(_ text: String) { write(text.visible(keepingLines: true) + "\n", to: STDERR_FILENO) }

    /// Replaces the current line of a terminal.
    static func progress(_ text: String) {
        write("\r\u{1B}[2K" + text.visible(keepingLines: false), to: STDERR_FILENO)
    }

    static var hasTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// - Returns: Whether all of it went out.
    @discardableResult
    private static func write(_ text: String, to descriptor: Int32) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                if count < 0, errno == EAGAIN {
                    var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&request, 1, -1)
                    continue
                }
                return false
            }
            bytes = bytes.dropFirst(count)
        }
        return true
    }

    /// Columns as wide as their widest cell.
    static func table(_ header: [String], _ rows: [[String]]) {
        let all = [header] + rows.map { $0.map { $0.visible(keepingLines: false) } }
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        for row in all {
            let cells = zip(row, widths).map { $0.padded(to: $1) }
            print(cells.joined(separator: "  ").trimmingCharacters(in: .whitespaces))
        }
    }
}

struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Prints the version.")

    @Flag(help: "Print JSON.") var json = false

    func run() {
        Console.print(json ? #"{"version":"\#(Build.version)"}"# : "backupy \(Build.version)")
    }
}
