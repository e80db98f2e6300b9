import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Ends a connection whose request does not arrive whole in time, however busily it trickles. Objects take as long as they
/// take, as long as something comes, but not once they were answered: with a refusal, then.
final class RequestClock: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// From the head to the last byte of the body.
    static let limit = TimeAmount.seconds(60)

    /// From an answer that did not wait for the whole request.
    static let limitOnceAnswered = TimeAmount.seconds(5)

    private var timer: Scheduled<Void>?
    private var isReceiving = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            timer?.cancel()
            timer = nil
            isReceiving = true
            guard head.path?.hasPrefix("/objects/") != true else { break }
            close(context, in: Self.limit)
        case .body:
            break
        case .end:
            timer?.cancel()
            timer = nil
            isReceiving = false
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if isReceiving, case .end = unwrapOutboundIn(data) { close(context, in: Self.limitOnceAnswered) }
        context.write(data, promise: promise)
    }

    private func close(_ context: ChannelHandlerContext, in limit: TimeAmount) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }
}
