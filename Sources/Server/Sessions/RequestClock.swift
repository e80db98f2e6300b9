import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Ends a connection whose request does not arrive whole in time, however busily it trickles, and one that says nothing.
/// Objects take as long as they take, as long as something comes, but not once they were answered: with a refusal, then.
///
/// Silence counts only while the server waits for the peer. A disk that is slow holds back what is read, and the sender
/// must not suffer for that. A peer that asks and then takes nothing of the answer would keep an object open for ever.
final class RequestClock: ChannelDuplexHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// From the head to the last byte of the body.
    static let limit = TimeAmount.seconds(60)

    /// From an answer that did not wait for the whole request.
    static let limitOnceAnswered = TimeAmount.seconds(5)

    /// Without a byte, between two requests or within one.
    static let silenceLimit = TimeAmount.seconds(60)

    /// While an answer is under way of which the peer takes nothing: less than fills the connection's buffers in all this time.
    static let stallLimit = TimeAmount.minutes(5)

    private var timer: Scheduled<Void>?
    private var silence: Scheduled<Void>?
    private var isReceiving = false
    /// Requests that came whole, or are coming, and have no whole answer yet.
    private var openCount = 0
    /// Somebody would take what comes.
    private var isReading = false
    private var silentSince = NIODeadline.now()
    /// Since when the peer takes nothing; nil while more may be written.
    private var stalledSince: NIODeadline?

    func handlerAdded(context: ChannelHandlerContext) {
        silentSince = context.eventLoop.now
        watch(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { cancel() }

    func read(context: ChannelHandlerContext) {
        if !isReading { silentSince = context.eventLoop.now }
        isReading = true
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        (isReading, silentSince) = (false, context.eventLoop.now)
        switch unwrapInboundIn(data) {
        case .head(let head):
            timer?.cancel()
            timer = nil
            isReceiving = true
            openCount += 1
            guard !Self.isObject(head.path) else { break }
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
        if case .end = unwrapOutboundIn(data) {
            openCount -= 1
            silentSince = context.eventLoop.now
            if isReceiving { close(context, in: Self.limitOnceAnswered) }
        }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stalledSince = context.channel.isWritable ? nil : stalledSince ?? context.eventLoop.now
        context.fireChannelWritabilityChanged()
    }

    /// Whether a path leads to an object, perhaps behind the path that the server has for the world (`--public-url`). What is
    /// not signed is answered, and so ended, at once.
    private static func isObject(_ path: String?) -> Bool {
        path.map { $0.prefix { $0 != "?" }.contains("/objects/") } ?? false
    }

    private func close(_ context: ChannelHandlerContext, in limit: TimeAmount) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }

    /// Looks again when the silence of now would have lasted too long.
    private func watch(_ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        silence = context.eventLoop.scheduleTask(deadline: silentSince + Self.silenceLimit) {
            let (clock, context) = bound.value
            clock.look(context)
        }
    }

    private func look(_ context: ChannelHandlerContext) {
        let now = context.eventLoop.now
        let isWaiting = openCount == 0 || (isReceiving && isReading)
        if !isWaiting { silentSince = now }
        let isStalled = stalledSince.map { now - $0 >= Self.stallLimit } ?? false
        guard now - silentSince < Self.silenceLimit, !isStalled else { return context.close(promise: nil) }
        watch(context)
    }

    private func cancel() {
        timer?.cancel()
        silence?.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        cancel()
        context.fireChannelInactive()
    }
}
