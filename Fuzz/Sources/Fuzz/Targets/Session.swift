import Core
import Engine
import Recordings
import Wire

@testable import Door

extension Target {
    /// A connection: WebSocket frames of any kind and order, while commits succeed, fail and wait.
    static let session = Target(name: "session", maximumByteCount: 4_096, seeds: sessionSeeds) { bytes in
        var feed = Feed(bytes)
        let extensions: [Text] = feed.byte() & 1 == 0 ? [] : [ProtocolExtension.reportAck]
        var line = Line(extensions: extensions)
        while !feed.isEmpty { line.step(&feed) }
        line.lose()
    }

    private static func sessionSeeds() throws -> [[UInt8]] {
        try Seeds.captures().map { capture in
            var seed: [UInt8] = [1]
            for record in capture.records.prefix(12) {
                if record.isFromAgent {
                    seed += [0, 0x10] + Feed.piece(record.frame) + [1, 0, 1, 1]
                } else {
                    seed += [4, 1]
                }
            }
            return seed + [3, 26, 2, 1, 0, 3, 2, 5, 0]
        }
    }
}

/// A session's state with what its handler would know, and what must hold between them.
private struct Line {
    private var state: SessionState
    private var assembler = MessageAssembler()
    private var moment: UInt64 = 1_000
    /// With the engine, by number.
    private var pending: [UInt64] = []
    private var lastNumber: UInt64 = 0
    private var lastSequence: UInt64 = 0
    private var isOpened = false
    private var isRetryArmed = false

    init(extensions: [Text]) {
        let session = SessionID("ses_1")
        let opening = SessionOpening(session: session, remoteAddress: "127.0.0.1:1", extensions: extensions)
        state = SessionState(agent: AgentID("agt_1"), opening: opening, session: session, at: moment)
    }

    mutating func step(_ feed: inout Feed) {
        switch feed.byte() % 6 {
        case 0: message(&feed)
        case 1:
            guard let number = take(feed.byte()) else { return }
            perform(state.committed(number, at: moment))
        case 2:
            let errors: [SubmitError] = [
                .busy, .stopped, .notPending, .log(.full(path: "p")),
            ]
            guard let number = take(feed.byte()) else { return }
            perform(state.failed(number, errors[Int(feed.byte() & 3)]))
        case 3:
            moment += UInt64(feed.byte()) * 1_000_000_000
            perform(state.timePassed(at: moment))
        case 4:
            guard let sequence = state.willSend(isAddressed: feed.byte() & 1 == 1, at: moment) else { return }
            sent(sequence)
            perform(state.didSend(at: moment))
        default: other(feed.byte())
        }
    }

    private mutating func message(_ feed: inout Feed) {
        let form = feed.byte()
        let pieces: [MessageAssembler.Piece] = [.binary, .text, .continuation, .unknown]
        let bytes = feed.piece()
        guard !state.isEnding, state.mayRead else { return }
        switch assembler.add(pieces[Int(form & 3)], isLast: form & 0x10 != 0, bytes) {
        case .nothing: break
        case .fault: perform(state.receivedNonsense())
        case .tooLarge: promise(false, "no message of a few bytes is too large")
        case .binary(var bytes):
            Redactor().redact(&bytes)
            let frame = IncomingFrame.decode(
                bytes, session: state.session, registeredSentAt: state.registeredSentAt)
            perform(state.received(frame, byteCount: bytes.count))
        }
    }

    private mutating func other(_ form: UInt8) {
        switch form % 8 {
        case 0, 1:
            guard isRetryArmed else { return }
            isRetryArmed = false
            perform(state.retryDue())
        case 2: perform(state.pinged([form]))
        case 3: perform(state.closeReceived(isSound: form & 0x10 != 0))
        case 4: perform(state.keyRevoked())
        case 5: perform(state.receivedNonsense())
        case 6:
            let frame = UnreadableFrame(isFromAgent: true, byteCount: 5_000_000, start: [form], problem: "long")
            perform(state.receivedTooLarge(frame))
        default: lose()
        }
    }

    private mutating func take(_ choice: UInt8) -> UInt64? {
        pending.isEmpty ? nil : pending.remove(at: Int(choice) % pending.count)
    }

    private mutating func sent(_ sequence: UInt64) {
        promise(sequence == lastSequence + 1, "frames are numbered without holes")
        promise(state.phase == .welcomed, "nothing goes out before the RegisterAck or after the end")
        lastSequence = sequence
    }

    private mutating func perform(_ actions: [SessionState.Action]) {
        for action in actions {
            switch action {
            case .announce:
                promise(!isOpened, "a session is announced once")
                isOpened = true
            case .submit(let number, let message):
                if number > lastNumber {
                    lastNumber = number
                } else {
                    promise(!pending.contains(number), "what is with the engine is not submitted again")
                }
                pending.append(number)
                Target.check(message)
            case .send(_, let sequence): sent(sequence)
            case .armRetry:
                promise(!isRetryArmed, "one retry at a time")
                isRetryArmed = true
            case .close: promise(state.phase == .closing, "a close frame is the last one")
            case .submitLast: promise(state.phase == .gone, "what comes last comes at the end")
            case .pong, .disconnect: break
            }
        }
    }

    /// The connection ends: what was opened is closed on the log, once.
    mutating func lose() {
        let wasGone = state.phase == .gone
        let last = state.connectionLost()
        let closings = last.filter { if case .submitLast(.sessionClosed) = $0 { true } else { false } }
        promise(closings.count == (isOpened && !wasGone ? 1 : 0), "an opened session is closed once")
        perform(last)
        promise(state.connectionLost().isEmpty, "and no more")
    }
}
