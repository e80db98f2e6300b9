import Core
import Engine
import Wire

/// One connection of an agent from the upgrade to its end: a value without I/O, one method an input. Its handler does
/// what the returned actions say, in their order, and nothing else.
///
///     unregistered ─Register▶ registered ─first frame sent (RegisterAck)▶ welcomed
///          └─────────────┴── anything that ends it ──▶ closing ─connection gone▶ gone
struct SessionState {
    /// What the handler is to do.
    enum Action: Hashable {
        /// Let workers find the connection.
        case announce
        /// Submit the message, and say what became of it under this number.
        case submit(UInt64, Fleet.Message)
        /// Submit the message; what becomes of it does not matter any more.
        case submitLast(Fleet.Message)
        /// Send a frame of the session's own with this number.
        case send(OwnFrame, sequence: UInt64)
        /// Answer a WebSocket ping.
        case pong([UInt8])
        /// Send a close frame, and end the connection once it is answered or 2 s have passed.
        case close(CloseCode, reason: String)
        /// End the connection now.
        case disconnect
        /// Call ``SessionState/retryDue()`` after ``SessionState/retryDelay``.
        case armRetry
    }

    /// Frames that need no worker.
    enum OwnFrame: Hashable {
        case ping(correlationID: String)
        case reportAcknowledged(WireRunID, sequence: UInt64)
    }

    /// The close codes used here. Source: RFC 6455, 7.4.1 (1013: the registry that it sets up).
    enum CloseCode: UInt16, Hashable {
        case normal = 1_000
        case goingAway = 1_001
        case protocolError = 1_002
        case policy = 1_008
        case tooLarge = 1_009
        case tryAgainLater = 1_013
    }

    enum Phase: Hashable {
        case unregistered, registered, welcomed, closing, gone
    }

    /// Frames that may wait for their commit before the socket is not read any more.
    static let uncommittedLimit = 64
    /// Bytes that may wait, likewise.
    static let uncommittedByteLimit = 4 << 20
    /// Without a frame to the agent for so long, a ping goes out. Nanoseconds.
    static let pingInterval: UInt64 = 25_000_000_000
    /// How long the Register may take. Nanoseconds. Source: reference agents wait as long for its answer.
    static let registerLimit: UInt64 = 15_000_000_000
    /// The wait before frames that found the disk full are submitted again. Nanoseconds.
    static let retryDelay: UInt64 = 1_000_000_000
    /// Confirmations that may wait for the RegisterAck; beyond, the agent repeats its reports on the next connection.
    static let owedLimit = 1_024

    private struct Waiting {
        var number: UInt64
        var message: Fleet.Message
        var byteCount: Int
        var receipt: OwnFrame?
        /// Not with the engine: the disk was full.
        var isHeld = false
    }

    let agent: AgentID
    let session: SessionID
    let opening: SessionOpening
    private(set) var phase = Phase.unregistered
    /// `ts_ms` of the Register: older frames are replayed ones. Nil where the agent journals runs: it replays nothing, and a
    /// clock that is set back while it is connected would make all that it says look old.
    private(set) var registeredSentAt: Timestamp?
    /// By number.
    private var waiting: [UInt64: Waiting] = [:]
    private var heldCount = 0
    private var waitingByteCount = 0
    private var numberCount: UInt64 = 0
    private var sequence: UInt64 = 0
    private var pingCount: UInt64 = 0
    private var lastSentAt: UInt64
    private var owed: [OwnFrame] = []
    private var closing = SessionClosing.closed
    private var wasRegistered = false
    private var isRetryArmed = false

    /// A connection that was upgraded at a moment (nanoseconds of any steady clock, the same in every call).
    init(agent: AgentID, opening: SessionOpening, session: SessionID, at moment: UInt64) {
        self.agent = agent
        self.session = session
        self.opening = opening
        lastSentAt = moment
    }

    /// Whether the socket is to be read.
    var mayRead: Bool {
        waiting.count < Self.uncommittedLimit && waitingByteCount < Self.uncommittedByteLimit
    }

    /// Whether no message matters any more.
    var isEnding: Bool { phase == .closing || phase == .gone }

    /// When ``timePassed(at:)`` is wanted next.
    var due: UInt64 { lastSentAt &+ (phase == .unregistered ? Self.registerLimit : Self.pingInterval) }

    private var confirmsReports: Bool { opening.extensions.contains(ProtocolExtension.reportAck) }
}

extension SessionState {
    /// A binary message, redacted and decoded.
    mutating func received(_ frame: IncomingFrame, byteCount: Int) -> [Action] {
        switch phase {
        case .unregistered: return receivedFirst(frame, byteCount: byteCount)
        case .registered, .welcomed:
            return submit(frame.message(from: agent), byteCount: byteCount, frame.receipt(confirmsReports))
        case .closing, .gone: return []
        }
    }

    private mutating func receivedFirst(_ frame: IncomingFrame, byteCount: Int) -> [Action] {
        switch frame {
        case .received(let received):
            guard case .register(let registration) = received.report else {
                return close(.policy, reason: "the first message must be Register")
            }
            phase = .registered
            registeredSentAt = opening.extensions.contains(ProtocolExtension.journal) ? nil : received.sentAt
            var opening = opening
            opening.hostname = registration.hostname
            return [.announce] + submit(.sessionOpened(agent, opening), byteCount: 0)
                + submit(frame.message(from: agent), byteCount: byteCount)
        case .unreadable:
            return submit(frame.message(from: agent), byteCount: byteCount)
                + close(.protocolError, reason: "the first message is no envelope")
        }
    }

    /// The key that the connection was upgraded with is not the agent's any more.
    mutating func keyRevoked() -> [Action] {
        close(.policy, reason: "the key of this connection is no longer the agent's", as: .ended)
    }

    /// A message over the limit; the frame says how it began.
    mutating func receivedTooLarge(_ frame: UnreadableFrame) -> [Action] {
        guard phase != .closing, phase != .gone else { return [] }
        return submit(.unreadable(agent, frame), byteCount: frame.start.count)
            + close(.tooLarge, reason: "a message may have at most \(MessageAssembler.limit) bytes")
    }

    /// Frames that break the WebSocket protocol.
    mutating func receivedNonsense() -> [Action] { close(.protocolError, reason: "not a WebSocket message") }

    /// A WebSocket ping.
    mutating func pinged(_ data: [UInt8]) -> [Action] { phase == .closing || phase == .gone ? [] : [.pong(data)] }

    /// A close frame: the answer to ours, or to be answered.
    mutating func closeReceived(isSound: Bool = true) -> [Action] {
        switch phase {
        case .unregistered, .registered, .welcomed:
            close(isSound ? .normal : .protocolError, reason: "") + [.disconnect]
        case .closing: [.disconnect]
        case .gone: []
        }
    }

    /// What was submitted under a number is durable.
    mutating func committed(_ number: UInt64, at moment: UInt64) -> [Action] {
        guard let done = settle(number) else { return [] }
        guard let receipt = done.receipt else { return [] }
        if owed.count < Self.owedLimit { owed.append(receipt) }
        return payOwed(at: moment)
    }

    /// What was submitted under a number is not on the log.
    mutating func failed(_ number: UInt64, _ error: SubmitError) -> [Action] {
        guard let item = waiting[number] else { return [] }
        switch error {
        case .log(.full):
            if case .sessionOpened = item.message {
                // Without an opening its frames would belong to no session; the agent dials again.
                return close(.tryAgainLater, reason: "the server cannot store anything now")
            }
            hold(item)
            defer { isRetryArmed = true }
            return isRetryArmed ? [] : [.armRetry]
        case .stopped, .log:
            return close(.goingAway, reason: "the server is stopping", as: .ended)
        case .busy, .conflict, .notPending:
            _ = settle(number)
            return []
        }
    }

    /// The wait that ``Action/armRetry`` asked for is over.
    mutating func retryDue() -> [Action] {
        isRetryArmed = false
        guard phase != .gone else { return [] }
        let items = held
        for item in items { waiting[item.number]?.isHeld = false }
        heldCount = 0
        return items.map { .submit($0.number, $0.message) }
    }

    /// A worker wants to send a frame: its number, or nil when nothing may go out.
    ///
    /// - Parameter isAddressed: Whether it is meant for this very session. The first frame must be, because it is the
    ///   RegisterAck: an agent hangs up on anything else. Source: recorded sessions of reference agents.
    mutating func willSend(isAddressed: Bool, at moment: UInt64) -> UInt64? {
        guard phase == .welcomed || (phase == .registered && isAddressed) else { return nil }
        phase = .welcomed
        return nextSequence(at: moment)
    }

    /// The agent is asked for a sign of life: nothing where no frame may go out yet.
    mutating func probed(at moment: UInt64) -> [Action] {
        guard phase == .welcomed else { return [] }
        pingCount += 1
        return [.send(.ping(correlationID: "ping-\(pingCount)"), sequence: nextSequence(at: moment))]
    }

    /// The frame of ``willSend(isAddressed:at:)`` was written.
    mutating func didSend(at moment: UInt64) -> [Action] { payOwed(at: moment) }

    /// A moment at or after ``due``.
    mutating func timePassed(at moment: UInt64) -> [Action] {
        guard moment >= due else { return [] }
        switch phase {
        case .unregistered:
            return close(.policy, reason: "no Register within \(Self.registerLimit / 1_000_000_000) s")
        case .welcomed:
            return probed(at: moment)
        case .registered, .closing, .gone:
            lastSentAt = moment  // nothing may go out yet; look again an interval later
            return []
        }
    }

    /// Ends the connection from our side.
    mutating func close(_ code: CloseCode, reason: String, as closing: SessionClosing = .closed) -> [Action] {
        guard phase != .closing, phase != .gone else { return [] }
        self.closing = closing
        wasRegistered = phase != .unregistered
        phase = .closing
        return [.close(code, reason: reason)]
    }

    /// The connection is gone.
    mutating func connectionLost() -> [Action] {
        guard phase != .gone else { return [] }
        let hasOpening = phase == .registered || phase == .welcomed || wasRegistered
        phase = .gone
        guard hasOpening else { return [] }
        return held.map { .submitLast($0.message) } + [.submitLast(.sessionClosed(agent, session, closing))]
    }
}

extension SessionState {
    private mutating func submit(_ message: Fleet.Message, byteCount: Int, _ receipt: OwnFrame? = nil) -> [Action] {
        numberCount += 1
        // Behind a held frame later ones wait too, so that they stay in order.
        let isHeld = heldCount > 0
        let item = Waiting(number: numberCount, message: message, byteCount: byteCount, receipt: receipt)
        waiting[numberCount] = item
        waitingByteCount += byteCount
        if isHeld { hold(item) }
        return isHeld ? [] : [.submit(numberCount, message)]
    }

    /// Those that are not with the engine, the oldest first.
    private var held: [Waiting] {
        heldCount == 0 ? [] : waiting.values.filter(\.isHeld).sorted { $0.number < $1.number }
    }

    private mutating func hold(_ item: Waiting) {
        guard !item.isHeld else { return }
        waiting[item.number]?.isHeld = true
        heldCount += 1
    }

    private mutating func settle(_ number: UInt64) -> Waiting? {
        guard let item = waiting.removeValue(forKey: number) else { return nil }
        waitingByteCount -= item.byteCount
        if item.isHeld { heldCount -= 1 }
        return item
    }

    private mutating func payOwed(at moment: UInt64) -> [Action] {
        guard phase == .welcomed else { return [] }
        defer { owed = [] }
        return owed.map { .send($0, sequence: nextSequence(at: moment)) }
    }

    private mutating func nextSequence(at moment: UInt64) -> UInt64 {
        sequence += 1
        lastSentAt = moment
        return sequence
    }
}

extension IncomingFrame {
    fileprivate func message(from agent: AgentID) -> Fleet.Message {
        switch self {
        case .received(let frame): .received(agent, frame)
        case .unreadable(let frame): .unreadable(agent, frame)
        }
    }

    /// What confirms the report, if it is a terminal one about a run.
    fileprivate func receipt(_ isWanted: Bool) -> SessionState.OwnFrame? {
        guard isWanted, case .received(let frame) = self else { return nil }
        switch frame.report {
        case .completed(let completion):
            return .reportAcknowledged(completion.run, sequence: frame.sequence)
        case .jobUpdate(let update) where update.status == .failed || update.status == .cancelled:
            return update.run.map { .reportAcknowledged($0, sequence: frame.sequence) }
        default:
            return nil
        }
    }
}
