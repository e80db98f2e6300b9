import ArgumentParser
import Server

/// What can be said about which objects of a job are kept; only what is given is sent.
struct RetentionFields: ParsableArguments {
    @Option(help: "Keep objects that are younger than so many days.") var retentionDays: Int64?
    @Option(help: "Keep the newest so many.") var keepLast: Int64?
    @Option(help: "Keep the newest of each of the last so many hours that have any.") var keepHourly: Int64?
    @Option(help: "The same for days.") var keepDaily: Int64?
    @Option(help: "The same for weeks.") var keepWeekly: Int64?
    @Option(help: "The same for months.") var keepMonthly: Int64?
    @Option(help: "The same for years.") var keepYearly: Int64?
    @Option(help: "Keep at least the newest so many, whatever else is said (default 1).") var minimum: Int64?

    var days: JSON? { retentionDays.map(JSON.integer) }

    var counts: JSON? {
        let parts = [
            ("keep_last", keepLast), ("keep_hourly", keepHourly), ("keep_daily", keepDaily),
            ("keep_weekly", keepWeekly), ("keep_monthly", keepMonthly), ("keep_yearly", keepYearly),
            ("minimum", minimum),
        ]
        return parts.contains { $0.1 != nil } ? JSON.members(parts.map { ($0, $1.map(JSON.integer)) }) : nil
    }
}

struct JobRetention: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retention",
        abstract: "Shows what keeps each object of a job; with a changed rule, what that would delete today.",
        discussion: "Changes nothing. `backupy jobs update` changes a job's rule.")
    @OptionGroup var server: ServerOptions
    @Argument(help: "The job's id.") var id: String
    @OptionGroup var rule: RetentionFields

    func run() async throws {
        let client = try server.client()
        let path = "/jobs/\(id.percentEncoded)/retention"
        let isPreview = rule.days != nil || rule.counts != nil
        let body = JSON.members([("retention_days", rule.days), ("retention", rule.counts)])
        var items: [JSON] = []
        var summary = JSON.null
        var cursor: String?
        repeat {
            let query = "?limit=100" + (cursor.map { "&cursor=\($0.percentEncoded)" } ?? "")
            let page =
                try await isPreview
                ? client.call(.POST, path + "/preview" + query, body) : client.call(.GET, path + query)
            if summary == .null { summary = page.json }
            items += try page.list("items")
            cursor = page.json.member("next_cursor").text
        } while cursor != nil
        let members = [
            "job_id", "retention_days", "retention", "kept_count", "expiring_count", "expiring_size_bytes",
        ]
        if server.json {
            let whole = members.map { ($0, Optional(summary.member($0))) } + [("items", .array(items))]
            return Console.print(json: JSON.members(whole).rendered)
        }
        summary.printMembers(members)
        let columns = ["run_id", "created_at", "size_bytes", "kept_by", "kept_until", "locked", "expires", "reason"]
        Console.table(columns, items.map { item in columns.map { item.member($0).cell } })
    }
}

struct LockRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock", abstract: "Forbids everybody, and retention, to delete a run's object.")
    @OptionGroup var server: ServerOptions
    @Argument(help: "The run's id.") var id: String
    @Option(help: "Until when, such as 2030-01-31T00:00:00Z (default: until it is unlocked).") var until: Moment?
    @Option(help: "Why.") var reason: String

    func run() async throws {
        let body = JSON.members([("until", until?.json), ("reason", JSON.string(reason))])
        let answer = try await server.client().call(.POST, "/runs/\(id.percentEncoded)/lock", body)
        try answer.show(["run_id", "until", "reason", "token", "set_at"], asJSON: server.json)
    }
}

struct UnlockRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unlock", abstract: "Ends the lock of a run's object before its time.")
    @OptionGroup var server: ServerOptions
    @Argument(help: "The run's id.") var id: String

    func run() async throws {
        try await server.client().call(.DELETE, "/runs/\(id.percentEncoded)/lock")
        Console.print(server.json ? #"{"unlocked":"\#(id)"}"# : "unlocked \(id)")
    }
}
