import Core
import NIOCore
import NIOHTTP1
import NIOSSL
import NIOTLS

/// Asks on one connection, and keeps what comes of it. Everything happens on the connection's event loop.
final class ProbeHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let order: Prober.Order
    private let target: CheckTarget
    private let deadline: NIODeadline
    private let promise: EventLoopPromise<ProbeFindings>
    private var found = ProbeFindings()
    private var timer: Scheduled<Void>?
    private var connectedAt: NIODeadline?
    private var askedAt: NIODeadline?
    private var isDone = false

    init(_ order: Prober.Order, _ target: CheckTarget, until deadline: NIODeadline, on loop: any EventLoop) {
        self.order = order
        self.target = target
        self.deadline = deadline
        promise = loop.makePromise(of: ProbeFindings.self)
    }

    /// What was found, at the latest when the connection has ended. Never fails.
    var findings: EventLoopFuture<ProbeFindings> { promise.futureResult }

    /// Puts itself into a pipeline, with what it needs to speak HTTP.
    func install(in pipeline: ChannelPipeline.SynchronousOperations) throws {
        do {
            if order.kind != .tcp {
                try pipeline.addHandler(AnswerLimit(byteLimit: Prober.answerByteLimit) { [self] in heardFirst() })
                try pipeline.addHTTPClientHandlers(enableOutboundHeaderValidation: true)
            }
            try pipeline.addHandler(self)
        } catch {
            finish(ProbeProblem(error))
            throw error
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(deadline: deadline) {
            let (handler, context) = bound.value
            handler.finish(ProbeProblem(.timeout, "no answer came in time"))
            context.close(promise: nil)
        }
        if context.channel.isActive { opened(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { finish(ProbeProblem(.reset, "the connection was cut")) }

    func channelActive(context: ChannelHandlerContext) {
        opened(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(ProbeProblem(.reset, "the connection was closed before an answer came"))
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent, let connectedAt {
            found.tls = NIODeadline.now() - connectedAt
            let certificate = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
                .peerCertificate
            if let certificate {
                found.certificateExpiresAt = Timestamp(milliseconds: Int64(certificate.notValidAfter) * 1_000)
            }
            ask(context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = unwrapInboundIn(data) else { return }
        found.status = UInt32(head.status.code)
        let isExpected =
            order.expectedStatus == 0
            ? (200..<400).contains(head.status.code) : head.status.code == UInt(order.expectedStatus)
        finish(isExpected ? nil : ProbeProblem(.status, Text("the status is \(head.status.code)")))
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(ProbeProblem(error))
        context.close(promise: nil)
    }

    private func opened(_ context: ChannelHandlerContext) {
        guard connectedAt == nil else { return }
        connectedAt = .now()
        switch order.kind {
        case .tcp:
            finish(nil)
            context.close(promise: nil)
        case .http: ask(context)
        case .https: break  // once TLS is agreed on
        }
    }

    private func ask(_ context: ChannelHandlerContext) {
        guard askedAt == nil else { return }
        askedAt = .now()
        let isUsualPort = target.port == (order.kind == .https ? 443 : 80)
        let host = target.host.string.utf8.contains(UInt8(ascii: ":")) ? "[\(target.host)]" : target.host.string
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: target.path.string)
        head.headers.add(name: "Host", value: isUsualPort ? host : "\(host):\(target.port)")
        head.headers.add(name: "User-Agent", value: "backupy-probe")
        head.headers.add(name: "Accept", value: "*/*")
        head.headers.add(name: "Connection", value: "close")
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func heardFirst() {
        if found.firstByte == nil, let askedAt { found.firstByte = NIODeadline.now() - askedAt }
    }

    private func finish(_ problem: ProbeProblem?) {
        guard !isDone else { return }
        isDone = true
        timer?.cancel()
        found.problem = problem
        promise.succeed(found)
    }
}

/// Lets only so many bytes of an answer through, and notices the first of them.
private final class AnswerLimit: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let onFirst: () -> Void
    private var byteCount = 0
    private let byteLimit: Int

    init(byteLimit: Int, onFirst: @escaping () -> Void) {
        self.byteLimit = byteLimit
        self.onFirst = onFirst
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        if byteCount == 0 { onFirst() }
        byteCount += buffer.readableBytes
        guard byteCount <= byteLimit else {
            return context.fireErrorCaught(
                ProbeProblem(.other, Text("the head of the answer is longer than \(byteLimit) bytes")))
        }
        context.fireChannelRead(data)
    }
}
