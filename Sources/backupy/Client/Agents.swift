import ArgumentParser
import Server

struct Agents: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Agents: the processes beside the databases.",
        subcommands: [
            List.self, Show.self, Create.self, Update.self, Delete.self, RotateKey.self, Config.self, Anomalies.self,
        ], defaultSubcommand: List.self)

    private static let columns = [
        "id", "name", "status", "hostname", "agent_version", "config_version", "last_seen_at",
    ]

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists agents.")
        @OptionGroup var server: ServerOptions

        func run() async throws {
            let items = try await server.client().list("/agents")
            if server.json { return Console.print(json: JSON.array(items).rendered) }
            Console.table(columns, items.map { item in columns.map { item.member($0).cell } })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one agent.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The agent's id.") var id: String

        func run() async throws {
            let answer = try await server.client().call(.GET, "/agents/\(id.percentEncoded)")
            try answer.show(
                columns + [
                    "applied_config_version", "config_applied", "os", "arch", "docker_version", "capabilities",
                    "session_id", "metrics", "anomalies",
                ], asJSON: server.json)
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Registers an agent and prints its key, this once.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "A name for people.") var name: String

        func run() async throws {
            let answer = try await server.client().call(.POST, "/agents", ["name": .string(name)])
            try answer.show(["id", "name", "key"], asJSON: server.json, needing: ["id", "key"])
            guard !server.json else { return }
            Console.complain("The key is shown this once: give it to the agent as BACKUP_AGENT_KEY.")
        }
    }

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Renames an agent.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The agent's id.") var id: String
        @Option(help: "The new name.") var name: String

        func run() async throws {
            let answer = try await server.client().call(
                .PATCH, "/agents/\(id.percentEncoded)", ["name": .string(name)])
            try answer.show(["id", "name"], asJSON: server.json)
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forgets an agent with its targets and jobs; closes its connection.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The agent's id.") var id: String

        func run() async throws {
            try await server.client().call(.DELETE, "/agents/\(id.percentEncoded)")
            Console.print(server.json ? #"{"deleted":"\#(id)"}"# : "deleted \(id)")
        }
    }

    struct RotateKey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives an agent a new key, printed this once; closes its connection.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The agent's id.") var id: String

        func run() async throws {
            let answer = try await server.client().call(.POST, "/agents/\(id.percentEncoded)/rotate-key")
            try answer.show(["id", "name", "key"], asJSON: server.json, needing: ["id", "key"])
        }
    }

    struct Config: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows an agent's settings, or changes those that are given.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The agent's id.") var id: String
        @Option(help: "Runs at the same time, 1 to 64.") var maxParallelJobs: Int64?
        @Option(help: "trace, debug, info, warn or error.") var logLevel: String?
        @Option(help: "Start of the maintenance window in UTC, HH:MM; empty for none.") var maintenanceStart: String?
        @Option(help: "End of the maintenance window in UTC, HH:MM; empty for none.") var maintenanceEnd: String?
        @OptionGroup var revision: RevisionOption

        func run() async throws {
            let path = "/agents/\(id.percentEncoded)/config"
            let advanced = JSON.members([
                ("max_parallel_jobs", maxParallelJobs.map(JSON.integer)), ("log_level", logLevel.map(JSON.string)),
            ])
            let maintenance = JSON.members([
                ("start_utc", maintenanceStart.map(JSON.string)), ("end_utc", maintenanceEnd.map(JSON.string)),
            ])
            let body = JSON.members([
                ("advanced", advanced == [:] ? nil : advanced),
                ("maintenance", maintenance == [:] ? nil : maintenance),
            ])
            let client = try server.client()
            let answer =
                body == [:]
                ? try await client.call(.GET, path)
                : try await client.call(.PATCH, path, body, revision: revision.ifRevision)
            try answer.show(["version", "applied_version", "revision", "maintenance", "advanced"], asJSON: server.json)
        }
    }

    struct Anomalies: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists what was not as it should be with an agent, the newest first, and what to do about it.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The agent's id.") var id: String
        @Option(help: "Only those of this kind, such as run_cut_off.") var kind: String?
        @Option(help: "At most so many.") var limit = 50

        func run() async throws {
            let filter = kind.map { "?kind=\($0.percentEncoded)" } ?? ""
            let items = try await server.client().list("/agents/\(id.percentEncoded)/anomalies\(filter)", limit: limit)
            if server.json { return Console.print(json: JSON.array(items).rendered) }
            let columns = ["recorded_at", "kind", "run_id", "detail", "remedy"]
            Console.table(columns, items.map { item in columns.map { item.member($0).cell } })
        }
    }
}
