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
    /// Runs that may be under way at once; 0 when the server does not say.
    public var parallelRunLimit: UInt32
    /// Passwords of all targets, for recognising them in texts. References (`env:`, `file:`) are none.
    public var passwords: [[UInt8]] = []

    /// A database.
    public struct Target: Hashable, Sendable {
        /// The type as the wire names it, such as `sqlite`; `db_unspecified` and numbers for unknown ones.
        public var type: String
        /// Of SQLite the path of the file.
        public var database: String

        /// A target with all its parts.
        public init(type: String, database: String) {
            self.type = type
            self.database = database
        }
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
            targets[Text(target.id)] = Target(type: Self.word(target.type), database: target.connection.database)
            let reference = Array(target.connection.passwordSecretRef.utf8)
            if !reference.isEmpty, !isReference(reference.indices, in: reference) { passwords.append(reference) }
            passwords += Redactor.secrets(inURL: target.connection.host)
        }
        for job in config.jobs {
            jobs[Text(job.id)] = Job(
                target: Text(job.targetID), preHooks: job.preHooks, postHooks: job.postHooks,
                timeoutSeconds: job.timeoutSec)
        }
        parallelRunLimit = config.advanced.maxParallelJobs
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
