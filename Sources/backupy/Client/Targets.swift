import ArgumentParser
import Foundation
import Server

struct Targets: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Targets: the databases to back up.",
        subcommands: [List.self, Show.self, Create.self, Update.self, Delete.self], defaultSubcommand: List.self)

    private static func row(_ item: JSON) -> [String] {
        [
            item.member("id").cell, item.member("agent_id").cell, item.member("type").cell,
            item.member("display_name").cell,
            item.member("connection").member("host").cell, item.member("connection").member("database").cell,
        ]
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists targets.")
        @OptionGroup var server: ServerOptions
        @Option(help: "Only those of this agent.") var agent: String?

        func run() async throws {
            let items = try await server.client().listOfAgents("targets", of: agent)
            if server.json { return Console.print(json: JSON.array(items).rendered) }
            Console.table(["id", "agent", "type", "name", "host", "database"], items.map(row))
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one target.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The target's id.") var id: String

        func run() async throws {
            let answer = try await server.client().call(.GET, "/targets/\(id.percentEncoded)")
            try answer.show(["id", "agent_id", "type", "display_name", "connection", "revision"], asJSON: server.json)
        }
    }

    /// What can be said about a target; only what is given is sent.
    struct Fields: ParsableArguments {
        @Option(help: "A name for people.") var name: String?
        @Option(help: "Host name or address.") var host: String?
        @Option(help: "Port.") var port: Int64?
        @Option(help: "The database's name; for SQLite the path of the file on the agent's host.") var database: String?
        @Option(help: "Who to log in as.") var username: String?
        @Option(help: "tcp (default) or unix_socket, with the socket's directory as the host.") var strategy: String?
        @Option(help: "env:NAME or file:PATH, looked up by the agent on its host.") var passwordSecretRef: String?
        @Option(help: "A file here with the password itself; - for standard input.") var passwordFile: String?

        func body(type: String?) throws -> JSON {
            let password = try passwordFile.map(Self.password(in:)) ?? passwordSecretRef
            let connection = JSON.members([
                ("host", host.map(JSON.string)), ("port", port.map(JSON.integer)),
                ("database", database.map(JSON.string)), ("username", username.map(JSON.string)),
                ("strategy", strategy.map(JSON.string)),
                ("password_secret_ref", password.map(JSON.string)),
            ])
            return JSON.members([
                ("type", type.map(JSON.string)), ("display_name", name.map(JSON.string)),
                ("connection", connection == [:] ? nil : connection),
            ])
        }

        /// From a file, so that it stands neither in the shell's history nor in the list of processes.
        private static func password(in file: String) throws -> String {
            let text =
                file == "-" ? readLine(strippingNewline: true) : Input.text(of: file)
            guard let text else { throw Failure(text: "--password-file: \(file) cannot be read", code: Failure.usage) }
            return text.trimmingCharacters(in: .newlines)
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Adds a database.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The agent that reaches it.") var agent: String
        @Option(help: "sqlite, postgresql, mysql, mariadb, mongodb or redis.") var type: String
        @OptionGroup var fields: Fields

        func run() async throws {
            let answer = try await server.client().call(
                .POST, "/agents/\(agent.percentEncoded)/targets", try fields.body(type: type))
            try answer.show(["id", "type", "display_name"], asJSON: server.json)
        }
    }

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Changes a database; only what is given.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The target's id.") var id: String
        @OptionGroup var fields: Fields
        @OptionGroup var revision: RevisionOption

        func run() async throws {
            let answer = try await server.client().call(
                .PATCH, "/targets/\(id.percentEncoded)", try fields.body(type: nil), revision: revision.ifRevision)
            try answer.show(["id", "type", "display_name", "connection"], asJSON: server.json)
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forgets a database; refused while jobs use it.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The target's id.") var id: String
        @OptionGroup var revision: RevisionOption

        func run() async throws {
            try await server.client().call(.DELETE, "/targets/\(id.percentEncoded)", revision: revision.ifRevision)
            Console.print(server.json ? #"{"deleted":"\#(id)"}"# : "deleted \(id)")
        }
    }
}
