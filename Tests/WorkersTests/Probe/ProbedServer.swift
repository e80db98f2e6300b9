import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A server on a port of its own that does one thing with each connection.
final class ProbedServer: Sendable {
    enum Habit: Sendable {
        /// Answers what is asked with these bytes, whatever it was.
        case answering(String)
        /// Takes the connection and says nothing.
        case silent
        /// Sends the first byte of a head, and no more.
        case halting
        /// Sends a head without end.
        case flooding
        /// Hangs up as soon as it is asked.
        case cutting
    }

    private let channel: any Channel
    private let heard = Mutex("")

    /// What it was asked, all connections together.
    var requests: String { heard.withLock { $0 } }
    var port: Int { channel.localAddress?.port ?? 0 }

    init(_ habit: Habit, tls: NIOSSLContext? = nil, host: String = "127.0.0.1") async throws {
        let heard = Mutex<(@Sendable (String) -> Void)?>(nil)
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    let note = heard.withLock { $0 }
                    try channel.pipeline.syncOperations.addHandler(Handler(habit) { note?($0) })
                }
            }
            .bind(host: host, port: 0).get()
        heard.withLock { $0 = { [self] text in self.heard.withLock { $0 += text } } }
    }

    func close() async throws { try await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let habit: Habit
        private let note: @Sendable (String) -> Void

        init(_ habit: Habit, _ note: @escaping @Sendable (String) -> Void) {
            self.habit = habit
            self.note = note
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            note(String(buffer: unwrapInboundIn(data)))
            switch habit {
            case .answering(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            case .silent: break
            case .halting:
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "H")), promise: nil)
            case .flooding:
                let lines = String(repeating: "X-Y: \(String(repeating: "z", count: 1_000))\r\n", count: 80)
                let text = "HTTP/1.1 200 OK\r\n" + lines
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            case .cutting: context.close(promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
