import ArgumentParser
import Server

struct Jobs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Jobs: what to back up, and how.",
        subcommands: [
            List.self, Show.self, Create.self, Update.self, Delete.self, Run.self, JobRetention.self,
            Next.self, Slots.self,
        ],
        defaultSubcommand: List.self)

    private static let members = [
        "id", "agent_id", "target_id", "cron", "time_zone", "jitter_sec", "overlap", "catch_up_sec", "retention_days",
        "retention", "compression", "encryption_enabled", "pre_hooks",
        "post_hooks", "retry", "timeout_sec", "revision", "next_run_at", "last_slot",
    ]

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists jobs.")
        @OptionGroup var server: ServerOptions
        @Option(help: "Only those of this agent.") var agent: String?

        func run() async throws {
            let client = try server.client()
            var items: [JSON] = []
            var agents = [agent ?? ""]
            if agent == nil { agents = try await client.list("/agents").compactMap { $0.member("id").text } }
            for agent in agents { items += try await client.list("/agents/\(agent.percentEncoded)/jobs") }
            if server.json { return Console.print(JSON.array(items).rendered) }
            let columns = ["id", "agent_id", "target_id", "cron", "retention_days", "timeout_sec"]
            Console.table(columns, items.map { item in columns.map { item.member($0).cell } })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one job.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The job's id.") var id: String

        func run() async throws {
            let answer = try await server.client().call(.GET, "/jobs/\(id.percentEncoded)")
            if server.json { return Console.print(answer.text) }
            answer.json.printMembers(members)
        }
    }

    /// What can be said about a job; only what is given is sent.
    struct Fields: ParsableArguments {
        @Option(help: "When: minute, hour, day, month, weekday, or @daily and the like; '' for on request only.")
        var cron: String?
        @Option(help: "The clock that --cron is read on, such as Europe/Berlin (default UTC).") var timeZone: String?
        @Option(help: "Start up to so many seconds later, by lot.") var jitter: Int64?
        @Option(help: "While an earlier run is open: skip, queue or alongside.") var overlap: String?
        @Option(help: "Make up for the newest missed time up to so many seconds later; 0 for never.")
        var catchUp: Int64?
        @OptionGroup var retention: RetentionFields
        @Option(help: "Seconds that hooks, dump and upload may take together; 0 for no limit.") var timeout: Int64?
        @Option(help: "Try a run up to so many times, 1 to 100 (default 1).") var attempts: Int64?
        @Option(
            help: "Seconds to wait before each further try, such as 60,300,900; the last counts for all that follow.")
        var backoff: String?
        @Option(help: "A shell command before the dump; may be given up to 16 times.") var preHook: [String] = []
        @Option(help: "A shell command after it; may be given up to 16 times.") var postHook: [String] = []

        func body(target: String?) throws -> JSON {
            JSON.members([
                ("target_id", target.map(JSON.string)), ("cron", cron.map(JSON.string)),
                ("time_zone", timeZone.map(JSON.string)), ("jitter_sec", jitter.map(JSON.integer)),
                ("overlap", overlap.map(JSON.string)), ("catch_up_sec", catchUp.map(JSON.integer)),
                ("retention_days", retention.days), ("retention", retention.counts),
                ("timeout_sec", timeout.map(JSON.integer)), ("retry", try retry()),
                ("pre_hooks", preHook.isEmpty ? nil : .array(preHook.map(JSON.string))),
                ("post_hooks", postHook.isEmpty ? nil : .array(postHook.map(JSON.string))),
            ])
        }

        private func retry() throws -> JSON? {
            let waits = try backoff?.split(separator: ",").map { text in
                guard let seconds = Int64(text) else {
                    throw ValidationError("--backoff: “\(text)” is no number of seconds; write such as 60,300,900")
                }
                return JSON.integer(seconds)
            }
            guard attempts != nil || waits != nil else { return nil }
            return JSON.members([
                ("max_attempts", attempts.map(JSON.integer)), ("backoff_seconds", waits.map(JSON.array)),
            ])
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Adds a job.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The agent that does it.") var agent: String
        @Option(help: "The target to back up.") var target: String
        @OptionGroup var fields: Fields

        func run() async throws {
            let answer = try await server.client().call(
                .POST, "/agents/\(agent.percentEncoded)/jobs", try fields.body(target: target))
            if server.json { return Console.print(answer.text) }
            answer.json.printMembers(["id", "target_id"])
        }
    }

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Changes a job; only what is given.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The job's id.") var id: String
        @OptionGroup var fields: Fields
        @OptionGroup var revision: RevisionOption

        func run() async throws {
            let answer = try await server.client().call(
                .PATCH, "/jobs/\(id.percentEncoded)", try fields.body(target: nil), revision: revision.ifRevision)
            if server.json { return Console.print(answer.text) }
            answer.json.printMembers(members)
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forgets a job; its runs stay.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The job's id.") var id: String
        @OptionGroup var revision: RevisionOption

        func run() async throws {
            try await server.client().call(.DELETE, "/jobs/\(id.percentEncoded)", revision: revision.ifRevision)
            Console.print(server.json ? #"{"deleted":"\#(id)"}"# : "deleted \(id)")
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Runs a job now.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The job's id.") var id: String
        @Option(help: "A key of your choice: repeating the call with it within 24 h gives the same run.")
        var idempotencyKey: String?
        @Flag(help: "Watch the run to its end; exit 1 unless it succeeds.") var wait = false

        func run() async throws {
            let client = try server.client()
            let answer = try await client.call(
                .POST, "/jobs/\(id.percentEncoded)/run", [:], key: idempotencyKey)
            guard wait, let run = answer.json.member("run_id").text else {
                return Console.print(server.json ? answer.text : answer.json.member("run_id").cell)
            }
            try await Watch(client: client, run: run, printsJSON: server.json).toTheEnd()
        }
    }
}
