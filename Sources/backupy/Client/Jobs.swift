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
            let items = try await server.client().listOfAgents("jobs", of: agent)
            if server.json { return Console.print(json: JSON.array(items).rendered) }
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
            try answer.show(members, asJSON: server.json)
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

        /// - Parameter emptied: lists of hooks to be left without any.
        func body(target: String?, emptied: [String] = []) throws -> JSON {
            func hooks(_ name: String, _ commands: [String]) -> (String, JSON?) {
                (name, commands.isEmpty && !emptied.contains(name) ? nil : .array(commands.map(JSON.string)))
            }
            return JSON.members([
                ("target_id", target.map(JSON.string)), ("cron", cron.map(JSON.string)),
                ("time_zone", timeZone.map(JSON.string)), ("jitter_sec", jitter.map(JSON.integer)),
                ("overlap", overlap.map(JSON.string)), ("catch_up_sec", catchUp.map(JSON.integer)),
                ("retention_days", retention.days), ("retention", retention.counts),
                ("timeout_sec", timeout.map(JSON.integer)), ("retry", try retry()),
                hooks("pre_hooks", preHook), hooks("post_hooks", postHook),
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
            try answer.show(["id", "target_id"], asJSON: server.json)
        }
    }

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Changes a job; only what is given.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The job's id.") var id: String
        @OptionGroup var fields: Fields
        @Flag(help: "No command before the dump any more.") var noPreHooks = false
        @Flag(help: "No command after it any more.") var noPostHooks = false
        @OptionGroup var revision: RevisionOption

        func validate() throws {
            if noPreHooks, !fields.preHook.isEmpty {
                throw ValidationError("--no-pre-hooks and --pre-hook exclude each other")
            }
            if noPostHooks, !fields.postHook.isEmpty {
                throw ValidationError("--no-post-hooks and --post-hook exclude each other")
            }
        }

        func run() async throws {
            let emptied = (noPreHooks ? ["pre_hooks"] : []) + (noPostHooks ? ["post_hooks"] : [])
            let body = try fields.body(target: nil, emptied: emptied)
            let answer = try await server.client().call(
                .PATCH, "/jobs/\(id.percentEncoded)", body, revision: revision.ifRevision)
            try answer.show(members, asJSON: server.json)
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
            let run = try answer.text("run_id")
            guard wait else { return server.json ? Console.print(json: answer.text) : Console.print(line: run) }
            try await Watch(client: client, run: run, printsJSON: server.json).toTheEnd()
        }
    }
}
