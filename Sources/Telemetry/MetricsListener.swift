import NIOCore
import NIOHTTP1
import NIOPosix

/// Serves `GET /metrics`, and nothing else, on an address of its own and without asking for a token.
public struct MetricsListener: Sendable {
    /// Connections that were not closed so long after they were opened are ended.
    static let patience = TimeAmount.seconds(10)

    /// The port that is bound.
    public let port: Int
    private let channel: any Channel

    /// Binds.
    ///
    /// - Parameters:
    ///   - host: name or address.
    ///   - port: 0 for any.
    public init(host: String, port: Int, metrics: Metrics) async throws {
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(MetricsHandler(metrics: metrics))
                    channel.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
                }
            }
            .bind(host: host, port: port).get()
        self.port = channel.localAddress?.port ?? port
    }

    /// Takes no more connections.
    public func stop() async { try? await channel.close() }
}

private final class MetricsHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let metrics: Metrics
    private var head: HTTPRequestHead?

    init(metrics: Metrics) { self.metrics = metrics }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end: answer(context)
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        guard let head else { return }
        let path = head.uri.prefix { $0 != "?" }
        var status = HTTPResponseStatus.ok
        if path != "/metrics" {
            status = .notFound
        } else if ![.GET, .HEAD].contains(head.method) {
            status = .methodNotAllowed
        }
        let channel = context.channel
        guard status == .ok else { return Self.write("", status, head.method, to: channel) }
        metrics.computedText(on: context.eventLoop).whenComplete { result in
            switch result {
            case .success(let text): Self.write(text, .ok, head.method, to: channel)
            case .failure: channel.close(promise: nil)
            }
        }
    }

    private static func write(
        _ text: String, _ status: HTTPResponseStatus, _ method: HTTPMethod, to channel: any Channel
    ) {
        let buffer = ByteBuffer(string: text)
        var headers: HTTPHeaders = [
            "content-type": Metrics.contentType, "content-length": "\(buffer.readableBytes)", "connection": "close",
        ]
        if status == .methodNotAllowed { headers.add(name: "allow", value: "GET, HEAD") }
        channel.write(
            OutboundOut.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)), promise: nil)
        if method != .HEAD { channel.write(OutboundOut.body(.byteBuffer(buffer)), promise: nil) }
        channel.writeAndFlush(OutboundOut.end(nil)).whenComplete { _ in channel.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
