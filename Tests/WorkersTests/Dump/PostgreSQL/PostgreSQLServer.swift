import Foundation
import Testing

@testable import Workers

/// A private server by `scripts/postgresql.sh`; its superuser is `postgres` with the password `postgres`.
final class PostgreSQLServer: Sendable {
    /// One for all tests of the process.
    static let shared: Result<PostgreSQLServer, any Error> = Result {
        let server = try PostgreSQLServer()
        atexit { PostgreSQLServer.stopShared() }
        return server
    }

    private static func stopShared() { try? shared.get().stop() }

    static let isInstalled: Bool = {
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        return folders.contains { FileManager.default.isExecutableFile(atPath: "/usr/lib/postgresql/\($0)/bin/initdb") }
    }()

    static let repository = URL(filePath: #filePath).appending(path: "../../../../..").standardizedFileURL.path()

    let folder: String
    let port: Int

    private init() throws {
        // Short, since the path of a socket may have 107 bytes; of /tmp, which user postgres can reach.
        folder = "/tmp/backupy-pg-\(getpid())"
        let result = try shell([Self.repository + "/scripts/postgresql.sh", "start", folder])
        guard result.code == 0, let port = Int(result.out.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw ShellFailure(text: result.err)
        }
        self.port = port
    }

    private func stop() {
        _ = try? shell([Self.repository + "/scripts/postgresql.sh", "stop", folder])
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// What psql prints as the superuser.
    @discardableResult
    func sql(_ text: String, in database: String = "postgres") throws -> String {
        let result = try shell(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-"], input: text, environment: environment(database))
        guard result.code == 0 else { throw ShellFailure(text: result.err) }
        return result.out.trimmingCharacters(in: .newlines)
    }

    /// For the superuser, over the socket.
    func environment(_ database: String) -> [String: String] {
        [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "", "PGHOST": folder, "PGPORT": String(port),
            "PGUSER": "postgres", "PGDATABASE": database,
        ]
    }

    /// The database's content as text, without what differs each time.
    func text(of database: String) throws -> String {
        let result = try shell(["pg_dump"], environment: environment(database))
        guard result.code == 0 else { throw ShellFailure(text: result.err) }
        return result.out.split(separator: "\n").filter {
            !$0.hasPrefix("\\restrict ") && !$0.hasPrefix("\\unrestrict ")
        }.joined(separator: "\n")
    }

    /// A new database with the content that the scenarios from outside use.
    func fill(_ database: String) throws {
        try sql("CREATE DATABASE \"\(database)\" TEMPLATE template0")
        let content = try String(
            contentsOfFile: Self.repository + "/Tests/BlackBox/kit/content.sql", encoding: .utf8)
        try sql(content, in: database)
    }
}

struct ShellFailure: Error, CustomStringConvertible {
    var text: String
    var description: String { text }
}

/// Runs a program to its end. Not by Foundation's `Process`, which waits for a server that it leaves behind, too.
func shell(
    _ command: [String], input: String = "", environment: [String: String]? = nil
) throws -> (code: Int32, out: String, err: String) {
    let folder = try TemporaryFolder()
    try Data(input.utf8).write(to: URL(filePath: folder.file("in")))
    let process = ForegroundProcess(
        executable: "/bin/sh", arguments: ["-c", "exec \"$@\" <\"$0\"", folder.file("in")] + command,
        environment: environment ?? ProcessInfo.processInfo.environment)
    var out: [UInt8] = []
    let ending = try process.run(mayGoOn: { true }) { out += $0 }
    guard let code = ending.exitCode else { throw ShellFailure(text: "\(command): \(ending)") }
    return (code, String(decoding: out, as: UTF8.self), ending.errorText)
}
