import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Server

struct Runs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs: executions of jobs, from request to verdict.",
        subcommands: [
            List.self, Show.self, WatchRun.self, Timeline.self, Cancel.self, Download.self, Token.self, Delete.self,
            LockRun.self, UnlockRun.self,
        ], defaultSubcommand: List.self)

    private static let members = [
        "id", "job_id", "agent_id", "target_id", "status", "waiting_for", "attempt", "next_attempt_at", "attempts",
        "cancellation", "manual_trigger", "progress_percent",
        "current_step", "error_class", "error_message", "evidence", "s3_key", "size_bytes", "sha256", "duration_ms",
        "compression", "db_engine_version", "kept_by", "kept_until", "locked", "object_deleted_at",
        "object_deleted_reason",
        "created_at", "started_at", "finished_at", "position",
    ]

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists runs, the newest first.")
        @OptionGroup var server: ServerOptions
        @Option(help: "Only those of this agent.") var agent: String?
        @Option(help: "Only those of this job.") var job: String?
        @Option(help: "Only those of this target.") var target: String?
        @Option(help: "Only queued, running, success, failed, cancelled or lost ones.") var status: String?
        @Option(help: "At most so many.") var limit = 50

        func run() async throws {
            let filters = [("agent_id", agent), ("job_id", job), ("target_id", target), ("status", status)]
            let query = filters.compactMap { name, value in value.map { "\(name)=\($0.percentEncoded)" } }
            let path = query.isEmpty ? "/runs" : "/runs?" + query.joined(separator: "&")
            let items = try await server.client().list(path, limit: max(1, limit))
            if server.json { return Console.print(JSON.array(items).rendered) }
            let columns = [
                "id", "job_id", "status", "waiting_for", "attempt", "current_step", "size_bytes", "created_at",
            ]
            Console.table(columns, items.map { item in columns.map { item.member($0).cell } })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one run.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The run's id.") var id: String

        func run() async throws {
            let answer = try await server.client().call(.GET, "/runs/\(id.percentEncoded)")
            if server.json { return Console.print(answer.text) }
            answer.json.printMembers(members)
        }
    }

    struct WatchRun: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "watch", abstract: "Follows a run to its end; exit 1 unless it succeeds.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The run's id.") var id: String

        func run() async throws {
            try await Watch(client: server.client(), run: id, printsJSON: server.json).toTheEnd()
        }
    }

    struct Timeline: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Prints a run's entries in order, with their causes.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The run's id.") var id: String

        func run() async throws {
            let items = try await server.client().list("/runs/\(id.percentEncoded)/timeline")
            if server.json { return Console.print(JSON.array(items).rendered) }
            let columns = ["position", "recorded_at", "cause", "kind", "message"]
            Console.table(columns, items.map { item in columns.map { item.member($0).cell } })
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Asks for a run to be cancelled; it is cancelled once that is confirmed.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The run's id.") var id: String

        func run() async throws {
            let answer = try await server.client().call(.POST, "/runs/\(id.percentEncoded)/cancel", [:])
            Console.print(server.json ? answer.text : "asked for; `backupy runs watch \(id)` shows what comes of it")
        }
    }

    struct Download: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Downloads a run's encrypted object.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The run's id.") var id: String
        @Option(help: "The file to write.") var out: String

        func run() async throws {
            let client = try server.client()
            let byteCount = try await client.download(run: id, to: out)
            Console.print(server.json ? #"{"byte_count":\#(byteCount)}"# : "\(byteCount) bytes in \(out)")
        }
    }

    struct Token: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints a token that decrypts a run's object, valid for 15 minutes.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The run's id.") var id: String

        func run() async throws {
            let answer = try await server.client().call(.POST, "/runs/\(id.percentEncoded)/decryption-token", [:])
            Console.print(server.json ? answer.text : answer.json.member("token").cell)
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deletes a run's object and its key; refused while retention holds it.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The run's id.") var id: String

        func run() async throws {
            try await server.client().call(.DELETE, "/runs/\(id.percentEncoded)")
            Console.print(
                server.json ? #"{"run_id":"\#(id)"}"# : "asked for; `backupy log tail` shows what comes of it")
        }
    }
}

/// Follows one run: a live line on a terminal, else a line a change.
struct Watch {
    let client: Client
    let run: String
    let printsJSON: Bool
    /// For so many seconds a server that does not answer is asked again: it may be restarting.
    private static let patience = 60

    /// - Throws: ``Failure`` when the run does not succeed.
    @discardableResult
    func toTheEnd() async throws -> JSON {
        var last = ""
        var failureCount = 0
        while true {
            let answer: Answer
            do {
                answer = try await client.call(.GET, "/runs/\(run.percentEncoded)")
                failureCount = 0
            } catch let failure as Failure where failure.isPassing && failureCount < Self.patience {
                failureCount += 1
                try await Task.sleep(for: .seconds(1))
                continue
            } catch let failure as Failure where failure.isPassing {
                throw Failure(text: "\(failure.text) What became of \(run) is not known; watch it again.")
            }
            let status = answer.json.member("status").cell
            let wait = answer.json.member("waiting_for").text.map { "waiting for: \($0)" }
            let step = wait ?? answer.json.member("current_step").cell
            let percent = answer.json.member("progress_percent").integer ?? 0
            let isOpen = status == "queued" || status == "running"
            let line = isOpen ? "\(run)  \(status)  \(step)  \(percent) %" : "\(run)  \(status)"
            if Console.hasTerminal, isOpen {
                let filled = Int(max(0, min(100, percent))) / 5
                let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 20 - filled)
                Console.progress("\(run)  \(bar)  \(status)  \(step)  \(percent) %")
            } else if line != last {
                if Console.hasTerminal { Console.progress("") }
                Console.complain(line)
            }
            last = line
            if !isOpen {
                if printsJSON { Console.print(answer.text) }
                guard status == "success" else {
                    let why = answer.json.member("error_message").text ?? answer.json.member("error_class").text ?? ""
                    throw Failure(text: "the run ended as \(status)\(why.isEmpty ? "" : ": \(why)")")
                }
                return answer.json
            }
            try await Task.sleep(for: .milliseconds(250))
        }
    }
}

extension Client {
    /// Streams a run's object into a file, which appears only once it is whole.
    func download(run: String, to path: String) async throws -> UInt64 {
        let answer = try await call(.GET, "/runs/\(run.percentEncoded)/download-url")
        guard let url = answer.json.member("url").text else { throw Failure(text: "the server gave no URL") }
        let response = try await Client.http.execute(HTTPClientRequest(url: url), timeout: .hours(24))
        guard response.status.code == 200 else {
            throw Failure(text: "the store answered \(response.status.code) to the download")
        }
        let partial = path + ".partial"
        guard FileManager.default.createFile(atPath: partial, contents: nil),
            let handle = FileHandle(forWritingAtPath: partial)
        else { throw Failure(text: "\(partial) cannot be written") }
        var byteCount: UInt64 = 0
        do {
            for try await buffer in response.body {
                byteCount += UInt64(buffer.readableBytes)
                try handle.write(contentsOf: Array(buffer.readableBytesView))
            }
            try handle.synchronize()
            try handle.close()
            guard rename(partial, path) == 0 else { throw Failure(text: "\(path) cannot be written") }
        } catch {
            unlink(partial)
            throw error
        }
        return byteCount
    }
}
