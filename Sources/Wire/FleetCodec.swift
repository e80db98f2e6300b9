public import Core
public import Engine
import Foundation
import SwiftProtobuf

/// Bytes of the control plane's messages, as `Schemas/enginev1/fleet.proto` describes them.
///
/// Frames are stored as their redacted bytes with what was concluded at the door; decoding decodes those bytes again, by
/// the same total function. A field or case that a later version added is refused, never passed over.
public struct FleetCodec: Codec {
    /// The one codec; it holds nothing.
    public init() {}

    /// The body of an entry with this message.
    public func encode(_ message: Fleet.Message) -> [UInt8] {
        if case .received(let agent, let frame) = message { return encode(frame, from: agent) }
        let bytes: [UInt8]? = try? RecordFleetMessage(message).serializedBytes()
        // Encoding fails only beyond 2 GiB, and a message holds at most a frame.
        return bytes ?? []
    }

    /// The message of a body.
    ///
    /// - Throws: `CodecError` for anything that no version up to this one wrote. Never traps.
    public func decode(_ body: [UInt8], kind: Text) throws(CodecError) -> Fleet.Message {
        let record: RecordFleetMessage
        do {
            record = try RecordFleetMessage(serializedBytes: body)
        } catch {
            throw CodecError(kind: kind, problem: "its bytes are malformed")
        }
        do {
            return try Fleet.Message(record)
        } catch {
            throw CodecError(kind: kind, problem: error.text)
        }
    }

    /// Frames are nearly all of a log, so their bytes are put together without a detour through generated types. A test
    /// holds the result to what those would write.
    private func encode(_ frame: ReceivedFrame, from agent: AgentID) -> [UInt8] {
        let session = frame.session?.text
        let failure = frame.failure?.rawValue ?? 0
        var count = frame.bytes.isEmpty ? 0 : Self.fieldByteCount(frame.bytes.count)
        if !agent.text.isEmpty { count += Self.fieldByteCount(agent.text.byteCount) }
        if let session { count += Self.fieldByteCount(session.byteCount) }
        if frame.isReplayed { count += 2 }
        if failure != 0 { count += 2 }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 12)
        bytes.append(6 << 3 | 2)
        Self.append(UInt64(count), to: &bytes)
        if !agent.text.isEmpty { Self.append(1, agent.text.string.utf8, agent.text.byteCount, to: &bytes) }
        if let session { Self.append(2, session.string.utf8, session.byteCount, to: &bytes) }
        if !frame.bytes.isEmpty { Self.append(3, frame.bytes, frame.bytes.count, to: &bytes) }
        if frame.isReplayed { bytes += [4 << 3, 1] }
        if failure != 0 { bytes += [5 << 3, failure] }
        return bytes
    }

    private static func fieldByteCount(_ contentByteCount: Int) -> Int {
        var rest = UInt64(contentByteCount)
        var count = 2 + contentByteCount
        while rest >= 0x80 {
            rest >>= 7
            count += 1
        }
        return count
    }

    private static func append(
        _ number: UInt8, _ content: some Sequence<UInt8>, _ byteCount: Int, to bytes: inout [UInt8]
    ) {
        bytes.append(number << 3 | 2)
        append(UInt64(byteCount), to: &bytes)
        bytes.append(contentsOf: content)
    }

    private static func append(_ varint: UInt64, to bytes: inout [UInt8]) {
        var rest = varint
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

/// What is wrong with a record.
struct RecordProblem: Error {
    var text: String

    static func unknown(_ what: StaticString) -> RecordProblem {
        RecordProblem(text: "it has no \(what) that this version knows")
    }
}

extension RecordFleetMessage {
    init(_ message: Fleet.Message) {
        self.init()
        self.message =
            switch message {
            case .started(let start):
                .started(
                    .with {
                        $0.build = start.build.string
                        $0.rules = start.rules
                        $0.seed = start.seed
                        $0.clockBehindMs = start.clockBehind.count
                    })
            case .clockStepped(let step): .clockSteppedMs(step.count)
            case .disk(let fact): .disk(RecordFleetDisk(fact))
            case .faulted(let text): .faulted(text.string)
            case .captureOpened(let agent): .captureOpened(agent.text.string)
            case .sessionOpened(let agent, let opening): .sessionOpened(RecordFleetSessionOpening(agent, opening))
            case .sessionClosed(let agent, let session, let closing):
                .sessionClosed(
                    .with {
                        $0.agent = agent.text.string
                        $0.session = session.text.string
                        $0.reason = closing.rawValue
                    })
            case .received(let agent, let frame): .received(RecordFleetReceivedFrame(agent, frame))
            case .captured(let agent, let frame):
                .captured(
                    .with {
                        $0.agent = agent.text.string
                        $0.envelope = Data(frame.bytes)
                    })
            case .unreadable(let agent, let frame): .unreadable(RecordFleetUnreadableFrame(agent, frame))
            case .requested(let request, let ticket): .requested(RecordFleetRequest(request, ticket))
            case .accepted(let acceptance, let ticket): .accepted(RecordFleetAcceptance(acceptance, ticket))
            case .refused(let refusal):
                .refused(
                    .with {
                        $0.code = refusal.code.rawValue
                        $0.field = refusal.field.string
                        $0.text = refusal.text.string
                        if let current = refusal.current { $0.current = current.number }
                    })
            case .deadline(let key): .deadline(RecordFleetTimerKey(key))
            case .presence(let agent, let presence):
                .presence(
                    .with {
                        $0.agent = agent.text.string
                        $0.presence = presence.rawValue
                    })
            case .noted(let anomaly): .noted(RecordFleetAnomaly(anomaly))
            case .alerted(let decision): .alerted(RecordFleetAlertDecision(decision))
            case .decided(let run, let decision): .decided(RecordFleetRunDecision(run, decision))
            case .object(let object, let decision): .object(RecordFleetObjectDecision(object, decision))
            case .scheduled(let job, let decision): .scheduled(RecordFleetSlotDecision(job, decision))
            case .judged(let check, let decision): .judged(RecordFleetCheckDecision(check, decision))
            case .command(let command): .command(RecordFleetCommand(command))
            case .outcome(let outcome): .outcome(RecordFleetOutcome(outcome))
            }
    }
}

extension Fleet.Message {
    init(_ record: RecordFleetMessage) throws(RecordProblem) {
        switch record.message {
        case .started(let start):
            self = .started(
                EngineStart(
                    build: Text(start.build), rules: start.rules, seed: start.seed,
                    clockBehind: Milliseconds(start.clockBehindMs)))
        case .clockSteppedMs(let step): self = .clockStepped(Milliseconds(step))
        case .disk(let record): self = .disk(try DiskFact(record))
        case .faulted(let text): self = .faulted(Text(text))
        case .captureOpened(let agent): self = .captureOpened(AgentID(Text(agent)))
        case .sessionOpened(let record): self = .sessionOpened(AgentID(Text(record.agent)), SessionOpening(record))
        case .sessionClosed(let record):
            guard let reason = SessionClosing(rawValue: record.reason) else { throw .unknown("reason of a closing") }
            self = .sessionClosed(AgentID(Text(record.agent)), SessionID(Text(record.session)), reason)
        case .received(let record): self = .received(AgentID(Text(record.agent)), try ReceivedFrame(record))
        case .captured(let record):
            guard case .captured(let frame) = CapturedServerFrame.decode([UInt8](record.envelope)) else {
                throw RecordProblem(text: "its frame is no envelope")
            }
            self = .captured(AgentID(Text(record.agent)), frame)
        case .unreadable(let record): self = .unreadable(AgentID(Text(record.agent)), UnreadableFrame(record))
        case .requested(let record): self = .requested(try Request(record), try Ticket(record.ticket))
        case .accepted(let record): self = .accepted(try Acceptance(record), try Ticket(record.ticket))
        case .refused(let record):
            guard let code = Refusal.Code(rawValue: record.code) else { throw .unknown("code of a refusal") }
            self = .refused(
                Refusal(
                    code: code, field: Text(record.field), text: Text(record.text),
                    current: record.hasCurrent ? Position(record.current) : nil))
        case .deadline(let record): self = .deadline(try TimerKey(record))
        case .presence(let record):
            guard let presence = Presence(rawValue: record.presence) else { throw .unknown("presence") }
            self = .presence(AgentID(Text(record.agent)), presence)
        case .noted(let record): self = .noted(try Anomaly(record))
        case .alerted(let record): self = .alerted(try AlertDecision(record))
        case .decided(let record): self = .decided(RunID(Text(record.run)), try RunDecision(record))
        case .object(let record): self = .object(ObjectReference(record.object), try ObjectDecision(record))
        case .scheduled(let record): self = .scheduled(JobID(Text(record.job)), try SlotDecision(record))
        case .judged(let record): self = .judged(CheckID(Text(record.check)), try CheckDecision(record))
        case .command(let record): self = .command(try Command(record))
        case .outcome(let record): self = .outcome(try CommandOutcome(record))
        case nil: throw .unknown("message")
        }
    }
}
