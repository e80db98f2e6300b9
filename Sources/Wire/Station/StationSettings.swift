public import Core

/// The part of the server's configuration that the agent acts on. Cron, retention, retry and maintenance are the
/// server's business. Passwords stay in memory.
public struct StationSettings: Hashable, Sendable {
    /// Of the configuration, as the server counts.
    public var version: UInt64
    /// What can be backed up, by id; of two with one id the last counts.
    public var targets: [Text: Target]
    /// What to back up how, by id; of two with one id the last counts.
    public var jobs: [Text: Job]
    /// What to probe how, by id; of two with one id the last counts.
    public var checks: [Text: Check] = [:]
    /// Runs that may be under way at once; 0 when the server does not say.
    public var parallelRunLimit: UInt32
    /// Passwords of all targets, for recognising them in texts. References (`env:`, `file:`) are none.
    public var passwords: [[UInt8]] = []

    /// A database.
    public struct Target: Hashable, Sendable {
        /// The type as the wire names it, such as `sqlite`; `db_unspecified` and numbers for unknown ones.
        public var type: String
        /// The database's name; of SQLite the path of the file.
        public var database: String
        /// Name or address, the directory of a socket, or empty for the tool's own default.
        public var host: String
        /// 0 for the tool's own default.
        public var port: UInt32
        /// Who to log in as; empty for the tool's own default.
        public var username: String
        /// As it came: itself, or where to find it.
        public var password: Password
        /// How to get there: `tcp`, `docker_exec`, `unix_socket`, or a number for unknown ones.
        public var strategy: String

        /// A target with all its parts.
        public init(
            type: String, database: String, host: String = "", port: UInt32 = 0, username: String = "",
            password: Password = Password(""), strategy: String = "tcp"
        ) {
            self.type = type
            self.database = database
            self.host = host
            self.port = port
            self.username = username
            self.password = password
            self.strategy = strategy
        }
    }

    /// A password, or `env:NAME` or `file:PATH` for one that lies on the agent's host. Its text shows up nowhere by itself.
    public struct Password: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
        /// The text itself, for the environment of a tool.
        public let text: String

        /// A password; empty when there is none.
        public init(_ text: String) { self.text = text }

        /// Never the password.
        public var description: String { "password (hidden)" }
        /// Never the password.
        public var customMirror: Mirror { Mirror(self, children: []) }
    }

    /// A job.
    public struct Job: Hashable, Sendable {
        /// Its target.
        public var target: Text
        /// Commands to run before the dump.
        public var preHooks: [String]
        /// Commands to run at the end, however it went.
        public var postHooks: [String]
        /// Bounds pre-hooks, dump and upload together; 0 for no bound.
        public var timeoutSeconds: UInt32

        /// A job with all its parts.
        public init(target: Text, preHooks: [String] = [], postHooks: [String] = [], timeoutSeconds: UInt32 = 0) {
            self.target = target
            self.preHooks = preHooks
            self.postHooks = postHooks
            self.timeoutSeconds = timeoutSeconds
        }
    }

    /// A health check.
    public struct Check: Hashable, Sendable {
        /// How to probe.
        public var kind: CheckSpec.Kind
        /// A URL, or host:port.
        public var target: Text
        /// From one probe to the next, from 5 on.
        public var intervalSeconds: UInt32
        /// How long a probe may take; from 1 to the interval.
        public var timeoutSeconds: UInt32
        /// The HTTP status that is well; 0 for any from 200 to 399.
        public var expectedStatus: UInt32

        /// A check with all its parts, in their bounds.
        public init(
            kind: CheckSpec.Kind, target: Text, intervalSeconds: UInt32, timeoutSeconds: UInt32,
            expectedStatus: UInt32 = 0
        ) {
            self.kind = kind
            self.target = target
            self.intervalSeconds = min(max(intervalSeconds, 5), 86_400)
            self.timeoutSeconds = min(max(timeoutSeconds, 1), self.intervalSeconds)
            self.expectedStatus = expectedStatus
        }
    }

    /// How many checks are run; a server of ours gives an agent no more.
    static let checkLimit = 1_000

    /// Settings with all their parts.
    public init(version: UInt64, targets: [Text: Target], jobs: [Text: Job], parallelRunLimit: UInt32) {
        self.version = version
        self.targets = targets
        self.jobs = jobs
        self.parallelRunLimit = parallelRunLimit
    }

    init(_ config: WireAgentConfig) {
        version = config.version
        targets = [:]
        jobs = [:]
        for target in config.targets {
            let connection = target.connection
            targets[Text(target.id)] = Target(
                type: Self.word(target.type), database: connection.database, host: connection.host,
                port: connection.port, username: connection.username,
                password: Password(connection.passwordSecretRef), strategy: Self.word(connection.strategy))
            let reference = Array(connection.passwordSecretRef.utf8)
            if !reference.isEmpty, !isReference(reference.indices, in: reference) { passwords.append(reference) }
            passwords += Redactor.secrets(inURL: connection.host)
        }
        for job in config.jobs {
            jobs[Text(job.id)] = Job(
                target: Text(job.targetID), preHooks: job.preHooks, postHooks: job.postHooks,
                timeoutSeconds: job.timeoutSec)
        }
        for check in config.healthChecks.prefix(Self.checkLimit) {
            // A kind of a later protocol is not run, and the server sees that nothing comes of it.
            guard let kind = UInt8(exactly: check.type.rawValue).flatMap(CheckSpec.Kind.init(rawValue:)) else {
                continue
            }
            checks[Text(check.id)] = Check(
                kind: kind, target: Text(check.target), intervalSeconds: check.intervalSec,
                timeoutSeconds: check.timeoutSec, expectedStatus: check.expectedStatus)
            passwords += Redactor.secrets(inURL: check.target)
        }
        parallelRunLimit = config.advanced.maxParallelJobs
    }

    private static func word(_ strategy: WireConnectionStrategy) -> String {
        switch strategy {
        case .tcp: "tcp"
        case .dockerExec: "docker_exec"
        case .unixSocket: "unix_socket"
        case .UNRECOGNIZED(let number): String(number)
        }
    }

    private static func word(_ type: WireDbType) -> String {
        switch type {
        case .dbUnspecified: "db_unspecified"
        case .postgresql: "postgresql"
        case .mysql: "mysql"
        case .mariadb: "mariadb"
        case .mongodb: "mongodb"
        case .redis: "redis"
        case .sqlite: "sqlite"
        case .UNRECOGNIZED(let number): String(number)
        }
    }
}
