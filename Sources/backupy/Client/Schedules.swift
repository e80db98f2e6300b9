import ArgumentParser
import Server

extension Jobs {
    struct Next: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows the next times of a cron expression.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The expression, such as '0 3 * * mon-fri'.") var cron: String
        @Option(help: "The clock that it is read on, such as Europe/Berlin (default UTC).") var timeZone: String?
        @Option(help: "How many times, up to 100.") var count = 10

        func run() async throws {
            var path = "/cron/next?cron=\(cron.percentEncoded)&count=\(count)"
            if let timeZone { path += "&time_zone=\(timeZone.percentEncoded)" }
            let answer = try await server.client().call(.GET, path)
            let times = try answer.list("times")
            if server.json { return Console.print(json: answer.text) }
            for time in times { Console.print(line: time.member("slot").cell) }
        }
    }

    struct Slots: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the times that a job's schedule named, and what became of them.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The job's id.") var id: String
        @Option(help: "How many, the newest first; up to 100.") var limit = 20

        func run() async throws {
            let answer = try await server.client().call(
                .GET, "/jobs/\(id.percentEncoded)/slots?limit=\(limit)")
            let items = try answer.list("items")
            if server.json { return Console.print(json: answer.text) }
            let columns = ["slot", "verdict", "reason", "run_id", "opened_at", "judged_at"]
            Console.table(columns, items.map { item in columns.map { item.member($0).cell } })
        }
    }
}

struct ClockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clock", abstract: "The server's wall clock: whether schedules and retention go by it.",
        subcommands: [Show.self, Confirm.self], defaultSubcommand: Show.self)

    private static let members = ["status", "held", "behind_sec", "ahead_sec", "since", "wall_time"]

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows whether the clock is believed.")
        @OptionGroup var server: ServerOptions

        func run() async throws {
            let answer = try await server.client().call(.GET, "/clock")
            try answer.show(members, asJSON: server.json)
        }
    }

    struct Confirm: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says that the clock is right, although the log is far ahead of it or was left far behind.")
        @OptionGroup var server: ServerOptions

        func run() async throws {
            let answer = try await server.client().call(.POST, "/clock/confirm", [:])
            try answer.show(members, asJSON: server.json)
        }
    }
}
