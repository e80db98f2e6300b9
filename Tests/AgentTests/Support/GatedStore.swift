import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An object store that takes every PUT and answers it once a test opens the gate.
final class GatedStore: Sendable {
    private struct State {
        var isOpen: Bool
        var held: [any Channel] = []
        var bodies: [[UInt8]] = []
    }

    let port: Int
    /// Yields whenever an object has arrived whole.
    let arrivals: AsyncStream<Void>
    private let box: Box
    private let channel: any Channel

    init(isOpen: Bool = true) async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        self.arrivals = arrivals
        let state = Box(State(isOpen: isOpen))
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(
                        Handler { channel, body in
                            let isOpen = state.mutex.withLock { state in
                                state.bodies.append(body)
                                if !state.isOpen { state.held.append(channel) }
                                return state.isOpen
                            }
                            if isOpen { Self.answer(channel) }
                            arrived.yield()
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
        box = state
    }

    private final class Box: Sendable {
        let mutex: Mutex<State>
        init(_ state: State) { mutex = Mutex(state) }
    }

    var bodies: [[UInt8]] { box.mutex.withLock { $0.bodies } }

    /// Answers what waits and everything that comes.
    func open() {
        let held = box.mutex.withLock { state in
            state.isOpen = true
            defer { state.held = [] }
            return state.held
        }
        for channel in held { Self.answer(channel) }
    }

    private static func answer(_ channel: any Channel) {
        channel.eventLoop.execute {
            let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["Content-Length": "0"])
            channel.write(HTTPServerResponsePart.head(head), promise: nil)
            channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        private let complete: @Sendable (any Channel, [UInt8]) -> Void
        private var body: [UInt8] = []

        init(complete: @escaping @Sendable (any Channel, [UInt8]) -> Void) { self.complete = complete }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head: body = []
            case .body(let piece): body.append(contentsOf: piece.readableBytesView)
            case .end: complete(context.channel, body)
            }
        }
    }
}
