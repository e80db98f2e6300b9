public import Core
import SwiftProtobuf

/// What an agent's binary message turned out to be. Made by a total function: any bytes give one of the two.
public enum IncomingFrame: Hashable, Sendable {
    /// An envelope.
    case received(ReceivedFrame)
    /// No envelope.
    case unreadable(UnreadableFrame)

    /// Decodes a message that came in at the door, and concludes what is to be recorded with it.
    ///
    /// - Parameters:
    ///   - bytes: After redaction: what is folded is what is stored.
    ///   - session: The connection; nil in a capture.
    ///   - registeredSentAt: `ts_ms` of the Register that opened the connection; nil for that Register itself, and where the
    ///     agent journals runs, since such a one replays nothing. A frame with a lower one was kept on the agent's disk and is
    ///     being replayed. Source: recorded sessions of reference agents.
    public static func decode(
        _ bytes: [UInt8], session: SessionID?, registeredSentAt: Timestamp?
    ) -> IncomingFrame {
        switch WireEnvelope.decode(bytes) {
        case .success(let envelope):
            let report = Report(envelope)
            let sentAt = Timestamp(clamping: envelope.tsMs)
            var isReplayed = false
            if let registeredSentAt, sentAt < registeredSentAt {
                if case .register = report { isReplayed = false } else { isReplayed = true }
            }
            return .received(
                ReceivedFrame(
                    session: session, bytes: bytes, fingerprint: Fingerprint(of: bytes).value, sequence: envelope.seq,
                    sentAt: sentAt, isReplayed: isReplayed, failure: report.reportedFailure, report: report))
        case .failure(let problem):
            return .unreadable(UnreadableFrame(bytes, isFromAgent: true, problem: problem.text))
        }
    }
}

extension ReceivedFrame {
    /// The frame of an entry: decoded from its stored bytes by the same function as at the door, while what was
    /// concluded there is taken as it was recorded.
    init?(recorded bytes: [UInt8], session: SessionID?, isReplayed: Bool, failure: FailureClass?) {
        guard case .received(var frame) = IncomingFrame.decode(bytes, session: session, registeredSentAt: nil) else {
            return nil
        }
        frame.isReplayed = isReplayed
        frame.failure = failure
        self = frame
    }
}

extension UnreadableFrame {
    init(_ bytes: [UInt8], isFromAgent: Bool, problem: Text) {
        self.init(
            isFromAgent: isFromAgent, byteCount: UInt64(bytes.count), start: Array(bytes.prefix(WireLimits.unreadable)),
            problem: problem)
    }
}

/// Why bytes are no envelope.
struct EnvelopeProblem: Error {
    var text: Text
}

extension WireEnvelope {
    /// The envelope in these bytes, or in words of our own what is wrong with them: the library's may change.
    static func decode(_ bytes: [UInt8]) -> Result<WireEnvelope, EnvelopeProblem> {
        guard bytes.count <= WireLimits.frame else {
            return .failure(EnvelopeProblem(text: Text("longer than \(WireLimits.frame) bytes")))
        }
        do {
            return .success(try WireEnvelope(serializedBytes: bytes))
        } catch BinaryDecodingError.truncated {
            return .failure(EnvelopeProblem(text: "cut off"))
        } catch BinaryDecodingError.invalidUTF8 {
            return .failure(EnvelopeProblem(text: "a text is not UTF-8"))
        } catch BinaryDecodingError.messageDepthLimit {
            return .failure(EnvelopeProblem(text: "nested too deep"))
        } catch {
            return .failure(EnvelopeProblem(text: "malformed"))
        }
    }

    /// The number of the payload's field, also of one that this version does not know; 0 when there is none.
    var payloadTag: UInt32 {
        switch payload {
        case .register: 10
        case .heartbeat: 11
        case .discovery: 12
        case .jobUpdate: 13
        case .backupCompleted: 14
        case .healthResult: 15
        case .log: 16
        case .restoreUpdate: 17
        case .ack: 18
        case .registerAck: 50
        case .configUpdate: 51
        case .runBackup: 52
        case .cancelJob: 53
        case .runHealthCheck: 54
        case .selfUpdate: 56
        case .ping: 57
        case .reportAcknowledged: 1_000
        case .healthReport: 1_010
        case nil: firstUnknownTag
        }
    }

    private var firstUnknownTag: UInt32 {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        for byte in unknownFields.data.prefix(5) {
            number |= UInt64(byte & 0x7F) << shift
            shift += 7
            if byte & 0x80 == 0 { return UInt32(truncatingIfNeeded: number >> 3) }
        }
        return 0
    }
}

extension Report {
    /// Total: texts are cut, numbers clamped, nonsense is absent, maps and sets are sorted.
    init(_ envelope: WireEnvelope) {
        self =
            switch envelope.payload {
            case .register(let message): .register(Registration(message))
            case .heartbeat(let message): .heartbeat(Heartbeat(message))
            case .discovery(let message):
                .discovery(message.containers.prefix(WireLimits.containers).map(DiscoveredContainer.init))
            case .jobUpdate(let message): .jobUpdate(JobUpdate(message))
            case .backupCompleted(let message): .completed(Completion(message))
            case .healthResult(let message): .health(HealthResult(message))
            case .healthReport(let message): .health(HealthResult(message))
            case .log(let message): .log(LogLine(message))
            case .restoreUpdate(let message): .restore(RestoreUpdate(message))
            case .ack(let message):
                .acknowledgement(accepted: message.accepted, reason: Text(message.reason, limit: WireLimits.line))
            case .registerAck, .configUpdate, .runBackup, .cancelJob, .runHealthCheck, .selfUpdate, .ping,
                .reportAcknowledged, nil:
                .other(tag: envelope.payloadTag)
            }
    }

    /// The class of a reported failure; nil when none is reported.
    var reportedFailure: FailureClass? {
        guard case .jobUpdate(let update) = self, update.status == .failed else { return nil }
        return FailureClass(errorMessage: update.errorText.string)
    }
}
