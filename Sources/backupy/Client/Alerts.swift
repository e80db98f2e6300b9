import ArgumentParser
import Server

struct Alerts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Alerts: what a person should see to.",
        subcommands: [List.self, Show.self, Acknowledge.self], defaultSubcommand: List.self)

    private static let members = [
        "id", "kind", "state", "subject", "agent_id", "detail", "remedy", "count", "opened_at", "last_at",
        "acknowledged_at", "acknowledged_by", "resolved_at", "resolution", "position", "last_position",
    ]

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists alerts, the newest first; open ones only unless told.")
        @OptionGroup var server: ServerOptions
        @Option(help: "open, resolved or all.") var state = "open"
        @Option(help: "Only those of this kind, such as run_failed.") var kind: String?
        @Option(help: "Only those about this agent.") var agent: String?
        @Option(help: "At most so many.") var limit = 50

        func run() async throws {
            var filters: [String] = []
            if state != "all" { filters.append("state=\(state.percentEncoded)") }
            if let kind { filters.append("kind=\(kind.percentEncoded)") }
            if let agent { filters.append("agent_id=\(agent.percentEncoded)") }
            let query = filters.isEmpty ? "" : "?" + filters.joined(separator: "&")
            let items = try await server.client().list("/alerts\(query)", limit: limit)
            if server.json { return Console.print(json: JSON.array(items).rendered) }
            let columns = ["id", "kind", "state", "subject", "count", "opened_at", "acknowledged_by", "detail"]
            Console.table(columns, items.map { item in columns.map { item.member($0).cell } })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one alert.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The alert's id.") var id: String

        func run() async throws {
            let answer = try await server.client().call(.GET, "/alerts/\(id.percentEncoded)")
            try answer.show(members, asJSON: server.json)
        }
    }

    struct Acknowledge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes note of an open alert, under the token's name: no more reminders of it.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The alert's id.") var id: String

        func run() async throws {
            let answer = try await server.client().call(.POST, "/alerts/\(id.percentEncoded)/acknowledge")
            try answer.show(["id", "kind", "state", "acknowledged_at", "acknowledged_by"], asJSON: server.json)
        }
    }
}
