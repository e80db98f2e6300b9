import Core
import Engine
import Logging
import NIOCore
import NIOWebSocket
import Wire

/// Obeys a ``SessionState`` on its channel's event loop: reads and writes WebSocket frames, keeps the timers, submits.
///
/// While too much is uncommitted, or the agent does not read, it holds back reads and what was read already, so that the
/// agent is slowed down by its own socket.
final class SessionHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    /// How long an agent may take to answer a close frame.
    static let closeLimit = TimeAmount.seconds(2)

    private let environment: SessionEnvironment
    private let isAdmitted: @Sendable () -> Bool
    private var state: SessionState
    private var assembler = MessageAssembler()
    private var isReadHeld = false
    /// Frames of a read that were too many; the next one is at `heldPlace`.
    private var held: [WebSocketFrame] = []
    private var heldPlace = 0
    private var isReleasing = false
    private var timer: Scheduled<Void>?
    private var context: ChannelHandlerContext?
    private var connection: SessionConnection?

    /// - Parameter isAdmitted: Whether the key of the upgrade still is the agent's. Once the session is on the log, a
    ///   change of the key ends it by a command; until it is welcomed, this is asked.
    init(
        agent: AgentID, opening: SessionOpening, session: SessionID, environment: SessionEnvironment,
        isAdmitted: @escaping @Sendable () -> Bool, eventLoop: any EventLoop
    ) {
        self.environment = environment
        self.isAdmitted = isAdmitted
        state = SessionState(
            agent: agent, opening: opening, session: session, at: eventLoop.now.uptimeNanoseconds)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        connection = SessionConnection(
            agent: state.agent, session: state.session, eventLoop: context.eventLoop,
            handler: NIOLoopBound(self, eventLoop: context.eventLoop))
        armTimer(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        lost()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        lost()
        context.fireChannelInactive()
    }

    private func lost() {
        timer?.cancel()
        timer = nil
        // What has arrived is taken, however much: agents without a journal do not send it again.
        let rest = held.dropFirst(heldPlace)
        held = []
        heldPlace = 0
        for frame in rest { take(frame) }
        if state.phase != .gone { environment.logger.info("a connection has ended", metadata: metadata) }
        perform(state.connectionLost())
        if let connection { environment.registry.remove(connection) }
        connection = nil
    }

    func read(context: ChannelHandlerContext) {
        if held.isEmpty, mayTakeMore { context.read() } else { isReadHeld = true }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        perform([])
        context.fireChannelWritabilityChanged()
    }

    /// Each ping queues a pong, so an agent that does not read must not be read either.
    private var mayTakeMore: Bool {
        state.isEnding || (state.mayRead && context?.channel.isWritable ?? false)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        // One read may hold thousands of frames.
        if held.isEmpty, mayTakeMore { take(frame) } else { held.append(frame) }
    }

    private func take(_ frame: WebSocketFrame) {
        // A client must mask, and no extension that uses the reserved bits is offered. Source: RFC 6455, 5.1 and 5.2.
        guard frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else {
            return perform(state.receivedNonsense())
        }
        switch frame.opcode {
        case .ping: perform(state.pinged(Array(buffer: frame.unmaskedData)))
        case .pong: break
        case .connectionClose: perform(state.closeReceived(isSound: Self.isSoundClose(frame.unmaskedData)))
        default:
            guard !state.isEnding else { return }
            received(assembler.add(.init(frame.opcode), isLast: frame.fin, Array(buffer: frame.unmaskedData)))
        }
    }

    /// Whether a close frame's payload is empty, or begins with a code that may stand there. Source: RFC 6455, 7.4.
    private static func isSoundClose(_ payload: ByteBuffer) -> Bool {
        guard payload.readableBytes > 0 else { return true }
        guard let code = payload.getInteger(at: payload.readerIndex, as: UInt16.self) else { return false }
        return [1_000...1_003, 1_007...1_014, 3_000...4_999].contains { $0.contains(code) }
    }

    private func received(_ outcome: MessageAssembler.Outcome) {
        switch outcome {
        case .nothing:
            break
        case .fault:
            perform(state.receivedNonsense())
        case .binary where state.phase == .unregistered && !isAdmitted():
            perform(state.keyRevoked())
        case .binary(var bytes):
            environment.secrets.redactor(for: state.agent).redact(&bytes)
            let frame = IncomingFrame.decode(
                bytes, session: state.session, registeredSentAt: state.registeredSentAt)
            perform(state.received(frame, byteCount: bytes.count))
        case .tooLarge(var start, let byteCount):
            environment.secrets.redactor(for: state.agent).redact(&start)
            let recorded = Array(start.prefix(MessageAssembler.recordedByteCount))
            perform(state.receivedTooLarge(tooLarge(recorded, byteCount: byteCount)))
        }
    }

    private func tooLarge(_ start: [UInt8], byteCount: Int) -> UnreadableFrame {
        UnreadableFrame(
            isFromAgent: true, byteCount: UInt64(byteCount), start: start,
            problem: Text("longer than \(MessageAssembler.limit) bytes"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOWebSocketError.invalidFrameLength:
            // A frame so long that it was refused from its header; at least so many bytes were announced.
            perform(state.receivedTooLarge(tooLarge([], byteCount: AgentOrHTTPChannel.frameLimit + 1)))
        case is NIOWebSocketError:
            perform(state.receivedNonsense())
        default:
            environment.logger.debug("connection broke", metadata: metadata)
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            perform(state.close(.goingAway, reason: "the server is stopping", as: .ended))
        case ChannelEvent.inputClosed:
            context.close(promise: nil)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    private var metadata: [String: Logger.MetadataValue] {
        ["agent": "\(state.agent)", "session": "\(state.session)"]
    }
}

extension SessionHandler {
    /// A worker's frame. The answer comes once it is written, or cannot be.
    func send(
        isAddressed: Bool, _ frame: (UInt64) -> [UInt8], answer: @escaping @Sendable (SendResult) -> Void
    ) {
        if state.phase == .registered, !isAdmitted() { perform(state.keyRevoked()) }
        guard let context, context.channel.isActive,
            let sequence = state.willSend(isAddressed: isAddressed, at: context.eventLoop.now.uptimeNanoseconds)
        else { return answer(.notConnected) }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { result in
            switch result {
            case .success: answer(.sent)
            case .failure: answer(.unknown)
            }
        }
        write(frame(sequence), context, promise: promise)
        perform(state.didSend(at: context.eventLoop.now.uptimeNanoseconds))
    }

    /// Sends a ping, which agents answer.
    func probe() -> SendResult {
        guard let context, context.channel.isActive else { return .notConnected }
        let actions = state.probed(at: context.eventLoop.now.uptimeNanoseconds)
        perform(actions)
        return actions.isEmpty ? .notConnected : .sent
    }

    /// Ends the connection, because of `reason`, or because its key is not the agent's any more.
    func close(_ code: SessionState.CloseCode, reason: String, as closing: SessionClosing) {
        if closing != .replaced, !isAdmitted() { return perform(state.keyRevoked()) }
        perform(state.close(code, reason: reason, as: closing))
    }

    private func perform(_ actions: [SessionState.Action]) {
        for action in actions { perform(action) }
        guard !isReleasing else { return }
        isReleasing = true
        release()
        isReleasing = false
        guard isReadHeld, held.isEmpty, mayTakeMore, let context else { return }
        isReadHeld = false
        context.read()
    }

    /// Takes frames that were held back, as far as that may be now.
    private func release() {
        while heldPlace < held.count, mayTakeMore {
            heldPlace += 1
            take(held[heldPlace - 1])
        }
        if heldPlace == held.count {
            held = []
            heldPlace = 0
        }
    }

    private func perform(_ action: SessionState.Action) {
        switch action {
        case .submitLast(let message):
            return environment.submitter.submit(message) { _ in }
        case .submit(let number, let message):
            return submit(message, number: number)
        case .announce:
            if let connection { environment.registry.add(connection) }
            return
        case .send, .pong, .close, .disconnect, .armRetry:
            break
        }
        guard let context else { return }
        switch action {
        case .send(let frame, let sequence):
            if let bytes = try? encoded(frame, sequence: sequence) { write(bytes, context, promise: nil) }
        case .pong(let bytes):
            write(.pong, bytes, context, promise: nil)
        case .close(let code, let reason):
            close(code, reason, context)
        case .disconnect:
            context.close(promise: nil)
        case .armRetry:
            let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: .nanoseconds(Int64(SessionState.retryDelay))) {
                handler.value.perform(handler.value.state.retryDue())
            }
        case .submitLast, .submit, .announce:
            break
        }
    }

    private func submit(_ message: Fleet.Message, number: UInt64) {
        guard let context else { return environment.submitter.submit(message) { _ in } }
        let eventLoop = context.eventLoop
        let handler = NIOLoopBound(self, eventLoop: eventLoop)
        environment.submitter.submit(message) { result in
            let error: SubmitError? = if case .failure(let error) = result { error } else { nil }
            eventLoop.execute { handler.value.submitted(number, error, at: eventLoop.now.uptimeNanoseconds) }
        }
    }

    private func submitted(_ number: UInt64, _ error: SubmitError?, at moment: UInt64) {
        if let error { return perform(state.failed(number, error)) }
        perform(state.committed(number, at: moment))
        // The table of keys is brought up to date before the answer to a commit: a key that changed before the opening
        // was on the log, when there was no session to end, is seen here.
        if state.phase == .registered, !isAdmitted() { perform(state.keyRevoked()) }
    }

    private func encoded(_ frame: SessionState.OwnFrame, sequence: UInt64) throws -> [UInt8] {
        let now = environment.clock.wallTime()
        switch frame {
        case .ping(let correlationID):
            return try ServerMessage.ping(now).envelope(sequence: sequence, sentAt: now, correlationID: correlationID)
        case .reportAcknowledged(let run, let reported):
            return try ServerMessage.reportAcknowledged(run, sequence: reported).envelope(
                sequence: sequence, sentAt: now)
        }
    }

    private func write(_ bytes: [UInt8], _ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        write(.binary, bytes, context, promise: promise)
    }

    private func write(
        _ opcode: WebSocketOpcode, _ bytes: [UInt8], _ context: ChannelHandlerContext, promise: EventLoopPromise<Void>?
    ) {
        let buffer = context.channel.allocator.buffer(bytes: bytes)
        context.writeAndFlush(
            wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: buffer)), promise: promise)
    }

    private func close(_ code: SessionState.CloseCode, _ reason: String, _ context: ChannelHandlerContext) {
        var metadata = metadata
        metadata["code"] = "\(code.rawValue)"
        metadata["reason"] = "\(reason)"
        environment.logger.info("closing a connection", metadata: metadata)
        assembler = MessageAssembler()
        // A close frame has room for 125 bytes, two of them for the code.
        let text = Array(reason.utf8.prefix(123))
        write(.connectionClose, [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)] + text, context, promise: nil)
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: Self.closeLimit) { handler.value.context?.close(promise: nil) }
        // The answer has to be read, whatever waits for its commit.
        context.read()
    }

    private func armTimer(_ context: ChannelHandlerContext) {
        let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(deadline: .uptimeNanoseconds(state.due)) {
            let handler = handler.value
            guard let context = handler.context else { return }
            handler.perform(handler.state.timePassed(at: context.eventLoop.now.uptimeNanoseconds))
            if handler.state.phase != .closing, handler.state.phase != .gone { handler.armTimer(context) }
        }
    }
}

/// A connection as the registry holds it.
final class SessionConnection: Sendable {
    let agent: AgentID
    let session: SessionID
    private let eventLoop: any EventLoop
    private let handler: NIOLoopBound<SessionHandler>

    init(agent: AgentID, session: SessionID, eventLoop: any EventLoop, handler: NIOLoopBound<SessionHandler>) {
        self.agent = agent
        self.session = session
        self.eventLoop = eventLoop
        self.handler = handler
    }

    func send(isAddressed: Bool, _ frame: @escaping @Sendable (UInt64) -> [UInt8]) async -> SendResult {
        await withCheckedContinuation { continuation in
            eventLoop.execute { [handler] in
                handler.value.send(isAddressed: isAddressed, frame) { continuation.resume(returning: $0) }
            }
        }
    }

    func probe() async -> SendResult {
        await withCheckedContinuation { continuation in
            eventLoop.execute { [handler] in continuation.resume(returning: handler.value.probe()) }
        }
    }

    func close(_ code: SessionState.CloseCode, reason: String, as closing: SessionClosing) {
        eventLoop.execute { [handler] in handler.value.close(code, reason: reason, as: closing) }
    }
}

extension MessageAssembler.Piece {
    fileprivate init(_ opcode: WebSocketOpcode) {
        switch opcode {
        case .binary: self = .binary
        case .text: self = .text
        case .continuation: self = .continuation
        default: self = .unknown
        }
    }
}
