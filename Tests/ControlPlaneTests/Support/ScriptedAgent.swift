import NIOCore
import NIOPosix

/// An agent that does what a test says: dials, speaks WebSocket by hand, and shows what it gets. Written from
/// the published protocol and RFC 6455 alone. Used by one task.
final class ScriptedAgent {
    enum Message: Equatable {
        case binary([UInt8])
        case ping([UInt8])
        case pong([UInt8])
        case close(UInt16, String)
    }

    struct Refused: Error {
        var status: Int
        var head: String
        var body: String
    }

    struct Ended: Error {}

    /// The head of the 101 answer.
    let head: String
    private let channel: any Channel
    private var input: AsyncStream<[UInt8]>.Iterator
    private var buffer: [UInt8]

    private init(head: String, channel: any Channel, input: AsyncStream<[UInt8]>.Iterator, buffer: [UInt8]) {
        self.head = head
        self.channel = channel
        self.input = input
        self.buffer = buffer
    }

    deinit { channel.close(promise: nil) }

    /// Dials and asks for the upgrade; throws ``Refused`` with any answer but 101.
    static func dial(
        port: Int, path: String = "/v1/agents/connect", key: String?, headers: [String] = [], upgrades: Bool = true
    ) async throws -> ScriptedAgent {
        let (stream, feed) = AsyncStream.makeStream(of: [UInt8].self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Feeder(feed)) }
            }
            .connect(host: "127.0.0.1", port: port).get()
        var lines = ["GET \(path) HTTP/1.1", "Host: 127.0.0.1:\(port)"]
        if upgrades {
            lines += [
                "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ]
        }
        if let key { lines.append("Authorization: Bearer \(key)") }
        lines += headers
        let request = lines.joined(separator: "\r\n") + "\r\n\r\n"
        try await channel.writeAndFlush(channel.allocator.buffer(string: request)).get()
        var input = stream.makeAsyncIterator()
        var buffer: [UInt8] = []
        var end: Int?
        while end == nil, let bytes = await input.next() {
            buffer += bytes
            end = buffer.indices.dropLast(3).first { buffer[$0...].starts(with: [13, 10, 13, 10]) }
        }
        guard let end else { throw Ended() }
        let head = String(decoding: buffer[..<end], as: UTF8.self)
        let status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        buffer = Array(buffer[(end + 4)...])
        guard status == 101 else {
            let length = head.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
            let count = length.flatMap { Int($0.dropFirst(15).filter(\.isNumber)) } ?? 0
            while buffer.count < count, let bytes = await input.next() { buffer += bytes }
            channel.close(promise: nil)
            throw Refused(status: status, head: head, body: String(decoding: buffer, as: UTF8.self))
        }
        return ScriptedAgent(head: head, channel: channel, input: input, buffer: buffer)
    }

    /// Sends one masked frame.
    func send(opcode: UInt8 = 2, isLast: Bool = true, _ payload: [UInt8]) async throws {
        var frame: [UInt8] = [(isLast ? 0x80 : 0) | opcode]
        switch payload.count {
        case ..<126: frame.append(0x80 | UInt8(payload.count))
        case ..<65_536: frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            frame.append(0x80 | 127)
            frame += (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> (8 * $0)) }
        }
        let mask: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        frame += mask
        frame += payload.enumerated().map { $1 ^ mask[$0 & 3] }
        try await channel.writeAndFlush(channel.allocator.buffer(bytes: frame)).get()
    }

    /// Sends bytes as they are.
    func raw(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(channel.allocator.buffer(bytes: bytes)).get()
    }

    /// The next message of any kind; throws ``Ended`` when the connection is gone.
    func next() async throws -> Message {
        while true {
            if let (message, count) = parse() {
                buffer.removeFirst(count)
                return message
            }
            guard let bytes = await input.next() else { throw Ended() }
            buffer += bytes
        }
    }

    /// The next binary message as an envelope.
    func envelope() async throws -> ProtoReader {
        while true {
            switch try await next() {
            case .binary(let bytes):
                guard let envelope = ProtoReader(bytes) else { throw Ended() }
                return envelope
            case .close: throw Ended()
            case .ping, .pong: continue
            }
        }
    }

    /// Reads until the connection is gone; the close frame that came, if any.
    func end() async -> Message? {
        var close: Message?
        while let message = try? await next() {
            if case .close = message {
                close = message
                try? await send(opcode: 8, [0x03, 0xE8])
            }
        }
        return close
    }

    /// Goes away without a word, as a killed process does.
    func vanish() async { try? await channel.close().get() }

    private func parse() -> (Message, Int)? {
        guard buffer.count >= 2 else { return nil }
        var start = 2
        var count = Int(buffer[1] & 0x7F)
        if count == 126 {
            guard buffer.count >= 4 else { return nil }
            count = Int(buffer[2]) << 8 | Int(buffer[3])
            start = 4
        } else if count == 127 {
            guard buffer.count >= 10 else { return nil }
            count = buffer[2..<10].reduce(0) { $0 << 8 | Int($1) }
            start = 10
        }
        guard buffer.count >= start + count else { return nil }
        let payload = Array(buffer[start..<(start + count)])
        let message: Message =
            switch buffer[0] & 0x0F {
            case 8:
                .close(
                    payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : 0,
                    String(decoding: payload.dropFirst(2), as: UTF8.self))
            case 9: .ping(payload)
            case 10: .pong(payload)
            default: .binary(payload)
            }
        return (message, start + count)
    }

    private final class Feeder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let feed: AsyncStream<[UInt8]>.Continuation

        init(_ feed: AsyncStream<[UInt8]>.Continuation) { self.feed = feed }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            feed.yield(Array(buffer: unwrapInboundIn(data)))
        }

        func channelInactive(context: ChannelHandlerContext) { feed.finish() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

extension ScriptedAgent {
    /// Register as the reference agent sends it.
    func register(
        seq: UInt64 = 1, ts: UInt64 = 1_000, version: UInt64 = 0, host: String = "host-a"
    ) async throws {
        try await send(
            ProtoWriter.envelope(seq: seq, ts: ts, 10) {
                $0.text(1, "v0.1.0")
                $0.text(2, host)
                $0.text(3, "linux")
                $0.text(4, "amd64")
                for capability in ["pg_dump", "mysqldump", "docker_discovery"] { $0.text(6, capability) }
                $0.number(7, version)
            })
    }

    func heartbeat(seq: UInt64, ts: UInt64, version: UInt64) async throws {
        try await send(ProtoWriter.envelope(seq: seq, ts: ts, 11) { $0.number(1, version) })
    }

    /// Registers and takes the RegisterAck.
    func handshake(seq: UInt64 = 1, ts: UInt64 = 1_000) async throws -> ProtoReader {
        try await register(seq: seq, ts: ts)
        let envelope = try await envelope()
        guard let answer = envelope.message(50) else { throw Ended() }
        return answer
    }

    func completed(
        seq: UInt64, ts: UInt64, _ order: Order, byteCount: Int, sha256: String, echo: [UInt8],
        note: String = "SQLite 3.40.1"
    ) async throws {
        try await send(
            ProtoWriter.envelope(seq: seq, ts: ts, 14) {
                $0.text(1, order.job)
                $0.text(2, order.run)
                $0.text(3, order.object)
                $0.number(4, UInt64(byteCount))
                $0.text(5, sha256)
                $0.number(6, 12)
                $0.bytes(8, echo)
                $0.text(9, "zstd")
                $0.text(10, note)
            })
    }

    func failed(seq: UInt64, ts: UInt64, _ order: Order, _ text: String) async throws {
        try await send(
            ProtoWriter.envelope(seq: seq, ts: ts, 13) {
                $0.text(1, order.job)
                $0.number(2, 4)
                $0.text(5, text)
                $0.text(6, order.run)
            })
    }

    /// What a RunBackup orders.
    struct Order {
        var job: String
        var run: String
        var isManual: Bool
        var url: String
        var expires: UInt64
        var object: String
        var key: [UInt8]
    }

    /// The next message, which must be a RunBackup.
    func order() async throws -> Order {
        guard let message = try await envelope().message(52), let creds = message.message(4) else { throw Ended() }
        return Order(
            job: message.text(1), run: message.text(2), isManual: message.number(3) == 1, url: creds.text(1),
            expires: creds.number(2), object: creds.text(3), key: message.bytes(5))
    }
}

extension ScriptedAgent {
    /// Sends the header of a frame with so many bytes, and nothing of them.
    func announce(byteCount: UInt64) async throws {
        let header: [UInt8] =
            [0x82, 0x80 | 127] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: byteCount >> (8 * $0)) }
        try await raw(header + [1, 2, 3, 4])
    }
}
