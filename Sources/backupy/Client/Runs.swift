import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Server
import Telemetry

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
            if server.json { return Console.print(json: JSON.array(items).rendered) }
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
            try answer.show(members, asJSON: server.json)
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
            if server.json { return Console.print(json: JSON.array(items).rendered) }
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
            if server.json { return Console.print(json: answer.text) }
            Console.print("asked for; `backupy runs watch \(id)` shows what comes of it")
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
            let token = try answer.text("token")
            server.json ? Console.print(json: answer.text) : Console.print(line: token)
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
    /// For so long a server that does not answer is asked again: it may be restarting.
    private static let patience = Duration.seconds(60)

    /// - Throws: ``Failure`` when the run does not succeed.
    @discardableResult
    func toTheEnd() async throws -> JSON {
        var last = ""
        var silence: ContinuousClock.Instant?
        while true {
            let asked = ContinuousClock.now
            let answer: Answer
            do {
                answer = try await client.call(.GET, "/runs/\(run.percentEncoded)")
                silence = nil
            } catch let failure as Failure where failure.isPassing {
                let start = silence ?? asked
                guard .now - start < Self.patience else {
                    throw Failure(text: "\(failure.text) What became of \(run) is not known; watch it again.")
                }
                silence = start
                try await Task.sleep(for: .seconds(1))
                continue
            }
            let status = try answer.text("status").visible(keepingLines: false)
            let wait = answer.json.member("waiting_for").text.map { "waiting for: \($0)" }
            let step = (wait ?? answer.json.member("current_step").cell).visible(keepingLines: false)
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
                if printsJSON { Console.print(json: answer.text) }
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
        let url = try answer.text("url")
        let response: HTTPClientResponse
        do {
            response = try await Client.http.execute(HTTPClientRequest(url: url), timeout: .hours(24))
        } catch {
            throw Failure(text: "the store does not answer (\(Client.words(for: error)))")
        }
        guard response.status.code == 200 else {
            throw Failure(text: "the store answered \(response.status.code) to the download")
        }
        let partial = path + ".partial"
        guard FileManager.default.createFile(atPath: partial, contents: nil),
            let handle = FileHandle(forWritingAtPath: partial)
        else { throw Failure(text: "\(partial) cannot be written") }
        var byteCount: UInt64 = 0
        do {
            var body = response.body.makeAsyncIterator()
            while let buffer = try await Self.next(&body) {
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

    private static func next(_ body: inout HTTPClientResponse.Body.AsyncIterator) async throws -> ByteBuffer? {
        do {
            return try await body.next()
        } catch {
            throw Failure(text: "the download broke off (\(words(for: error))); nothing is kept of it")
        }
    }
}
