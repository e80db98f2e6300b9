import Core
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Wire

// The limit for acknowledgements: the server's own frameworks and frames, without a log behind them. Whoever connects is
// an agent; each report is decoded and acknowledged at once.
//
//     Echo     prints the port it listens on at 127.0.0.1

/// Answers frames on their event loop.
final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private var sequence: UInt64 = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(buffer: unwrapInboundIn(data).unmaskedData)
        guard case .received(let frame) = IncomingFrame.decode(bytes, session: nil, registeredSentAt: nil) else {
            return
        }
        switch frame.report {
        case .register: answer(.ping(frame.sentAt), frame.sentAt, context)
        case .jobUpdate(let update):
            guard let run = update.run else { return }
            answer(.reportAcknowledged(run, sequence: frame.sequence), frame.sentAt, context)
        default: break
        }
    }

    private func answer(_ message: ServerMessage, _ moment: Timestamp, _ context: ChannelHandlerContext) {
        sequence += 1
        guard let bytes = try? message.envelope(sequence: sequence, sentAt: moment) else { return }
        let buffer = context.channel.allocator.buffer(bytes: bytes)
        context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: .binary, data: buffer)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

let upgrader = NIOWebSocketServerUpgrader(
    maxFrameSize: 4 << 20,
    shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
    upgradePipelineHandler: { channel, _ in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(EchoHandler()) }
    })
let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
    .serverChannelOption(.backlog, value: 1_024)
    .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
    .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in }))
        }
    }
    .bind(host: "127.0.0.1", port: 0).get()
print(server.localAddress?.port ?? 0)
fflush(nil)
try await server.closeFuture.get()
