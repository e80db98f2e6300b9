import ArgumentParser
import Server

struct Checks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Health checks: what is probed, and how it goes.",
        subcommands: [
            List.self, Show.self, Create.self, Update.self, Delete.self, Results.self, UptimeOf.self, Run.self,
        ],
        defaultSubcommand: List.self)

    private static let members = [
        "id", "name", "type", "target", "agent_id", "status", "reason", "since", "interval_sec", "timeout_sec",
        "expected_status", "failures_to_down", "successes_to_up", "flap_changes", "certificate_days",
        "certificate_expiring", "paused", "last",
    ]

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists health checks.")
        @OptionGroup var server: ServerOptions
        @Option(help: "Only those that this agent probes.") var agent: String?

        func run() async throws {
            let filter = agent.map { "?agent_id=\($0.percentEncoded)" } ?? ""
            let items = try await server.client().list("/health-checks" + filter)
            if server.json { return Console.print(json: JSON.array(items).rendered) }
            let columns = ["id", "name", "type", "target", "agent_id", "status", "since"]
            Console.table(columns, items.map { item in columns.map { item.member($0).cell } })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one health check.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The check's id.") var id: String

        func run() async throws {
            let answer = try await server.client().call(.GET, "/health-checks/\(id.percentEncoded)")
            try answer.show(members, asJSON: server.json)
        }
    }

    /// What can be said about a check; only what is given is sent.
    struct Fields: ParsableArguments {
        @Option(help: "Seconds from one probe to the next, 5 to 86400 (default: 60).") var interval: Int64?
        @Option(help: "Seconds that a probe may take (default: 10).") var timeout: Int64?
        @Option(help: "The HTTP status that is well; 0 for any from 200 to 399 (default: 0).") var expectedStatus:
            Int64?
        @Option(help: "Failures in a row that make it down (default: 3).") var failuresToDown: Int64?
        @Option(help: "Successes in a row that make it up (default: 2).") var successesToUp: Int64?
        @Option(help: "Changes among the last 20 results that make it flapping; 0 for never (default: 6).")
        var flapChanges: Int64?
        @Option(help: "Tell of a certificate that ends within so many days; 0 for never (default: 14).")
        var certificateDays: Int64?

        func body(name: String?, type: String?, target: String?, agent: String? = nil, paused: Bool? = nil) -> JSON {
            JSON.members([
                ("name", name.map(JSON.string)), ("type", type.map(JSON.string)), ("target", target.map(JSON.string)),
                ("agent_id", agent.map(JSON.string)), ("interval_sec", interval.map(JSON.integer)),
                ("timeout_sec", timeout.map(JSON.integer)), ("expected_status", expectedStatus.map(JSON.integer)),
                ("failures_to_down", failuresToDown.map(JSON.integer)),
                ("successes_to_up", successesToUp.map(JSON.integer)),
                ("flap_changes", flapChanges.map(JSON.integer)),
                ("certificate_days", certificateDays.map(JSON.integer)), ("paused", paused.map(JSON.bool)),
            ])
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a health check.",
            discussion:
                "The target is a URL for http and https, and HOST:PORT for tcp. Without --agent the server probes.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "What it is called.") var name: String
        @Option(help: "http, https or tcp.") var type: String
        @Option(help: "What to probe.") var target: String
        @Option(help: "The agent that probes.") var agent: String?
        @OptionGroup var fields: Fields

        func run() async throws {
            let body = fields.body(name: name, type: type, target: target, agent: agent)
            let answer = try await server.client().call(.POST, "/health-checks", body)
            try answer.show(["id", "status"], asJSON: server.json)
        }
    }

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Changes a health check; only what is given. Who probes stays.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The check's id.") var id: String
        @Option(help: "What it is called.") var name: String?
        @Option(help: "http, https or tcp.") var type: String?
        @Option(help: "What to probe.") var target: String?
        @Flag(inversion: .prefixedNo, help: "Probe it no more for now; --no-paused goes on.") var paused: Bool?
        @OptionGroup var fields: Fields

        func run() async throws {
            let answer = try await server.client().call(
                .PATCH, "/health-checks/\(id.percentEncoded)",
                fields.body(name: name, type: type, target: target, paused: paused))
            try answer.show(members, asJSON: server.json)
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forgets a health check.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The check's id.") var id: String

        func run() async throws {
            try await server.client().call(.DELETE, "/health-checks/\(id.percentEncoded)")
            Console.print(server.json ? #"{"deleted":"\#(id)"}"# : "deleted \(id)")
        }
    }

    struct Results: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists results, the newest first.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The check's id.") var id: String
        @Option(help: "Recorded at or after this moment (RFC 3339).") var from: Moment?
        @Option(help: "Recorded before this moment (RFC 3339).") var to: Moment?
        @Option(help: "At most so many (default: 20; there are 1000).") var limit = 20

        func run() async throws {
            let bounds = [("from", from), ("to", to)].compactMap { name, value in
                value.map { "\(name)=\($0.text.percentEncoded)" }
            }
            let query = bounds.isEmpty ? "" : "?" + bounds.joined(separator: "&")
            let items = try await server.client().list(
                "/health-checks/\(id.percentEncoded)/results" + query, limit: limit)
            if server.json { return Console.print(json: JSON.array(items).rendered) }
            let columns = ["recorded_at", "ok", "latency_ms", "status_code", "error_class", "error"]
            Console.table(columns, items.map { item in columns.map { item.member($0).cell } })
        }
    }

    struct UptimeOf: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "uptime", abstract: "Shows how long it was up, down and unknown.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The check's id.") var id: String
        @Option(help: "24h, 7d, 30d or 90d.") var period = "24h"

        func run() async throws {
            let answer = try await server.client().call(
                .GET, "/health-checks/\(id.percentEncoded)/uptime?period=\(period.percentEncoded)")
            try answer.show(
                ["period", "up_seconds", "down_seconds", "unknown_seconds", "uptime_percent"], asJSON: server.json)
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Probes now.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The check's id.") var id: String

        func run() async throws {
            let answer = try await server.client().call(.POST, "/health-checks/\(id.percentEncoded)/run", [:])
            server.json ? Console.print(json: answer.text) : Console.print("probing \(id)")
        }
    }
}
