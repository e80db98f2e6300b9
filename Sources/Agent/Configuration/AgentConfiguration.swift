public import Logging

/// What an agent is started with: options where they are given, else the reference agent's environment variables.
public struct AgentConfiguration: Sendable {
    /// Where it dials.
    public var server: ServerAddress
    /// What it shows there.
    public var key: AgentKey
    /// Where its log, vault and staging files are; created with mode 0700.
    public var stateDirectory: String
    /// Whether jobs may run commands on this host.
    public var allowsHooks: Bool
    /// How much it logs.
    public var logLevel: Logger.Level
    /// A PEM file of certificates to trust beside the system's (`SSL_CERT_FILE`, as the reference agent's runtime has it).
    public var trustedCertificates: String?
    /// Of the build, as it is told to the server.
    public var version: String
    /// Where figures are shown (`BACKUP_METRICS_LISTEN_ADDR`); nil: nowhere. Reference agents take 127.0.0.1:9090 then.
    public var metricsAddress: (host: String, port: Int)?

    /// The server of the reference agent.
    public static let defaultServer = "https://api.backupy.ru"
    /// The state directory of the reference agent.
    public static let defaultStateDirectory = "/var/lib/backup-agent"

    /// Options as a command line has them; nil and false leave the choice to the environment.
    public struct Options: Sendable {
        /// `--server`.
        public var server: String?
        /// `--state`.
        public var stateDirectory: String?
        /// `--allow-insecure`.
        public var allowsInsecure = false
        /// `--allow-hooks`. There is no variable for it: whoever can set one could run commands.
        public var allowsHooks = false
        /// The content of `--key-file`.
        public var key: String?

        /// No options.
        public init() {}
    }

    /// Reads options and environment. An empty variable counts as unset.
    public init(
        options: Options, environment: [String: String], version: String
    ) throws(AgentConfigurationError) {
        func variable(_ name: String) -> String? {
            guard let value = environment[name], !value.isEmpty else { return nil }
            return value
        }
        let insecure = variable("BACKUP_DEV_ALLOW_INSECURE") ?? "false"
        // The words of Go's ParseBool, which the reference agent reads it with.
        let isTrue = ["1", "t", "T", "true", "TRUE", "True"].contains(insecure)
        guard isTrue || ["0", "f", "F", "false", "FALSE", "False"].contains(insecure) else {
            throw .badVariable(name: "BACKUP_DEV_ALLOW_INSECURE", expected: "true or false")
        }
        server = try ServerAddress(
            options.server ?? variable("BACKUP_SERVER_URL") ?? Self.defaultServer,
            allowsInsecure: options.allowsInsecure || isTrue)
        guard let key = options.key ?? variable("BACKUP_AGENT_KEY") else { throw .missingKey }
        self.key = try AgentKey(key)
        stateDirectory = options.stateDirectory ?? variable("BACKUP_STATE_DIR") ?? Self.defaultStateDirectory
        allowsHooks = options.allowsHooks
        trustedCertificates = variable("SSL_CERT_FILE")
        // As the reference agent: trace is debug, unknown words are info.
        logLevel =
            switch variable("BACKUP_LOG_LEVEL")?.lowercased() {
            case "trace", "debug": .debug
            case "warn", "warning": .warning
            case "error": .error
            default: .info
            }
        self.version = version
        if let address = variable("BACKUP_METRICS_LISTEN_ADDR") { metricsAddress = try Self.address(address) }
    }

    /// `HOST:PORT`, `[ADDRESS]:PORT`, or `:PORT` for all addresses.
    private static func address(_ text: String) throws(AgentConfigurationError) -> (host: String, port: Int) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port)
        else { throw .badVariable(name: "BACKUP_METRICS_LISTEN_ADDR", expected: "HOST:PORT, such as 127.0.0.1:9090") }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        return (host.isEmpty ? "0.0.0.0" : host, port)
    }
}

/// Why an agent cannot be started like this. Never holds the key.
public enum AgentConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No key at all.
    case missingKey
    /// A key of another form.
    case malformedKey(byteCount: Int)
    /// A URL that cannot be dialled.
    case badServerURL(url: String, problem: String)
    /// A variable with another value than it may have.
    case badVariable(name: String, expected: String)

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .missingKey:
            "no agent key: set BACKUP_AGENT_KEY or give --key-file. The server shows it once, when the agent is created."
        case .malformedKey(let byteCount):
            "the agent key has not the right form (it has \(byteCount) bytes): expected bkpy_live_ or bkpy_test_ and "
                + "32 letters or digits. Copy it again, or rotate it on the server."
        case .badServerURL(let url, let problem):
            "the server URL \(url) cannot be used: \(problem). Expected something like https://backups.example.org."
        case .badVariable(let name, let expected): "\(name) must be \(expected)."
        }
    }
}
