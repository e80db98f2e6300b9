import Core
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import SwiftProtobuf
import TestCertificates
import Testing

@testable import Wire

/// A control plane that does what a test says, frame by frame.
final class ScriptedServer: Sendable {
    let port: Int
    private let channel: any Channel
    private let peers: AsyncStream<Peer>

    /// - Parameter extensions: the header of the 101, if any.
    init(extensions: String? = "journal, report-ack", isSecure: Bool = false) async throws {
        let tls = isSecure ? try TestCertificate.context() : nil
        let (peers, arrived) = AsyncStream.makeStream(of: Peer.self)
        self.peers = peers
        channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    let upgrader = NIOTypedWebSocketServerUpgrader<Void>(
                        maxFrameSize: 4 << 20,
                        shouldUpgrade: { channel, _ in
                            let headers = extensions.map { HTTPHeaders([("Backupy-Extensions", $0)]) } ?? HTTPHeaders()
                            return channel.eventLoop.makeSucceededFuture(headers)
                        },
                        upgradePipelineHandler: { channel, head in
                            channel.eventLoop.makeCompletedFuture {
                                let (frames, received) = AsyncStream.makeStream(of: WebSocketFrame.self)
                                try channel.pipeline.syncOperations.addHandler(Collector(received: received))
                                arrived.yield(Peer(head: head, channel: channel, frames: frames))
                            }
                        })
                    let configuration = NIOUpgradableHTTPServerPipelineConfiguration<Void>(
                        upgradeConfiguration: NIOTypedHTTPServerUpgradeConfiguration(
                            upgraders: [upgrader],
                            notUpgradingCompletionHandler: { $0.eventLoop.makeSucceededVoidFuture() }))
                    _ = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
                        configuration: configuration)
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    /// The next connection.
    func accept() async throws -> Peer {
        for await peer in peers { return peer }
        throw CancellationError()
    }

    /// The next connection, accepted with this configuration; gives the `Register` too.
    func accept(_ config: WireAgentConfig?) async throws -> Peer {
        let peer = try await accept()
        _ = try await peer.next()
        peer.acknowledge(config)
        let heartbeat = try await peer.next()
        try #require(heartbeat.heartbeat.configVersion == config?.version ?? 0)
        return peer
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = WebSocketFrame
        private let received: AsyncStream<WebSocketFrame>.Continuation

        init(received: AsyncStream<WebSocketFrame>.Continuation) { self.received = received }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { received.yield(unwrapInboundIn(data)) }

        func channelInactive(context: ChannelHandlerContext) {
            received.finish()
            context.fireChannelInactive()
        }
    }
}

/// One agent's connection, as the server sees it.
final class Peer: Sendable {
    enum Failure: Error {
        case closed(code: Int?)
        case unexpected(String)
    }

    let head: HTTPRequestHead
    private let channel: any Channel
    private let frames: AsyncStream<WebSocketFrame>

    init(head: HTTPRequestHead, channel: any Channel, frames: AsyncStream<WebSocketFrame>) {
        self.head = head
        self.channel = channel
        self.frames = frames
    }

    /// The next data frame, decoded; throws ``Failure/closed(code:)`` once the agent closes.
    func next() async throws -> WireEnvelope {
        for await frame in frames {
            switch frame.opcode {
            case .binary:
                return try WireEnvelope(serializedBytes: Array(frame.unmaskedData.readableBytesView))
            case .connectionClose:
                var data = frame.unmaskedData
                throw Failure.closed(code: data.readInteger(as: UInt16.self).map(Int.init))
            default: continue
            }
        }
        throw Failure.closed(code: nil)
    }

    /// The next frame that is not progress or a heartbeat.
    func nextReport() async throws -> WireEnvelope {
        while true {
            let envelope = try await next()
            switch envelope.payload {
            case .heartbeat: continue
            case .jobUpdate(let update) where update.status == .running: continue
            default: return envelope
            }
        }
    }

    /// The code of the agent's close frame; frames before it are passed over.
    func closeCode() async throws -> Int? {
        do {
            while true { _ = try await next() }
        } catch Failure.closed(let code) {
            return code
        }
    }

    func send(_ fill: (inout WireEnvelope) -> Void) {
        var envelope = WireEnvelope()
        fill(&envelope)
        send(bytes: (try? envelope.serializedBytes()) ?? [])
    }

    func send(bytes: [UInt8], opcode: WebSocketOpcode = .binary) {
        channel.writeAndFlush(
            WebSocketFrame(fin: true, opcode: opcode, data: ByteBuffer(bytes: bytes)), promise: nil)
    }

    func acknowledge(_ config: WireAgentConfig?) {
        send {
            $0.registerAck.sessionID = "ses_1"
            if let config { $0.registerAck.config = config }
        }
    }

    /// Sends a ping and gives everything up to its answer; that nothing else came before can be seen from it.
    func roundTrip() async throws -> [WireEnvelope] {
        send {
            $0.correlationID = "ping-1"
            $0.ping.tsMs = 1
        }
        var envelopes: [WireEnvelope] = []
        while true {
            let envelope = try await next()
            if envelope.ack.correlationID == "ping-1" { return envelopes }
            envelopes.append(envelope)
        }
    }

    /// Cuts the connection without a word.
    func cut() async throws { try await channel.close() }
}
