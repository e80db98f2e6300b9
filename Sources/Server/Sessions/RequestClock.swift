import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Ends a connection whose request does not arrive whole in time, however busily it trickles. Objects take as long as they
/// take, as long as something comes.
final class RequestClock: ChannelInboundHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    /// From the head to the last byte of the body.
    static let limit = TimeAmount.seconds(60)

    private var timer: Scheduled<Void>?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            timer?.cancel()
            timer = nil
            guard head.path?.hasPrefix("/objects/") != true else { break }
            let channel = context.channel
            timer = context.eventLoop.scheduleTask(in: Self.limit) { channel.close(promise: nil) }
        case .body:
            break
        case .end:
            timer?.cancel()
            timer = nil
        }
        context.fireChannelRead(data)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }
}
