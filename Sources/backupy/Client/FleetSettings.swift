import ArgumentParser
import Server

struct FleetSettings: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings", abstract: "What holds for the whole fleet.",
        subcommands: [Show.self, Update.self], defaultSubcommand: Show.self)

    private static let members = ["starts_per_second"]

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows what holds for the whole fleet.")
        @OptionGroup var server: ServerOptions

        func run() async throws {
            let answer = try await server.client().call(.GET, "/settings")
            try answer.show(members, asJSON: server.json)
        }
    }

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Changes what holds for the whole fleet.")
        @OptionGroup var server: ServerOptions
        @Option(help: "At most so many attempts begin within a second, 1 to 500.") var startsPerSecond: UInt32

        func run() async throws {
            let body = JSON.members([("starts_per_second", .integer(Int64(startsPerSecond)))])
            let answer = try await server.client().call(.PATCH, "/settings", body)
            try answer.show(members, asJSON: server.json)
        }
    }
}
