import Foundation
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Server
import ServiceLifecycle

/// The one port: agents' WebSockets, REST and objects. Runs on its own until it is stopped.
struct HTTPService: Sendable {
    /// The port that is bound.
    let port: Int
    private let group: ServiceGroup
    private let running: Task<Void, any Error>

    /// Binds and serves.
    ///
    /// - Parameter onEnd: Called when it has ended by itself, which it never should.
    static func start(
        _ configuration: ControlPlane.Configuration, responder: some HTTPResponder<FleetContext>, door: AgentDoor,
        environment: @escaping @Sendable () -> SessionEnvironment?, logger: Logger,
        onEnd: @escaping @Sendable (any Error) -> Void
    ) async throws(StartError) -> HTTPService {
        let (ports, announce) = AsyncThrowingStream.makeStream(of: Int.self)
        let base = HTTPServerBuilder { AgentOrHTTPChannel(responder: $0, door: door, environment: environment) }
        let builder: HTTPServerBuilder
        if let tls = configuration.tls { builder = try encrypted(base, tls) } else { builder = base }
        let application = Application(
            responder: responder, server: builder,
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.listen.host, port: configuration.listen.port), serverName: "backupy"),
            onServerRunning: { channel in announce.yield(channel.localAddress?.port ?? configuration.listen.port) },
            logger: logger)
        var options = ServiceGroupConfiguration(services: [application], logger: logger)
        options.maximumGracefulShutdownDuration = .seconds(3)
        let group = ServiceGroup(configuration: options)
        // Detached: it must not hear of a shutdown before the sessions were told.
        let running = Task.detached {
            do {
                try await group.run()
                announce.finish()
            } catch {
                announce.finish(throwing: error)
                onEnd(error)
                throw error
            }
        }
        do {
            for try await port in ports { return HTTPService(port: port, group: group, running: running) }
        } catch {
            throw Self.startError(error, configuration.listen)
        }
        throw .cannotListen(configuration.listen, problem: "the server ended as it started")
    }

    /// Takes no more connections, ends idle ones, and waits for requests under way, at most 3 s.
    func stop() async {
        await group.triggerGracefulShutdown()
        _ = await running.result
    }

    private static func encrypted(
        _ base: HTTPServerBuilder, _ tls: ControlPlane.Configuration.TLS
    ) throws(StartError) -> HTTPServerBuilder {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(tls.certificateFile)
            let key = try NIOSSLPrivateKey(file: tls.keyFile, format: .pem)
            var settings = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            // The library's own default is 1.0.
            settings.minimumTLSVersion = .tlsv12
            return try .tls(base, tlsConfiguration: settings)
        } catch {
            throw .certificate(
                problem: "\(tls.certificateFile) and \(tls.keyFile) must be a PEM certificate and its key (\(error))")
        }
    }

    private static func startError(_ error: any Error, _ address: ListenAddress) -> StartError {
        switch error {
        case let error as IOError where error.errnoCode == EADDRINUSE: .addressInUse(address)
        case let error as IOError: .cannotListen(address, problem: String(cString: strerror(error.errnoCode)))
        default: .cannotListen(address, problem: "\(error)")
        }
    }
}
