public import Core
public import Engine
import Wire

/// Makes a log of a capture: every frame of either direction is an entry, time is the recorder's, and what follows is
/// decided as it would have been live.
///
/// A session opens at each Register, with the session id of the RegisterAck that follows before the next Register. All
/// frames are redacted first, with the secrets of the whole file: an agent may echo one before the server's frame that
/// hands it out again. After the last frame time goes on for 24 h, so that unanswered runs come to their end.
public struct CaptureImport<Log: EventLog> {
    /// How long time goes on after the last frame.
    public static var afterlife: Milliseconds { Fleet.Limits.capture }
    /// A commit is made once so much is staged.
    private static var batchEntryCount: Int { 1_024 }
    private static var batchByteCount: Int { 4 << 20 }

    private var kernel: Kernel<Fleet, Log, FleetCodec>
    private let agent: AgentID

    /// Writes the log of a capture.
    ///
    /// - Parameter log: An empty one.
    /// - Returns: The log with the state it has been folded into.
    /// - Throws: ``CaptureImportError``, `LogError`.
    public static func run(_ capture: Capture, into log: Log) throws -> Kernel<Fleet, Log, FleetCodec> {
        guard log.head.position == .start else { throw CaptureImportError.logNotEmpty(log.head.position) }
        var importer = CaptureImport(
            kernel: try Kernel(log: log, codec: FleetCodec()), agent: capture.agent)
        try importer.write(capture)
        return importer.kernel
    }

    private init(kernel: Kernel<Fleet, Log, FleetCodec>, agent: AgentID) {
        self.kernel = kernel
        self.agent = agent
    }

    private mutating func write(_ capture: Capture) throws {
        guard let first = capture.records.first?.recordedAt else { return }
        let frames = Self.decode(capture)
        let start = EngineStart(build: "capture", rules: Fleet.rules, seed: capture.seed)
        try turn(.started(start), at: first)
        try turn(.captureOpened(agent), at: first)
        var now = first
        for (index, frame) in frames.enumerated() {
            now = max(now, capture.records[index].recordedAt)
            try passDeadlines(until: now)
            if frame.isRegister {
                let session = Self.session(openedAt: index, in: frames)
                let opening = SessionOpening(session: session, remoteAddress: "", extensions: [])
                try turn(.sessionOpened(agent, opening), at: now)
            }
            try turn(frame.message(of: agent), at: now)
        }
        try passDeadlines(until: now + Self.afterlife)
        _ = try kernel.commit()
    }

    /// Each deadline is recorded at the moment it is due, as it would have been live.
    private mutating func passDeadlines(until moment: Timestamp) throws {
        while let due = kernel.nextDue, due <= moment {
            try kernel.passDeadlines(at: due)
            try commitIfLarge()
        }
    }

    private mutating func turn(_ message: Fleet.Message, at moment: Timestamp) throws {
        _ = try kernel.turn(message, at: moment)
        try commitIfLarge()
    }

    private mutating func commitIfLarge() throws {
        if kernel.staged.count >= Self.batchEntryCount || kernel.stagedByteCount >= Self.batchByteCount {
            _ = try kernel.commit()
        }
    }

    private enum Frame {
        case fromAgent(IncomingFrame)
        case fromServer(CapturedServerFrame)

        var isRegister: Bool {
            if case .fromAgent(.received(let frame)) = self, case .register = frame.report { true } else { false }
        }

        func message(of agent: AgentID) -> Fleet.Message {
            switch self {
            case .fromAgent(.received(let frame)): .received(agent, frame)
            case .fromAgent(.unreadable(let frame)), .fromServer(.unreadable(let frame)): .unreadable(agent, frame)
            case .fromServer(.captured(let frame)): .captured(agent, frame)
            }
        }
    }

    private static func decode(_ capture: Capture) -> [Frame] {
        let secrets = capture.records.filter { !$0.isFromAgent }.flatMap { Redactor.secrets(in: $0.frame) }
        let redactor = Redactor(secrets: secrets)
        var registeredSentAt: Timestamp?
        return capture.records.map { record in
            var bytes = record.frame
            redactor.redact(&bytes)
            guard record.isFromAgent else { return .fromServer(CapturedServerFrame.decode(bytes)) }
            let frame = IncomingFrame.decode(bytes, session: nil, registeredSentAt: registeredSentAt)
            if case .received(let received) = frame, case .register = received.report {
                registeredSentAt = received.sentAt
            }
            return .fromAgent(frame)
        }
    }

    private static func session(openedAt register: Int, in frames: [Frame]) -> SessionID? {
        for frame in frames[(register + 1)...] {
            if frame.isRegister { return nil }
            if case .fromServer(.captured(let captured)) = frame, case .registerAck(let session, _) = captured.order {
                return session
            }
        }
        return nil
    }
}

/// Why a capture cannot be imported.
public enum CaptureImportError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The log has entries.
    case logNotEmpty(Position)

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .logNotEmpty(let position):
            "the log has entries up to position \(position); import takes an empty data directory"
        }
    }
}
