import Core
import HTTPTypes
public import HummingbirdCore
public import Logging
public import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket

/// A connection that becomes an agent's WebSocket when its first request asks for that with a known key, and else serves
/// HTTP.
public struct AgentOrHTTPChannel: HTTPChannelHandler {
    /// The longest single frame that is read at all; a message has less (``MessageAssembler``). The difference is what
    /// a message over the limit may have and still be recorded by its start.
    static let frameLimit = 8 << 20

    /// What a connection became.
    enum Outcome: Sendable {
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
        /// Its handler does everything.
        case agent
    }

    /// A connection, and what it is going to be.
    public struct Value: ServerChildChannelValue {
        /// The connection.
        public let channel: any Channel
        let outcome: EventLoopFuture<Outcome>
    }

    /// Answers HTTP requests.
    public let responder: Responder
    private let door: AgentDoor
    private let environment: @Sendable () -> SessionEnvironment?

    /// Connections of a server.
    ///
    /// - Parameters:
    ///   - environment: What sessions need; nil while the server is not ready, when the door must be closed.
    public init(
        responder: @escaping Responder, door: AgentDoor, environment: @escaping @Sendable () -> SessionEnvironment?
    ) {
        self.responder = responder
        self.door = door
        self.environment = environment
    }

    /// Sets up the handlers of a new connection.
    public func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes))
            let encoder = HTTPResponseEncoder()
            let gate = UpgradeGate { [door] in door.agent(of: $0) != nil }
            let upgrader = NIOTypedWebSocketServerUpgrader<Outcome>(
                maxFrameSize: Self.frameLimit, enableAutomaticErrorHandling: false,
                shouldUpgrade: { channel, head in
                    channel.eventLoop.makeSucceededFuture(AgentDoor.answerHeaders(to: head))
                },
                upgradePipelineHandler: { [door, environment] channel, head in
                    channel.eventLoop.makeCompletedFuture {
                        try Self.addSession(to: channel, head, door, environment())
                        return .agent
                    }
                })
            let handler = NIOTypedHTTPServerUpgradeHandler(
                httpEncoder: encoder, extraHTTPHandlers: [decoder, gate],
                upgradeConfiguration: NIOTypedHTTPServerUpgradeConfiguration(
                    upgraders: [upgrader],
                    notUpgradingCompletionHandler: { channel in
                        channel.eventLoop.makeCompletedFuture { .http(try Self.addHTTP(to: channel, logger)) }
                    }))
            try pipeline.addHandler(encoder)
            try pipeline.addHandler(decoder)
            try pipeline.addHandler(gate)
            try pipeline.addHandler(handler)
            return Value(channel: channel, outcome: handler.upgradeResultFuture)
        }
    }

    private static func addSession(
        to channel: any Channel, _ head: HTTPRequestHead, _ door: AgentDoor, _ environment: SessionEnvironment?
    ) throws {
        guard let admission = door.admission(of: head), let environment else {
            throw ChannelError.ioOnClosedChannel  // the key was revoked between the gate and here
        }
        let session = SessionID(bits: environment.drawBits())
        let opening = SessionOpening(
            session: session, remoteAddress: Text(channel.remoteAddress.map(Self.text) ?? ""),
            extensions: AgentDoor.extensions(of: head))
        try channel.pipeline.syncOperations.addHandler(
            SessionHandler(
                agent: admission.agent, opening: opening, session: session, environment: environment,
                isAdmitted: { admission.isValid }, eventLoop: channel.eventLoop))
    }

    /// `ADDRESS:PORT`, with brackets around addresses of version 6.
    private static func text(of address: SocketAddress) -> String {
        guard let host = address.ipAddress, let port = address.port else { return "" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    private static func addHTTP(
        to channel: any Channel, _ logger: Logger
    ) throws -> NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart> {
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        try pipeline.addHandler(RequestClock())
        try pipeline.addHandler(HTTPConnectionStateHandler(logger: logger))
        return try NIOAsyncChannel(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }

    /// Serves the connection until it ends.
    public func handle(value: Value, logger: Logger) async {
        do {
            switch try await value.outcome.get() {
            case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
            case .agent: try await value.channel.closeFuture.get()
            }
        } catch {
            // The connection ended before it became anything.
            value.channel.close(promise: nil)
        }
    }
}
