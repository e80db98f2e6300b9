import ArgumentParser
import Core
import Server

struct Tokens: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tokens of the REST interface, besides the one in admin.token.",
        subcommands: [List.self, Create.self, Delete.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists tokens, without their texts.")
        @OptionGroup var server: ServerOptions

        func run() async throws {
            let items = try await server.client().list("/api-tokens")
            if server.json { return Console.print(json: JSON.array(items).rendered) }
            let columns = ["id", "name", "role", "created_at", "expires_at", "last_used_at"]
            Console.table(columns, items.map { item in columns.map { item.member($0).cell } })
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a token and prints its text, this once.",
            discussion: """
                A viewer reads. An operator also runs, cancels and restores, and changes targets and jobs, but for hooks \
                and paths on the agents' hosts. An admin may do everything.
                """)
        @OptionGroup var server: ServerOptions
        @Argument(help: "A name for people.") var name: String
        @Option(help: "What it may do.") var role = Role.viewer
        @Option(help: "When it ends, such as 2027-01-31T00:00:00Z (default: never).") var expiresAt: Moment?

        func run() async throws {
            let body = JSON.members([
                ("name", .string(name)), ("role", .string(role.rawValue)), ("expires_at", expiresAt?.json),
            ])
            let answer = try await server.client().call(.POST, "/api-tokens", body)
            try answer.show(
                ["id", "name", "role", "expires_at", "token"], asJSON: server.json, needing: ["id", "token"])
            guard !server.json else { return }
            Console.complain("The token is shown this once: use it as BACKUPY_TOKEN.")
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets nobody in with a token any more.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The token's id.") var id: String

        func run() async throws {
            try await server.client().call(.DELETE, "/api-tokens/\(id.percentEncoded)")
            Console.print(server.json ? #"{"deleted":"\#(id)"}"# : "deleted \(id)")
        }
    }
}
