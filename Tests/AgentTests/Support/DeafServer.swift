import NIOCore
import NIOPosix
import Synchronization

/// Takes connections and answers each with the next text of a list; nil is no answer at all.
final class DeafServer: Sendable {
    let port: Int
    /// What clients sent first.
    let requests: AsyncStream<String>
    private let channel: any Channel

    init(answers: [String?]) async throws {
        let (requests, received) = AsyncStream.makeStream(of: String.self)
        self.requests = requests
        let left = Answers(answers)
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Handler(answer: left.next()) { received.yield($0) })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    private final class Answers: Sendable {
        private let list: Mutex<[String?]>
        init(_ list: [String?]) { self.list = Mutex(list) }
        func next() -> String? { list.withLock { $0.isEmpty ? nil : $0.removeFirst() } }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let answer: String?
        private let received: (String) -> Void

        init(answer: String?, received: @escaping (String) -> Void) {
            self.answer = answer
            self.received = received
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received(String(buffer: unwrapInboundIn(data)))
            if let answer { context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil) }
        }
    }
}
