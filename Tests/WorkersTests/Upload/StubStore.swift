import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization
import TestCertificates

/// An HTTP server on a port of its own that answers each request with the next status of a list.
final class StubStore: Sendable {
    struct Request: Sendable {
        var head: HTTPRequestHead
        var body: [UInt8]
    }

    private struct State {
        var answers: [HTTPResponseStatus]
        var requests: [Request] = []
    }

    private let state: Mutex<State>
    private let channel: Mutex<(any Channel)?> = Mutex(nil)

    var requests: [Request] { state.withLock { $0.requests } }
    var port: Int { channel.withLock { $0?.localAddress?.port ?? 0 } }

    init(answers: [HTTPResponseStatus], isSecure: Bool = false) async throws {
        state = Mutex(State(answers: answers))
        let tls = isSecure ? try TestCertificate.context() : nil
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { [self] channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(store: self))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        channel.withLock { $0 = server }
    }

    func close() async throws { try await channel.withLock { $0 }?.close() }

    private func take(_ request: Request) -> HTTPResponseStatus {
        state.withLock {
            $0.requests.append(request)
            return $0.answers.isEmpty ? .notFound : $0.answers.removeFirst()
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private let store: StubStore
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(store: StubStore) { self.store = store }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): self.head = head
            case .body(let piece): body.append(contentsOf: piece.readableBytesView)
            case .end:
                guard let head else { return }
                let status = store.take(Request(head: head, body: body))
                var answer = HTTPResponseHead(version: .http1_1, status: status)
                answer.headers.add(name: "Content-Length", value: "0")
                if status == .temporaryRedirect { answer.headers.add(name: "Location", value: "/elsewhere") }
                context.write(wrapOutboundOut(.head(answer)), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
                body = []
            }
        }
    }
}
