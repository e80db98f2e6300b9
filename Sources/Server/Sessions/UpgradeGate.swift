import Digests
import NIOCore
import NIOHTTP1

/// Takes the Upgrade header from every request that may not become a WebSocket, so that the router answers it normally.
///
/// An upgrader that refuses instead makes NIO lose the request's head, and the client sees an empty reply. Source:
/// `https://github.com/apple/swift-nio/issues/2632`.
final class UpgradeGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// How long a connection may take to ask for something.
    static let requestLimit = TimeAmount.seconds(30)

    private var isFirst = true
    private var timer: Scheduled<Void>?
    private let mayUpgrade: @Sendable (HTTPRequestHead) -> Bool

    /// - Parameter mayUpgrade: Path and key; asked on the event loop, so it must answer at once.
    init(mayUpgrade: @escaping @Sendable (HTTPRequestHead) -> Bool) { self.mayUpgrade = mayUpgrade }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: Self.requestLimit) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        let isFirst = isFirst
        self.isFirst = false
        timer?.cancel()
        guard head.headers.contains(name: "upgrade") else { return context.fireChannelRead(data) }
        if isFirst, isSound(head), mayUpgrade(head) { return context.fireChannelRead(data) }
        head.headers.remove(name: "upgrade")
        // The decoder stops parsing behind a request that asked for an upgrade.
        head.headers.replaceOrAdd(name: "connection", value: "close")
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    /// What NIO's upgrader would refuse, and so lose.
    private func isSound(_ head: HTTPRequestHead) -> Bool {
        head.method == .GET && head.headers["sec-websocket-version"] == ["13"]
            && head.headers["sec-websocket-key"].count == 1 && isNonce(head.headers["sec-websocket-key"][0])
            && head.headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
            && head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
    }

    /// 16 bytes in base64. Source: RFC 6455, section 4.2.1.
    private func isNonce(_ text: String) -> Bool { Base64.decode(text)?.count == 16 }

    /// Bytes that are no HTTP end the connection, with an answer where none is on its way.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard isFirst, error is HTTPParserError else { return context.close(promise: nil) }
        let headers: HTTPHeaders = ["connection": "close", "content-length": "0"]
        let isTooLong = if case HTTPParserError.headerOverflow = error { true } else { false }
        let status = isTooLong ? HTTPResponseStatus.requestHeaderFieldsTooLarge : .badRequest
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Before the first request nothing else listens for the server's end.
        if isFirst, event is ChannelShouldQuiesceEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
