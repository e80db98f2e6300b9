import Core
import Engine
import Logging
import NIOCore
import NIOWebSocket
import Synchronization
import Wire

/// Why a session ended, and how the agent says so.
enum SessionEnd: Hashable, Sendable {
    /// The agent stops.
    case leaving
    /// No `RegisterAck` as the first message, or not in time.
    case handshakeFailed(String)
    /// The server sent what is no envelope, or nothing for 90 s.
    case broken(String)
    /// The connection is gone.
    case disconnected(String)

    /// The reason for log and journal.
    var reason: String {
        switch self {
        case .leaving: "the agent stops"
        case .handshakeFailed(let text), .broken(let text), .disconnected(let text): text
        }
    }

    /// Code and reason of the close frame. Source: what reference agents send.
    var close: (code: WebSocketErrorCode, text: String) {
        switch self {
        case .leaving: (.goingAway, "agent stops")
        case .handshakeFailed: (.policyViolation, "handshake failed")
        case .broken, .disconnected: (.normalClosure, "client done")
        }
    }
}

/// One connection, from `Register` to its close.
struct Session: Sendable {
    static let handshakeTime = Duration.seconds(15)
    static let idleTime = Duration.seconds(90)
    /// Where the server names none.
    static let heartbeatPeriod = Duration.seconds(30)
    static let goodbyeTime = Duration.seconds(3)

    /// What the session tells and asks the rest of the agent.
    struct Hooks: Sendable {
        /// The first frame.
        var register: @Sendable () -> AgentFrame
        /// The server accepted: gets session id and config. Before anything but a heartbeat is sent.
        var accepted: @Sendable (Text, StationSettings?) async -> Void
        /// Any later frame of the server.
        var received: @Sendable (ServerFrame) async -> Void
        /// Any data message after the first one.
        var heard: @Sendable () -> Void
        /// The frame of a heartbeat.
        var heartbeat: @Sendable () -> AgentFrame
    }

    private struct Liveness: Sendable {
        var lastDataAt: Duration
        var isAccepted = false
        var heartbeatPeriod = Session.heartbeatPeriod
    }

    let channel: Dialer.Channel
    let outbox: Outbox
    let hooks: Hooks
    let time: any AgentTime
    let logger: Logger
    private let liveness: Mutexed<Liveness>
    private let toWriter = AsyncStream.makeStream(of: Void.self)
    private let toHeartbeats = AsyncStream.makeStream(of: Void.self)

    init(channel: Dialer.Channel, outbox: Outbox, hooks: Hooks, time: any AgentTime, logger: Logger) {
        self.channel = channel
        self.outbox = outbox
        self.hooks = hooks
        self.time = time
        self.logger = logger
        liveness = Mutexed(Liveness(lastDataAt: time.uptime))
    }

    /// Whether the server accepted the session.
    var wasAccepted: Bool { liveness.withLock { $0.isAccepted } }

    /// Talks until the connection ends or `leave` does.
    func run(leave: AsyncStream<Void>) async -> SessionEnd {
        let queue = outbox.open()
        defer { outbox.close() }
        do {
            return try await channel.executeThenClose { inbound, outbound in
                let end = await withTaskGroup(of: SessionEnd.self) { group in
                    group.addTask { await read(inbound, outbound) }
                    group.addTask { await write(queue, outbound) }
                    group.addTask { await watch() }
                    group.addTask { await beat(toHeartbeats.stream) }
                    group.addTask {
                        for await _ in leave { break }
                        return .leaving
                    }
                    let end = await group.next() ?? .leaving
                    group.cancelAll()
                    return end
                }
                await sayGoodbye(end, outbound)
                return end
            }
        } catch {
            return .disconnected("the connection failed: \(error)")
        }
    }

    // MARK: - Reading

    private func read(
        _ inbound: NIOAsyncChannelInboundStream<WebSocketFrame>,
        _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async -> SessionEnd {
        do {
            for try await frame in inbound {
                switch frame.opcode {
                case .binary:
                    liveness.withLock { $0.lastDataAt = time.uptime }
                    if let end = await take(Array(frame.unmaskedData.readableBytesView)) { return end }
                case .text:
                    // Counts as a sign of life, as with the reference agent, and means nothing.
                    liveness.withLock { $0.lastDataAt = time.uptime }
                    hooks.heard()
                case .ping:
                    try await outbound.write(
                        WebSocketFrame(fin: true, opcode: .pong, maskKey: .random(), data: frame.unmaskedData))
                case .connectionClose:
                    return .disconnected("the server closed the connection\(Self.reason(of: frame))")
                default: break
                }
            }
            return .disconnected("the connection was cut")
        } catch {
            return .disconnected("the connection failed: \(error)")
        }
    }

    private func take(_ bytes: [UInt8]) async -> SessionEnd? {
        let frame: ServerFrame
        do {
            frame = try ServerFrame(bytes: bytes)
        } catch {
            return wasAccepted ? .broken("\(error)") : .handshakeFailed("\(error)")
        }
        guard !wasAccepted else {
            hooks.heard()
            await hooks.received(frame)
            return nil
        }
        guard case .registerAck(let session, let settings, let heartbeatSeconds) = frame else {
            return .handshakeFailed("the server's first message was not a RegisterAck")
        }
        liveness.withLock { liveness in
            liveness.isAccepted = true
            // At most a minute, since silence of 90 s makes an agent dead.
            if heartbeatSeconds > 0 { liveness.heartbeatPeriod = .seconds(Int64(min(max(heartbeatSeconds, 5), 60))) }
        }
        // Behind this heartbeat comes all that `accepted` sets free.
        await hooks.accepted(session, settings)
        toWriter.continuation.finish()
        toHeartbeats.continuation.finish()
        return nil
    }

    private static func reason(of frame: WebSocketFrame) -> String {
        var data = frame.unmaskedData
        guard let code = data.readInteger(as: UInt16.self) else { return "" }
        let text = String(decoding: data.readableBytesView.prefix(123), as: UTF8.self)
        return text.isEmpty ? " (code \(code))" : " (code \(code), \(text))"
    }

    // MARK: - Writing

    /// The only task that writes data frames: numbers are drawn in the order of the wire.
    private func write(
        _ queue: AsyncStream<Outbox.Item>, _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async -> SessionEnd {
        do {
            _ = try await send(hooks.register(), outbound)
            for await _ in toWriter.stream {}
            _ = try await send(hooks.heartbeat(), outbound)
            for await item in queue {
                let sequence = try await send(item.frame, outbound)
                item.onWritten?(sequence)
            }
            return .disconnected("the session was replaced")
        } catch {
            return .disconnected("the connection failed: \(error)")
        }
    }

    private func send(
        _ frame: AgentFrame, _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async throws -> UInt64 {
        try Task.checkCancellation()
        let sequence = outbox.draw()
        let bytes = frame.bytes(sequence: sequence, sentAt: time.wallTime())
        try await outbound.write(
            WebSocketFrame(fin: true, opcode: .binary, maskKey: .random(), data: ByteBuffer(bytes: bytes)))
        return sequence
    }

    /// Says why, unless the connection takes nothing any more.
    private func sayGoodbye(
        _ end: SessionEnd, _ outbound: NIOAsyncChannelOutboundWriter<WebSocketFrame>
    ) async {
        var data = ByteBuffer()
        data.write(webSocketErrorCode: end.close.code)
        data.writeString(end.close.text)
        let frame = WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: .random(), data: data)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await outbound.write(frame) }
            group.addTask { try? await time.sleep(for: Self.goodbyeTime) }
            await group.next()
            group.cancelAll()
        }
    }

    // MARK: - Time

    /// Ends a session that says nothing: 15 s for the handshake, later 90 s without a data message.
    private func watch() async -> SessionEnd {
        while true {
            let (isAccepted, lastDataAt) = liveness.withLock { ($0.isAccepted, $0.lastDataAt) }
            let left = lastDataAt + (isAccepted ? Self.idleTime : Self.handshakeTime) - time.uptime
            guard left > .zero else {
                return isAccepted
                    ? .broken("no message from the server for 90 s")
                    : .handshakeFailed("no RegisterAck within 15 s")
            }
            do { try await time.sleep(for: left) } catch { return .leaving }
        }
    }

    private func beat(_ accepted: AsyncStream<Void>) async -> SessionEnd {
        for await _ in accepted {}
        while true {
            let period = liveness.withLock { $0.heartbeatPeriod }
            do { try await time.sleep(for: period) } catch { return .leaving }
            outbox.send(hooks.heartbeat())
        }
    }
}

/// A lock that a value type can carry along.
final class Mutexed<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) { mutex = Mutex(value) }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { mutex.withLock { body(&$0) } }
}
