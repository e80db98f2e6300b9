import Agent
import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "Runs the agent beside the databases.",
        discussion: """
            Reads the reference agent's variables too: BACKUP_SERVER_URL, BACKUP_AGENT_KEY, BACKUP_STATE_DIR, \
            BACKUP_LOG_LEVEL, BACKUP_DEV_ALLOW_INSECURE, BACKUP_METRICS_LISTEN_ADDR. An option wins over its variable.
            """)

    @Option(help: "The control plane's address (default: BACKUP_SERVER_URL).") var server: String?
    @Option(help: "Where the agent keeps its log and staged files (default: BACKUP_STATE_DIR).") var state: String?
    @Option(help: "A file with the agent's key (default: BACKUP_AGENT_KEY).") var keyFile: String?
    @Flag(help: "Allow http:// addresses, which are not encrypted.") var allowInsecure = false
    @Flag(help: "Allow jobs to run shell commands on this host.") var allowHooks = false

    @Option(help: "text or json, one object a line (default: BACKUPY_LOG_FORMAT, or text).") var logFormat: String?

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let logs = try Logs(format: logFormat ?? environment["BACKUPY_LOG_FORMAT"], level: nil)
        do {
            try await run(environment, logs)
        } catch let failure as Failure {
            throw logs.told(failure, by: "agent")
        }
    }

    private func run(_ environment: [String: String], _ logs: Logs) async throws {
        var options = AgentConfiguration.Options()
        options.server = server
        options.stateDirectory = state
        options.allowsInsecure = allowInsecure
        options.allowsHooks = allowHooks
        if let keyFile {
            guard let key = Input.text(of: keyFile) else {
                throw Failure(text: "--key-file: \(keyFile) cannot be read", code: Failure.usage)
            }
            options.key = key.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let configuration: AgentConfiguration
        do {
            configuration = try AgentConfiguration(
                options: options, environment: environment, version: Build.version)
        } catch {
            throw Failure(text: "\(error)", code: Failure.usage)
        }
        let logger = logs.make("agent", level: configuration.logLevel)
        let runtime: AgentRuntime
        do {
            runtime = try AgentRuntime(configuration: configuration, logger: logger)
        } catch {
            throw Failure(text: "\(error)")
        }
        logger.info("the agent works for \(configuration.server) with its state in \(configuration.stateDirectory)")
        do {
            try await ServiceGroup(
                configuration: .init(
                    services: [.init(service: runtime)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
            ).run()
        } catch {
            throw Failure(text: "\(error)")
        }
    }
}
