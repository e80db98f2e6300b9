import Core
import Digests
import Foundation
import Objects
import Synchronization
import Testing
import Wire

@testable import Workers

@Suite(
    "Dump of PostgreSQL", .serialized, .timeLimit(.minutes(5)),
    .enabled(if: PostgreSQLServer.isInstalled, "PostgreSQL is not installed: scripts/install-packages.sh --tests"))
struct PostgreSQLDriverTests {
    let server: PostgreSQLServer
    let folder: TemporaryFolder
    let staging: StagingArea
    let key = SecureRandom.bytes(32)
    let password = "s3cr3t-Pässwörd '\"\\ =?"

    init() throws {
        server = try PostgreSQLServer.shared.get()
        folder = try TemporaryFolder()
        staging = try StagingArea(folder: folder.file("staging"))
        let literal = "'" + password.replacing("\\", with: "\\\\").replacing("'", with: "''") + "'"
        try server.sql(
            """
            DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'backup') THEN
            CREATE ROLE backup LOGIN PASSWORD E\(literal) IN ROLE pg_read_all_data SUPERUSER; END IF; END $$
            """)
    }

    private func driver(path: String? = nil, _ variables: [String: String] = [:]) -> PostgreSQLDriver {
        var environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }
        if let path { environment["PATH"] = path }
        return PostgreSQLDriver(environment: environment, log: { _ in })
    }

    private func pipeline(_ driver: PostgreSQLDriver? = nil) -> DumpPipeline {
        DumpPipeline(drivers: [driver ?? self.driver()], staging: staging, passwords: PasswordSource(environment: [:]))
    }

    private func target(
        _ database: String, host: String = "127.0.0.1", username: String = "backup", password: String? = nil,
        strategy: String = "tcp", port: Int? = nil
    ) -> StationSettings.Target {
        .init(
            type: "postgresql", database: database, host: host, port: UInt32(port ?? server.port), username: username,
            password: .init(password ?? self.password), strategy: strategy)
    }

    private func plain() throws -> [UInt8] {
        let blob = try Data(contentsOf: URL(filePath: staging.path(of: "run")))
        var plain: [UInt8] = []
        let reader = try BlobReader(dataKey: key) { plain.append(contentsOf: $0) }
        try reader.write(Array(blob))
        _ = try reader.finish()
        return plain
    }

    private func failure(_ body: () async throws -> Void) async -> String {
        do { try await body() } catch { return "\(error)" }
        return "none"
    }

    private func stagedFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.file("staging"))
    }

    @Test("What is restored equals the source, over TCP and over the UNIX socket", arguments: ["tcp", "unix_socket"])
    func restored(strategy: String) async throws {
        let source = "source_\(strategy)"
        try server.fill(source)
        let target = target(source, host: strategy == "tcp" ? "127.0.0.1" : server.folder, strategy: strategy)
        try await pipeline().validate(target)
        let staged = try await pipeline().dump(target, run: "run", key: key) { _ in }
        let version = try server.sql("SHOW server_version").prefix { $0 != " " }
        #expect(staged.engineVersion.string == "PostgreSQL \(version)")
        let file = folder.file("archive")
        try Data(try plain()).write(to: URL(filePath: file))
        try server.sql("CREATE DATABASE restored_\(strategy) TEMPLATE template0")
        let result = try shell(
            ["pg_restore", "--exit-on-error", "-d", "restored_\(strategy)", file],
            environment: server.environment("postgres"))
        #expect(result.code == 0, "\(result.err)")
        let (expected, found) = (try server.text(of: source), try server.text(of: "restored_\(strategy)"))
        #expect(expected.utf8.count > 4_000_000)
        #expect(found == expected)
        // The archive of the real pg_dump, cut off anywhere, is not whole; `pg_restore --list` would not see it.
        let bytes = Array(try plain())
        for count in [bytes.count - 1, bytes.count - 6, bytes.count / 2, bytes.count / 3, 5_000, 100, 0] {
            var archive = PostgreSQLArchive()
            try bytes[..<count].withUnsafeBytes { try archive.take($0) }
            #expect(throws: PostgreSQLArchive.Flaw.self, "\(count) of \(bytes.count)") { try archive.finish() }
        }
    }

    @Test(
        "A database's name is a name, whatever it looks like",
        arguments: [
            "--file=/tmp/x", "-Z9", "dbname=postgres host=127.0.0.1", "postgresql://127.0.0.1/postgres",
            "a b;'\"\\ ünï",
        ])
    func names(name: String) async throws {
        try server.sql("CREATE DATABASE \"\(name.replacing("\"", with: "\"\""))\" TEMPLATE template0")
        try server.sql("CREATE TABLE only_here(a int)", in: name)
        try await pipeline().validate(target(name))
        _ = try await pipeline().dump(target(name), run: "run", key: key) { _ in }
        let text = String(decoding: try plain(), as: UTF8.self)
        #expect(text.contains("CREATE TABLE public.only_here"))
    }

    @Test("An empty database is a backup too")
    func empty() async throws {
        try server.sql("CREATE DATABASE nothing TEMPLATE template0")
        let staged = try await pipeline().dump(target("nothing"), run: "run", key: key) { _ in }
        #expect(staged.engineVersion.string.hasPrefix("PostgreSQL 1"))
    }

    @Test("What has to be mended in the target is told as such, without the password")
    func misconfigured() async throws {
        let wrong = "Wr0ng-Passw0rd"
        let old = try tools(["pg_dump": "echo 'pg_dump (PostgreSQL) 9.6.24'"])
        for (target, driver, words) in [
            (target("postgres", password: wrong), driver(), "password authentication failed"),
            (target("postgres", password: ""), driver(), "no password supplied"),
            (target("no_such"), driver(), "database \"no_such\" does not exist"),
            (target("postgres", username: "nobody"), driver(), "authentication failed"),
            (target("postgres", strategy: "docker_exec"), driver(), "strategy docker_exec is not supported"),
            (target("postgres", host: "localhost", strategy: "unix_socket"), driver(), "the directory of the socket"),
            (target("a\0b"), driver(), "zero byte"),
            (target("postgres"), driver(path: "/nonexistent"), "executable file not found in $PATH"),
            (target("postgres"), driver(path: old), "pg_dump 9 is older than the server"),
        ] {
            let text = await failure { try await pipeline(driver).validate(target) }
            #expect(text.hasPrefix("pipeline: target: postgresql: "), "\(text)")
            #expect(text.contains(words), "\(text)")
            #expect(!text.contains(password) && !text.contains(wrong))
            #expect(FailureClass(errorMessage: text) == .configuration)
        }
        // The same from the dump itself, were it to change between the two.
        let text = await failure {
            _ = try await pipeline().dump(target("postgres", password: wrong), run: "run", key: key) { _ in }
        }
        #expect(text.contains("pipeline: target: postgresql: pg_dump exited 1: "), "\(text)")
        #expect(try stagedFiles() == [])
    }

    @Test("A server that is not there is a failure of the source")
    func unreachable() async throws {
        for target in [target("postgres", port: 1), target("postgres", host: "/no/such", strategy: "unix_socket")] {
            let text = await failure { try await pipeline().validate(target) }
            #expect(text.hasPrefix("pipeline: validate stage: postgresql: psql exited 2: "), "\(text)")
            #expect(FailureClass(errorMessage: text) == .source)
        }
        #expect(driver().capabilities == ["postgresql", "pg_dump"])
        #expect(driver(path: "/nonexistent").capabilities == [])
    }

    @Test("A tool gets no secret but the password, which is nowhere in what it says")
    func environment() async throws {
        let path = try tools(["pg_dump": "env >&2; echo \"args: $*\" >&2; exit 1"])
        let driver = driver(
            path: path,
            [
                "BACKUP_AGENT_KEY": "bkpy_test_secret", "OTHER_SECRET": "hidden", "PGOPTIONS": "-c x=y",
                "PGSSLMODE": "prefer",
            ])
        let text = await failure {
            _ = try await pipeline(driver).dump(target("postgres"), run: "run", key: key) { _ in }
        }
        #expect(text.hasPrefix("dump: postgresql: pg_dump exited 1: "), "\(text)")
        for variable in ["PGPASSWORD=****", "PGHOST=127.0.0.1", "PGUSER=backup", "LC_ALL=C", "PGSSLMODE=prefer"] {
            #expect(text.contains(variable), "\(variable): \(text)")
        }
        #expect(text.contains("args: --format=custom --compress=0 --no-password"))
        for secret in ["bkpy_test_secret", "hidden", "PGOPTIONS", password] { #expect(!text.contains(secret)) }
    }

    @Test("Half an archive never counts, nor does a whole one of a pg_dump that failed; what it says is bounded")
    func partial() async throws {
        let archive = folder.file("whole")
        try Data(ArchiveMaker(minor: 14).bytes).write(to: URL(filePath: archive))
        for (script, words) in [
            ("cat \(archive); exit 1", "dump: postgresql: pg_dump exited 1: "),
            ("cat \(archive); kill -9 $$", "dump: postgresql: pg_dump was ended by signal 9: "),
            ("head -c -20 \(archive)", "it ends within the data of an entry"),
            ("head -c 300 \(archive)", "it ends within its table of contents"),
            ("true", "it ends within its head"), ("echo hello", "it does not begin with PGDMP"),
            ("cat \(archive); yes 'pg_dump: warning: x' | head -c 3000000 >&2; exit 7", "pg_dump exited 7: … "),
        ] {
            let driver = driver(path: try tools(["pg_dump": script]))
            let text = await failure {
                _ = try await pipeline(driver).dump(target("postgres"), run: "run", key: key) { _ in }
            }
            #expect(text.hasPrefix("dump: postgresql: ") && text.contains(words), "\(text)")
            #expect(text.utf8.count < 2_500)
            #expect(FailureClass(errorMessage: text) == .source)
            #expect(try stagedFiles() == [])
        }
        let whole = driver(path: try tools(["pg_dump": "cat \(archive)"]))
        let staged = try await pipeline(whole).dump(target("postgres"), run: "run", key: key) { _ in }
        #expect(staged.engineVersion.string == "PostgreSQL 14.2")
    }

    @Test("A connection that the server ends within the dump fails the run")
    func dropped() async throws {
        try big("dropped")
        var byteCount = 0
        var isEnded = false
        let text = await failure {
            _ = try driver().dump(target("dropped"), progress: { _ in true }) { bytes in
                byteCount += bytes.count
                // Nothing more is read from pg_dump meanwhile, so it cannot be through.
                guard byteCount > 1 << 20, !isEnded else { return }
                isEnded = true
                try server.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'backupy'")
            }
        }
        #expect(isEnded)
        #expect(text.hasPrefix("dump: postgresql: pg_dump exited 1: "), "\(text)")
        #expect(FailureClass(errorMessage: text) == .source)
    }

    @Test("Stopping a dump that waits for a lock ends pg_dump and its query on the server, and leaves nothing behind")
    func cancelled() async throws {
        try server.sql("CREATE DATABASE locked TEMPLATE template0")
        try server.sql("CREATE TABLE t(a int)", in: "locked")
        let holder = Process()
        holder.executableURL = URL(filePath: "/usr/bin/env")
        holder.arguments = ["psql", "-XAtq"]
        holder.environment = server.environment("locked")
        let input = Pipe()
        holder.standardInput = input
        try holder.run()
        defer {
            try? input.fileHandleForWriting.close()
            holder.waitUntilExit()
        }
        input.fileHandleForWriting.write(Data("BEGIN; LOCK TABLE t;\n".utf8))
        func until(_ query: String, is expected: String) async throws {
            while try server.sql(query) != expected { await Task.yield() }
        }
        try await until(
            "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation > 16000 AND database = (SELECT oid FROM pg_database WHERE datname = 'locked')",
            is: "1")
        let (pipeline, target, key) = (pipeline(), target("locked"), key)
        let task = Task { try await pipeline.dump(target, run: "run", key: key) { _ in } }
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'backupy' AND wait_event_type = 'Lock'"
        try await until(waiting, is: "1")
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        // At once, although the lock is still held: pg_dump was asked to end and asked the server to.
        try await until("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'backupy'", is: "0")
        #expect(try stagedFiles() == [])
    }

    @Test("A pg_dump that does not want to end is killed soon, with all that it started, and leaves no file")
    func stubborn() async throws {
        var times: [Duration] = []
        // Alone it takes half a second; the machine may be busy with all other tests, but hardly each time for so long.
        let isNightly = ProcessInfo.processInfo.environment["BACKUPY_NIGHTLY"] == "1"
        let limit = Duration.seconds(isNightly ? 1 : 5)
        while times.count < 5, times.allSatisfy({ $0 >= limit }) { times.append(try await endStubborn()) }
        #expect(try #require(times.min()) < limit, "\(times)")
        #expect(try stagedFiles() == [])
    }

    /// How long it takes from the cancellation of a dump whose `pg_dump` ignores being asked to its end.
    private func endStubborn() async throws -> Duration {
        let marker = folder.file(UUID().uuidString)
        let script = "trap '' TERM; sleep 1000 & echo $$ $! > \(marker); wait; sleep 1000"
        let driver = driver(path: try tools(["pg_dump": script]))
        let (pipeline, target, key) = (pipeline(driver), target("postgres"), key)
        let task = Task { try await pipeline.dump(target, run: "run", key: key) { _ in } }
        var pids: [Int32] = []
        while pids.count < 2 {
            let text = (try? String(contentsOfFile: marker, encoding: .utf8)) ?? ""
            if text.hasSuffix("\n") { pids = text.split(whereSeparator: \.isWhitespace).compactMap { Int32($0) } }
            await Task.yield()
        }
        let start = ContinuousClock.now
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let end = ContinuousClock.now
        for pid in pids {
            // Gone, or a zombie that waits for whoever adopted it.
            while let state = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8), !state.contains(") Z ")
            {
                await Task.yield()
            }
        }
        return end - start
    }

    /// A folder with these scripts, and the folders of the real tools behind it.
    private func tools(_ scripts: [String: String]) throws -> String {
        let bin = folder.file(UUID().uuidString)
        try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
        for (name, script) in scripts {
            try Data("#!/bin/sh\n\(script)\n".utf8).write(to: URL(filePath: "\(bin)/\(name)"))
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(bin)/\(name)")
        }
        return bin + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "")
    }

    /// Some 30 MB, more than fits into pipes and sockets.
    private func big(_ database: String) throws {
        try server.sql("CREATE DATABASE \(database) TEMPLATE template0")
        try server.sql(
            "CREATE TABLE t AS SELECT i, repeat(md5(i::text), 30) AS body FROM generate_series(1, 30000) i",
            in: database)
    }
}
