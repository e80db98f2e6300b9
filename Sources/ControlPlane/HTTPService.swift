import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import Server
import ServiceLifecycle

/// The one port: agents' WebSockets, REST and objects. Runs on its own until it is stopped.
struct HTTPService: Sendable {
    /// The port that is bound.
    let port: Int
    private let group: ServiceGroup
    private let running: Task<Void, any Error>
    private let certificates: Certificates?
    private let watch: Task<Void, Never>?

    /// Binds and serves.
    ///
    /// - Parameter onEnd: Called when it has ended by itself, which it never should.
    static func start(
        _ configuration: ControlPlane.Configuration, responder: some HTTPResponder<FleetContext>, door: AgentDoor,
        environment: @escaping @Sendable () -> SessionEnvironment?, logger: Logger,
        onEnd: @escaping @Sendable (any Error) -> Void
    ) async throws(StartError) -> HTTPService {
        let (ports, announce) = AsyncThrowingStream.makeStream(of: Int.self)
        var certificates: Certificates?
        if let tls = configuration.tls { certificates = try Certificates(tls, logger: logger) }
        let builder = HTTPServerBuilder { [certificates] responder in
            let channel = AgentOrHTTPChannel(responder: responder, door: door, environment: environment)
            guard let certificates else { return channel }
            return EncryptedChannel(base: channel, certificates: certificates)
        }
        let application = Application(
            responder: responder, server: builder,
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.listen.host, port: configuration.listen.port), serverName: "backupy",
                availableConnectionsDelegate: .maximum(Descriptors.connectionLimit(), logger: logger)),
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
            for try await port in ports {
                return HTTPService(
                    port: port, group: group, running: running, certificates: certificates,
                    watch: certificates.map(watch(_:)))
            }
        } catch {
            throw Self.startError(error, configuration.listen)
        }
        if Task.isCancelled {
            await group.triggerGracefulShutdown()
            _ = try? await running.value
            throw .cancelled
        }
        throw .cannotListen(configuration.listen, problem: "the server ended as it started")
    }

    /// Takes no more connections, ends idle ones, and waits for requests under way, at most 3 s.
    func stop() async {
        watch?.cancel()
        await group.triggerGracefulShutdown()
        _ = await running.result
    }

    /// Reads certificate and key anew; false where there is no TLS.
    func reloadCertificate() -> Bool {
        certificates?.reload()
        return certificates != nil
    }

    private static func watch(_ certificates: Certificates) -> Task<Void, Never> {
        Task.detached {
            while true {
                do {
                    try await Task.sleep(for: Certificates.pollInterval)
                } catch {
                    return
                }
                certificates.look()
            }
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
