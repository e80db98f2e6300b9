import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Workers

/// Opens WebSocket connections to the server.
struct Dialer: Sendable {
    /// Header that names what both ends speak beyond v1.
    static let extensionsHeader = "Backupy-Extensions"
    /// Names of this agent's extensions, in the order it sends them.
    static let extensions = ["journal", "report-ack", "health-detail"]
    /// Largest message either way.
    static let maximumFrameByteCount = 4 << 20

    typealias Channel = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    /// A connection that is upgraded, before any message.
    struct Connection: Sendable {
        var channel: Channel
        /// What the server agreed to, of what was offered.
        var extensions: [String]

        /// Ends a connection that nobody talks on. NIO stops the process when one is dropped that was not ended.
        func end() async {
            try? await channel.executeThenClose { _, _ in }
        }
    }

    private enum Outcome: Sendable {
        case upgraded(Connection)
        case refused(NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>)
    }

    let address: ServerAddress
    let key: AgentKey
    let userAgent: String
    private let tls: NIOSSLContext?

    /// - Parameter trustedCertificates: a PEM file of certificates to trust beside the system's.
    init(address: ServerAddress, key: AgentKey, userAgent: String, trustedCertificates: String?) throws {
        self.address = address
        self.key = key
        self.userAgent = userAgent
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv13
        configuration.applicationProtocols = ["http/1.1"]
        if let trustedCertificates { configuration.additionalTrustRoots = [.file(trustedCertificates)] }
        tls = address.isSecure ? try NIOSSLContext(configuration: configuration) : nil
    }

    /// Dials once.
    ///
    /// - Throws: ``DialError``, or what the network says; `CancellationError` when the task was cancelled.
    func dial() async throws -> Connection {
        let request = head
        let dialed = DialedChannels()
        do {
            return try await withTaskCancellationHandler {
                try await dial(request, dialed)
            } onCancel: {
                dialed.cancel()
            }
        } catch {
            // What closed channels say is not why.
            if Task.isCancelled { throw CancellationError() }
            throw error
        }
    }

    private func dial(_ request: HTTPRequestHead, _ dialed: DialedChannels) async throws -> Connection {
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connectTimeout(.seconds(15))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        let upgrade: EventLoopFuture<Outcome> = try await bootstrap.connect(host: address.host, port: address.port) {
            [tls, address] channel in
            channel.eventLoop.makeCompletedFuture {
                try dialed.add(channel)
                if let tls {
                    try channel.pipeline.syncOperations.addHandler(Self.tlsHandler(tls, host: address.host))
                }
                var pipeline = NIOUpgradableHTTPClientPipelineConfiguration(
                    upgradeConfiguration: Self.upgradeConfiguration(request))
                // Frames that the server sends right behind its 101 must not be lost.
                pipeline.leftOverBytesStrategy = .forwardBytes
                return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
                    configuration: pipeline)
            }
        }
        switch try await upgrade.get() {
        case .upgraded(let connection):
            guard !Task.isCancelled else {
                await connection.end()
                throw CancellationError()
            }
            return connection
        case .refused(let channel): throw try await Self.refusal(channel)
        }
    }

    private var head: HTTPRequestHead {
        var headers = HTTPHeaders()
        headers.add(name: "Host", value: address.authority)
        headers.add(name: "User-Agent", value: userAgent)
        headers.add(name: "Authorization", value: "Bearer \(key.text)")
        headers.add(name: Self.extensionsHeader, value: Self.extensions.joined(separator: ", "))
        return HTTPRequestHead(version: .http1_1, method: .GET, uri: address.target, headers: headers)
    }

    private static func tlsHandler(_ context: NIOSSLContext, host: String) throws -> NIOSSLClientHandler {
        do {
            return try NIOSSLClientHandler(context: context, serverHostname: host)
        } catch let error as NIOSSLExtraError where error == .cannotUseIPAddressInSNI {
            return try NIOSSLClientHandler(context: context, serverHostname: nil)
        }
    }

    private static func upgradeConfiguration(
        _ request: HTTPRequestHead
    ) -> NIOTypedHTTPClientUpgradeConfiguration<Outcome> {
        let upgrader = NIOTypedWebSocketClientUpgrader<Outcome>(maxFrameSize: maximumFrameByteCount) {
            channel, answer in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 4_096,
                        maxAccumulatedFrameSize: maximumFrameByteCount))
                let wrapped = try Channel(wrappingChannelSynchronously: channel)
                let agreed = answer.headers[canonicalForm: extensionsHeader].map { String($0) }
                return .upgraded(
                    Connection(channel: wrapped, extensions: extensions.filter { agreed.contains($0) }))
            }
        }
        return NIOTypedHTTPClientUpgradeConfiguration(upgradeRequestHead: request, upgraders: [upgrader]) { channel in
            channel.eventLoop.makeCompletedFuture {
                .refused(try NIOAsyncChannel(wrappingChannelSynchronously: channel))
            }
        }
    }

    private static func refusal(
        _ channel: NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>
    ) async throws -> DialError {
        try await channel.executeThenClose { inbound, _ in
            for try await part in inbound {
                guard case .head(let head) = part else { continue }
                let pause = head.headers.first(name: "Retry-After").flatMap { Int64($0) }
                return .refused(status: Int(head.status.code), retryAfterSeconds: pause)
            }
            return .closed
        }
    }
}

/// The server did not make a connection of it.
enum DialError: Error, Hashable, CustomStringConvertible {
    /// It answered, but not with 101.
    case refused(status: Int, retryAfterSeconds: Int64?)
    /// It closed the connection instead of answering.
    case closed
    /// It took longer than 15 s.
    case timedOut

    /// The least time to wait before dialling again: what the server asks for, up to five minutes; a minute for a key
    /// that is not accepted, which hardly becomes good by itself.
    var leastWait: Duration {
        switch self {
        case .refused(401, _), .refused(403, _): .seconds(60)
        case .refused(_, let seconds?): .seconds(min(max(seconds, 0), 300))
        case .refused, .closed, .timedOut: .zero
        }
    }

    var description: String {
        switch self {
        case .refused(401, _), .refused(403, _):
            "the server does not accept the agent key; if it was revoked or rotated, set the new one and restart"
        case .refused(let status, _): "the server answered HTTP \(status) instead of opening the connection"
        case .closed: "the server closed the connection before it was open"
        case .timedOut: "the connection was not open after 15 s"
        }
    }
}
