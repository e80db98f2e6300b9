import Core
import Door
import SwiftProtobuf

@testable import Door
@testable import Wire

extension Target {
    /// A frame as it comes in at the door, and as an agent or an import reads one: ours beside SwiftProtobuf.
    static let envelope = Target(name: "envelope", maximumByteCount: 4_096, seeds: Seeds.frames) { bytes in
        let known = try? WireEnvelope(serializedBytes: bytes)
        check(IncomingFrame.decode(bytes, session: nil, registeredSentAt: Timestamp(milliseconds: 1)), bytes, known)
        checkOthers(bytes, known)

        var redacted = bytes
        let isWellFormed = Redactor().redact(&redacted)
        promise(redacted.count == bytes.count, "redaction keeps the length")
        guard let known else { return }
        promise(isWellFormed, "what decodes is never taken for malformed")
        guard let after = try? WireEnvelope(serializedBytes: redacted) else {
            fatalError("broken: redacted is unreadable")
        }
        promise(after.payloadTag == known.payloadTag, "the message stays what it was")
        promise(after.seq == known.seq && after.tsMs == known.tsMs, "its numbers stay")
    }

    private static func check(_ frame: IncomingFrame, _ bytes: [UInt8], _ known: WireEnvelope?) {
        switch frame {
        case .received(let frame):
            guard let known else { fatalError("broken: accepted what SwiftProtobuf refuses") }
            promise(frame.bytes == bytes, "what is stored is what came")
            promise(frame.sequence == known.seq, "the sequence is the envelope's")
            promise(frame.sentAt == Timestamp(clamping: known.tsMs), "the time is the envelope's")
            if case .other(let tag) = frame.report {
                promise(tag == known.payloadTag, "an unknown message has its tag")
            }
            check(.received(AgentID("agt_1"), frame))
        case .unreadable(let frame):
            promise(known == nil, "refused what SwiftProtobuf accepts: \(frame.problem)")
            promise(frame.start.count <= 4_096 && frame.byteCount == UInt64(bytes.count), "a bounded part is kept")
            check(.unreadable(AgentID("agt_1"), frame))
        }
    }

    /// A message comes back from its stored bytes, and as JSON that a strict parser takes.
    static func check(_ message: Fleet.Message) {
        let codec = FleetCodec()
        let body = codec.encode(message)
        promise((try? RecordFleetMessage(message).serializedBytes()) == body, "both encoders agree")
        promise((try? codec.decode(body, kind: "")) == message, "what is stored comes back")
        checkJSON(message)
    }

    static func checkJSON(_ message: Fleet.Message) {
        let json = MessageJSON.message(message)
        promise(JSON(parsing: json.bytes) == json, "what people are shown is JSON")
    }

    private static func checkOthers(_ bytes: [UInt8], _ known: WireEnvelope?) {
        switch CapturedServerFrame.decode(bytes) {
        case .captured(let frame):
            promise(known != nil && frame.bytes == bytes, "a captured frame is an envelope")
            check(.captured(AgentID("agt_1"), frame))
        case .unreadable:
            promise(known == nil, "an envelope is a captured frame")
        }
        promise(((try? ServerFrame(bytes: bytes)) == nil) == (known == nil), "an agent reads the same envelopes")
    }
}
