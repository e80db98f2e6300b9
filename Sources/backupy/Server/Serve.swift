import ArgumentParser
import ControlPlane
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the control plane.",
        discussion: """
            An empty data directory is filled with all that is needed. Every option can also be set in the environment \
            (BACKUPY_LISTEN, BACKUPY_PUBLIC_URL, …) and in a YAML file (--config), with the option's name as the key; \
            an option wins over the environment, the environment over the file. The first line on standard output is \
            the address, once agents are let in. SIGHUP reads the TLS certificate and its key anew; files that were \
            replaced are also noticed by themselves within seconds. Health checks trust the system's certificates, and \
            those in the PEM file that SSL_CERT_FILE names.
            """)

    @Option(help: "The data directory; made when it is not there.") var data: String?
    @Option(help: "HOST:PORT to listen on (default: 127.0.0.1:8080).") var listen: String?
    @Option(help: "The certificate chain, PEM.") var tlsCertificate: String?
    @Option(help: "Its private key, PEM.") var tlsKey: String?
    @Option(help: "How agents reach this server, such as https://backup.example.") var publicURL: String?
    @Option(help: "The master key, kept outside the data directory.") var masterKeyFile: String?
    @Flag(help: "Listen without TLS where other machines can reach it.") var allowInsecure = false
    @Flag(help: "Let health checks of the control plane probe addresses of its own host and link.")
    var allowLocalProbes = false
    @Option(help: "HOST:PORT that shows figures for Prometheus without a token.") var metricsListen: String?
    @Option(help: "text or json, one object a line (default: text).") var logFormat: String?
    @Option(help: "trace, debug, info, notice, warning, error or critical (default: info).") var logLevel: String?
    @Option(help: "A YAML file with these options.") var config: String?

    func run() async throws {
        let settings = try Settings(
            file: config,
            names: [
                "data", "listen", "tls-certificate", "tls-key", "public-url", "master-key-file", "allow-insecure",
                "allow-local-probes", "metrics-listen", "log-format", "log-level",
            ])
        let logs = try Logs(
            format: settings.text("log-format", logFormat), level: settings.text("log-level", logLevel))
        do {
            try await run(settings, logs)
        } catch let failure as Failure {
            throw logs.told(failure, by: "serve")
        }
    }

    private func run(_ settings: Settings, _ logs: Logs) async throws {
        guard let data = settings.text("data", data) else {
            throw Failure(
                text: "--data is needed: the directory that holds, or will hold, the log", code: Failure.usage)
        }
        let plane: ControlPlane
        let allowInsecure = try settings.flag("allow-insecure", allowInsecure)
        let allowsLocalProbes = try settings.flag("allow-local-probes", allowLocalProbes)
        do {
            plane = ControlPlane(
                configuration: try configuration(settings, data, allowInsecure, allowsLocalProbes),
                logger: logs.make("serve")
            ) {
                // Nobody may be listening, which is no reason to stop.
                Console.tell("ready at \($0.url)")
                if let port = $0.metricsPort { Console.tell("metrics on port \(port)") }
            }
        } catch {
            throw Failure(text: "\(error)", code: Failure.usage)
        }
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: plane, failureTerminationBehavior: .cancelGroup),
                    .init(service: HangUps(plane: plane)),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logs.make("service", level: .error)))
        do {
            try await group.run()
        } catch let error as StartError {
            let code = error.isUsage ? Failure.usage : error.isVerificationFailure ? Failure.verification : Failure.work
            throw Failure(text: "\(error)", code: code)
        } catch {
            throw Failure(text: "\(error)")
        }
    }

    private func configuration(
        _ settings: Settings, _ data: String, _ allowInsecure: Bool, _ allowsLocalProbes: Bool
    ) throws(StartError) -> ControlPlane.Configuration {
        let address = try ListenAddress(settings.text("listen", listen) ?? "127.0.0.1:8080")
        var configuration = ControlPlane.Configuration(dataDirectory: data, listen: address)
        configuration.publicURL = settings.text("public-url", publicURL)
        configuration.masterKeyFile = settings.text("master-key-file", masterKeyFile)
        configuration.allowInsecure = allowInsecure
        configuration.allowsLocalProbes = allowsLocalProbes
        configuration.trustedCertificates = ProcessInfo.processInfo.environment["SSL_CERT_FILE"].flatMap {
            $0.isEmpty ? nil : $0
        }
        if let listen = settings.text("metrics-listen", metricsListen) {
            configuration.metricsListen = try ListenAddress(listen)
        }
        configuration.build = "backupy \(Build.version)"
        let certificate = settings.text("tls-certificate", tlsCertificate)
        let key = settings.text("tls-key", tlsKey)
        if let certificate, let key {
            configuration.tls = .init(certificateFile: certificate, keyFile: key)
        } else if certificate != nil || key != nil {
            throw .certificate(problem: "--tls-certificate and --tls-key belong together")
        }
        return configuration
    }
}

/// Reads the certificate anew at each SIGHUP.
private struct HangUps: Service {
    let plane: ControlPlane

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            plane.reloadCertificate()
        }
    }
}
