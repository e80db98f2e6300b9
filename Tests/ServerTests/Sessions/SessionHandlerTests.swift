import Core
import Logging
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Synchronization
import Testing
import Wire

@testable import Engine
@testable import Server

/// Goal: the handler does what the state says, on its loop's own time. Method: an embedded loop, whose clock is moved.
@Suite("Session handler")
struct SessionHandlerTests {
    /// Keeps what is submitted, and lets the test say when it is committed.
    private final class Desk: Submitter {
        typealias Completion = @Sendable (Result<Turn<Fleet.Message>, SubmitError>) -> Void
        let waiting = Mutex<[(message: Fleet.Message, completion: Completion)]>([])

        func submit(_ message: Fleet.Message, completion: @escaping Completion) {
            waiting.withLock { $0.append((message, completion)) }
        }

        func submit(_ message: Fleet.Message) async throws(SubmitError) -> Turn<Fleet.Message> { throw .stopped }

        func request(
            _ message: Fleet.Message, expecting: ExpectedRevision
        ) async throws(SubmitError) -> Turn<Fleet.Message> { throw .stopped }

        var messages: [Fleet.Message] { waiting.withLock { $0.map(\.message) } }

        /// Answers the oldest one as committed, with a turn that nobody looks at.
        func commitFirst() {
            let first = waiting.withLock { $0.removeFirst() }
            let entry = Entry(
                position: Position(1), recordedAt: Timestamp(milliseconds: 0), stream: .engine, revision: Revision(1),
                cause: nil, kind: "", message: first.message)
            first.completion(.success(Turn(entries: [entry])))
        }

        /// Refuses the oldest one; any result but a full disk takes it from what is uncommitted.
        func settleFirst() {
            let first = waiting.withLock { $0.removeFirst() }
            first.completion(.failure(.busy))
        }
    }

    private struct OneSecret: SecretSource {
        static let secret = Array("correct horse battery staple".utf8)

        func redactor(for agent: AgentID) -> Redactor { Redactor(secrets: [Self.secret]) }
    }

    private struct StandingClock: Clock {
        func wallTime() -> Timestamp { Timestamp(milliseconds: 1_000) }
        func monotonicNanoseconds() -> UInt64 { 0 }
    }

    private let agent = AgentID("agt_00000000001")
    private let session = SessionID("ses_00000000001")
    private let desk = Desk()
    private let registry = SessionRegistry()
    private let channel = EmbeddedChannel()
    private let key = Key()
    /// Envelope: seq 1, ts_ms 5, register with agent_version "v".
    private let register: [UInt8] = [0x08, 1, 0x10, 5, 0x52, 3, 0x0A, 1, UInt8(ascii: "v")]
    /// Envelope: seq 2, ts_ms 6, heartbeat with config_version 1.
    private let heartbeat: [UInt8] = [0x08, 2, 0x10, 6, 0x5A, 2, 0x08, 1]

    private func connect() throws {
        let environment = SessionEnvironment(
            submitter: desk, secrets: OneSecret(), registry: registry, clock: StandingClock(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let handler = SessionHandler(
            agent: agent, opening: SessionOpening(session: session, remoteAddress: "", extensions: []),
            session: session, environment: environment, isAdmitted: { [key] in key.isValid.withLock { $0 } },
            eventLoop: channel.eventLoop)
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func receive(_ opcode: WebSocketOpcode, _ bytes: [UInt8]) throws {
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: [0, 0, 0, 0], data: ByteBuffer(bytes: bytes))
        try channel.writeInbound(frame)
    }

    private func sent() throws -> (opcode: WebSocketOpcode, bytes: [UInt8])? {
        try channel.readOutbound(as: WebSocketFrame.self).map { ($0.opcode, Array(buffer: $0.data)) }
    }

    private func send(_ bytes: [UInt8], isAddressed: Bool) throws -> SendResult? {
        let handler = try channel.pipeline.syncOperations.handler(type: SessionHandler.self)
        let answer = Answer()
        handler.send(isAddressed: isAddressed, { _ in bytes }) { result in answer.value.withLock { $0 = result } }
        return answer.value.withLock { $0 }
    }

    private final class Key: Sendable {
        let isValid = Mutex(true)
    }

    @Test("A key that was revoked between upgrade and Register opens no session")
    func refusesRevokedKey() throws {
        try connect()
        key.isValid.withLock { $0 = false }
        try receive(.binary, register)
        #expect(desk.messages.isEmpty)
        let close = try #require(try sent())
        #expect(close.opcode == .connectionClose && Array(close.bytes.prefix(2)) == [0x03, 0xF0])
    }

    @Test("A key that was revoked before the opening was on the log ends the session, and nothing is sent")
    func endsRevokedSession() throws {
        try connect()
        try receive(.binary, register)
        key.isValid.withLock { $0 = false }
        desk.commitFirst()
        channel.embeddedEventLoop.run()
        let close = try #require(try sent())
        #expect(close.opcode == .connectionClose && Array(close.bytes.prefix(2)) == [0x03, 0xF0])
        #expect(try send([9], isAddressed: true) == .notConnected)
        try receive(.connectionClose, [0x03, 0xF0])
        #expect(desk.messages.last == .sessionClosed(agent, session, .ended))
    }

    @Test("Whoever welcomes before the commit is answered does not reach a connection with a revoked key")
    func welcomesNobodyWithRevokedKey() throws {
        try connect()
        try receive(.binary, register)
        key.isValid.withLock { $0 = false }
        #expect(try send([9], isAddressed: true) == .notConnected)
        #expect(try sent()?.opcode == .connectionClose)
    }

    private final class Answer: Sendable {
        let value = Mutex<SendResult?>(nil)
    }

    @Test("Between RegisterAck and the end a data frame goes out at least every 30 s")
    func pingsInTime() throws {
        try connect()
        try receive(.binary, register)
        channel.embeddedEventLoop.advanceTime(by: .seconds(14))
        #expect(try sent() == nil)
        #expect(try send([9], isAddressed: false) == .notConnected)
        #expect(try send([9], isAddressed: true) == .sent)
        #expect(try sent()?.bytes == [9])
        for _ in 0..<10 {
            channel.embeddedEventLoop.advanceTime(by: .seconds(30))
            let ping = try #require(try sent())
            #expect(ping.opcode == .binary)
            // Field 57, a Ping, has the tag 0xCA 0x03.
            #expect(ping.bytes.indices.dropLast().contains { ping.bytes[$0] == 0xCA && ping.bytes[$0 + 1] == 0x03 })
        }
    }

    @Test("Reading stops while 64 frames wait for their commit, and goes on after one has")
    func holdsReads() throws {
        try connect()
        let counter = ReadCounter()
        try channel.pipeline.syncOperations.addHandler(counter, position: .first)
        try receive(.binary, register)
        for _ in 0..<62 { try receive(.binary, heartbeat) }
        #expect(desk.messages.count == 64)
        let before = counter.count
        channel.read()
        #expect(counter.count == before)
        desk.settleFirst()
        channel.embeddedEventLoop.run()
        #expect(counter.count == before + 1)
    }

    @Test("Of one read with many frames 64 are submitted at a time, in order, and the rest when the connection ends")
    func holdsFramesBack() throws {
        try connect()
        try receive(.binary, register)
        for _ in 0..<200 { try receive(.binary, heartbeat) }
        #expect(desk.messages.count == 64)
        for _ in 0..<10 { desk.settleFirst() }
        channel.embeddedEventLoop.run()
        #expect(desk.messages.count == 64)
        try channel.close().wait()
        #expect(desk.messages.count == 202 - 10 + 1)
        #expect(desk.messages.last == .sessionClosed(agent, session, .closed))
    }

    @Test("While the agent does not read, its pings wait and so does the reading")
    func holdsPings() throws {
        try connect()
        let counter = ReadCounter()
        try channel.pipeline.syncOperations.addHandler(counter, position: .first)
        try receive(.binary, register)
        channel.isWritable = false
        channel.pipeline.fireChannelWritabilityChanged()
        for number in 0..<100 { try receive(.ping, [UInt8(number)]) }
        let before = counter.count
        channel.read()
        #expect(counter.count == before)
        #expect(try sent() == nil)
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        for number in 0..<100 { #expect(try sent()?.bytes == [UInt8(number)]) }
        #expect(counter.count == before + 1)
    }

    private final class ReadCounter: ChannelOutboundHandler {
        typealias OutboundIn = WebSocketFrame
        var count = 0

        func read(context: ChannelHandlerContext) {
            count += 1
            context.read()
        }
    }

    @Test("Text is ignored, pings are answered, junk and messages over the limit are recorded")
    func takesOddFrames() throws {
        try connect()
        try receive(.binary, register)
        try receive(.text, Array("hello".utf8))
        try receive(.ping, [1, 2, 3])
        let pong = try #require(try sent())
        #expect(pong.opcode == .pong && pong.bytes == [1, 2, 3])
        #expect(desk.messages.count == 2)
        try receive(.binary, [0xFF, 0xFF, 0xFF])
        guard case .unreadable(agent, let junk)? = desk.messages.last else {
            Issue.record("junk is recorded")
            return
        }
        #expect(junk.byteCount == 3)
        try receive(.binary, [UInt8](repeating: 0xAA, count: MessageAssembler.limit + 1))
        guard case .unreadable(agent, let large)? = desk.messages.last else {
            Issue.record("the start of what is too large is recorded")
            return
        }
        #expect(large.byteCount == UInt64(MessageAssembler.limit + 1))
        #expect(large.start.count == 4_096)
        let close = try #require(try sent())
        #expect(close.opcode == .connectionClose && Array(close.bytes.prefix(2)) == [0x03, 0xF1])
    }

    @Test("A secret across the cut of what is too large is not recorded, and what follows is not looked at")
    func cutsLargeMessages() throws {
        try connect()
        try receive(.binary, register)
        var large = [UInt8](repeating: 0xAA, count: MessageAssembler.limit + 1)
        large.replaceSubrange(4_090..<4_090 + OneSecret.secret.count, with: OneSecret.secret)
        let frame = WebSocketFrame(fin: false, opcode: .binary, maskKey: [0, 0, 0, 0], data: ByteBuffer(bytes: large))
        try channel.writeInbound(frame)
        guard case .unreadable(agent, let recorded)? = desk.messages.last else {
            Issue.record("the start of what is too large is recorded")
            return
        }
        #expect(Array(recorded.start.suffix(6)) == Array("******".utf8))
        let count = desk.messages.count
        try receive(.continuation, large)
        try receive(.binary, heartbeat)
        #expect(desk.messages.count == count)
    }

    @Test("A close is waited for, but not for ever, and the end is submitted once")
    func closes() throws {
        try connect()
        try receive(.binary, register)
        #expect(registry.agentCount == 1)
        try receive(.connectionClose, [0x03, 0xE8])
        let answer = try #require(try sent())
        #expect(answer.opcode == .connectionClose)
        channel.embeddedEventLoop.run()
        #expect(!channel.isActive)
        #expect(registry.agentCount == 0)
        #expect(desk.messages.filter { $0 == .sessionClosed(agent, session, .closed) }.count == 1)
    }

    @Test("Silence after the upgrade ends the connection")
    func wantsRegister() throws {
        try connect()
        channel.embeddedEventLoop.advanceTime(by: .seconds(15))
        #expect(try sent()?.opcode == .connectionClose)
        channel.embeddedEventLoop.advanceTime(by: .seconds(2))
        #expect(!channel.isActive)
        #expect(desk.messages.isEmpty)
    }
}
