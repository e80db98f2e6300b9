public import Foundation
import Subprocess
public import Wire

/// Dumps PostgreSQL databases by the machine's own `pg_dump`, in its custom format: the decrypted object is read by
/// `pg_restore`.
///
/// Owners, grants and comments are in the archive; `pg_restore` can leave them out. Roles and tablespaces belong to the
/// whole cluster and are not.
public struct PostgreSQLDriver: DumpDriver {
    /// Bytes of a tool's words that are passed on.
    private static let toldByteCount = 2_048

    private let environment: [String: String]
    private let log: @Sendable (String) -> Void

    /// A driver.
    ///
    /// - Parameters:
    ///   - environment: of the agent's process. Of it the tools get `PATH`, `HOME`, and what sets up TLS and Kerberos.
    ///   - log: gets what a tool says though it succeeds; it never leaves the host.
    public init(
        environment: [String: String] = ProcessInfo.processInfo.environment, log: @escaping @Sendable (String) -> Void
    ) {
        self.environment = environment
        self.log = log
    }

    /// `postgresql`.
    public var types: [String] { ["postgresql"] }

    /// `postgresql` and `pg_dump` where the tools are installed.
    public var capabilities: [String] {
        (try? tool("pg_dump")) != nil && (try? tool("psql")) != nil ? ["postgresql", "pg_dump"] : []
    }

    /// Whether the tools are there and the server lets us in, and whether `pg_dump` is new enough for it.
    public func validate(_ target: StationSettings.Target, mayGoOn: () -> Bool) throws {
        let dump = try tool("pg_dump")
        let connection = try connection(to: target)
        let own = try said(
            ForegroundProcess(executable: dump, arguments: ["--version"], environment: connection), mayGoOn)
        let query = ["-X", "-A", "-t", "-q", "-w", "-c", "SHOW server_version_num"]
        let its = try said(
            ForegroundProcess(executable: try tool("psql"), arguments: query, environment: connection), mayGoOn)
        guard let toolMajor = Self.major(ofTool: own), let number = Int(its) else {
            throw RunFailure(
                "pipeline: validate stage: postgresql: pg_dump --version said \(Self.quoted(own)), the server's version is "
                    + "\(Self.quoted(its)): one of them is unknown")
        }
        let serverMajor = number / 10_000
        guard toolMajor >= serverMajor else {
            throw Self.misconfigured(
                "pg_dump \(toolMajor) is older than the server, which is \(serverMajor). Install the client tools of "
                    + "PostgreSQL \(serverMajor) or later on the agent's host (Debian: postgresql-client-\(serverMajor))"
            )
        }
    }

    /// Streams the archive as `pg_dump` writes it, from one snapshot of the database.
    public func dump(
        _ target: StationSettings.Target, progress: (Int) -> Bool, to output: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> String {
        let process = ForegroundProcess(
            executable: try tool("pg_dump"),
            // Not compressed: that is the pipeline's work, and zstd's is the better one.
            arguments: ["--format=custom", "--compress=0", "--no-password"], environment: try connection(to: target))
        var archive = PostgreSQLArchive()
        var flaw: PostgreSQLArchive.Flaw?
        let ending: ForegroundProcess.Ending
        do {
            ending = try process.run(mayGoOn: { progress(archive.percent) }) { bytes in
                do throws(PostgreSQLArchive.Flaw) {
                    try archive.take(bytes)
                } catch {
                    flaw = error
                    throw error
                }
                try output(bytes)
            }
        } catch {
            if let flaw { throw RunFailure("dump: postgresql: \(flaw)") }
            throw error
        }
        // Only now does it count what came: an archive that looks whole may lack what pg_dump failed to read.
        guard ending.status.isSuccess else { throw Self.failure(of: "pg_dump", ending, stage: "dump") }
        do throws(PostgreSQLArchive.Flaw) {
            try archive.finish()
        } catch {
            throw RunFailure("dump: postgresql: \(error)")
        }
        if !ending.errorText.isEmpty { log("pg_dump: \(Self.told(ending.errorText))") }
        return "PostgreSQL \(archive.serverVersion.prefix { $0 != " " })"
    }

    // MARK: - Tools

    private func tool(_ name: String) throws(RunFailure) -> String {
        guard let path = Processes.find(name, path: environment["PATH"] ?? "") else {
            throw Self.misconfigured(
                "exec: \"\(name)\": executable file not found in $PATH. Install PostgreSQL's client tools on the agent's "
                    + "host (Debian: postgresql-client)")
        }
        return path
    }

    /// What a short program prints, without the line break.
    private func said(_ process: ForegroundProcess, _ mayGoOn: () -> Bool) throws -> String {
        var bytes: [UInt8] = []
        let ending = try process.run(mayGoOn: mayGoOn) { bytes += $0.prefix(max(0, 1_024 - bytes.count)) }
        guard ending.status.isSuccess else {
            let name = String(process.executable.split(separator: "/").last ?? "")
            throw Self.failure(of: name, ending, stage: "pipeline: validate stage")
        }
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// `15` of `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`, `17` of `17beta1`.
    static func major(ofTool version: String) -> Int? {
        guard let end = version.firstRange(of: "(PostgreSQL) ")?.upperBound else { return nil }
        return Int(version[end...].prefix { $0.isASCII && $0.isNumber })
    }

    // MARK: - Connection

    /// What the tools inherit of the agent's environment, where it is there.
    private static let inherited = [
        "PATH", "HOME", "PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSSLCRL", "PGSSLMINPROTOCOLVERSION",
        "PGPASSFILE", "PGCONNECT_TIMEOUT", "PGGSSENCMODE", "PGKRBSRVNAME", "KRB5CCNAME", "KRB5_CONFIG",
    ]

    /// The whole environment of a tool. All that a target says goes here and nothing onto a command line: a value can then
    /// be no option, and a database's name no connection string.
    private func connection(to target: StationSettings.Target) throws(RunFailure) -> [String: String] {
        var variables = environment.filter { Self.inherited.contains($0.key) }
        variables["LC_ALL"] = "C"
        variables["PGAPPNAME"] = "backupy"
        if variables["PGCONNECT_TIMEOUT"] == nil { variables["PGCONNECT_TIMEOUT"] = "30" }
        guard !target.host.contains(","), !target.host.hasPrefix("@") else {
            throw Self.misconfigured("the host must be one name, one address or the directory of a socket")
        }
        var host = target.host
        switch target.strategy {
        case "tcp":
            // Without a host the tools would go to a socket.
            if host.isEmpty { host = "localhost" }
        case "unix_socket":
            guard target.host.isEmpty || target.host.hasPrefix("/") else {
                throw Self.misconfigured(
                    "with strategy unix_socket the host must be the directory of the socket, or empty")
            }
        default:
            throw Self.misconfigured(
                "strategy \(target.strategy) is not supported by this agent; use tcp or unix_socket")
        }
        guard target.port <= 65_535 else { throw Self.misconfigured("port \(target.port) is over 65535") }
        for (name, value) in [
            ("PGHOST", host), ("PGPORT", target.port == 0 ? "" : String(target.port)),
            ("PGDATABASE", target.database), ("PGUSER", target.username), ("PGPASSWORD", target.password.text),
        ] where !value.isEmpty {
            guard !value.utf8.contains(0) else { throw Self.misconfigured("\(name) would hold a zero byte") }
            variables[name] = value
        }
        return variables
    }

    // MARK: - Failures

    private static func misconfigured(_ problem: String) -> RunFailure {
        RunFailure("pipeline: target: postgresql: \(problem)")
    }

    /// What PostgreSQL says when somebody has to change the target or the rights of its user. A server may say it in another
    /// language; then it is taken for a failure of the source.
    private static let misconfigurations = [
        "authentication failed", "no password supplied", "no pg_hba.conf entry", "is not permitted to log in",
        "permission denied", "server version mismatch",
    ]

    private static func failure(
        of tool: String, _ ending: ForegroundProcess.Ending, stage: String
    ) -> RunFailure {
        let end =
            switch ending.status {
            case .exited(let code): "exited \(code)"
            // In other words than reference agents use for a run that was cut off with its connection.
            case .signaled(let signal): "was ended by signal \(signal)"
            }
        let text = "\(tool) \(end): \(told(ending.errorText))"
        let isMissing =
            text.contains("FATAL:") && text.contains("does not exist")
            && (text.contains("database \"") || text.contains("role \""))
        if isMissing || misconfigurations.contains(where: { text.contains($0) }) { return misconfigured(text) }
        return RunFailure("\(stage): postgresql: \(text)")
    }

    /// The end of what a tool said, in one line.
    private static func told(_ text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " | ")
        guard line.utf8.count > toldByteCount else { return line }
        return "… " + String(decoding: line.utf8.suffix(toldByteCount), as: UTF8.self)
    }

    private static func quoted(_ text: String) -> String { "“\(text.prefix(200))”" }
}
