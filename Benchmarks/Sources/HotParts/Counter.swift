import Core
import Engine

/// The least machine that still does all of a turn: each entry is folded into one of many entities and decided upon.
enum Counter: Machine {
    struct Message: Hashable, Sendable {
        var place: Int
        var body: [UInt8]
    }

    struct State: Canonical {
        var counts = Table<Text, Count>()

        func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {
            encoder.encode("counts", table: counts) { $0 }
        }
    }

    struct Count: Canonical {
        var number: UInt64 = 0

        func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) { encoder.encode("number", number) }
    }

    static let rules: UInt32 = 1
    static var initial: State { State() }
    static let ids = (0..<1_000).map { Text("agt_" + Base62.text(of: UInt64($0) &* 0x9E37_79B9_7F4A_7C15)) }
    static let streams = ids.map { Stream("agent", $0) }

    static func fold(_ entry: Entry<Message>, into state: inout State) -> [Int] {
        state.counts[ids[entry.message.place], default: Count()].number &+= 1
        return [entry.message.place]
    }

    static func decide(_ change: Int, _ entry: Entry<Message>, in state: borrowing State) -> [Message] {
        state.counts[ids[change]]?.number == .max ? [entry.message] : []
    }

    static func describe(_ message: Message, in state: borrowing State) -> Description {
        Description(stream: streams[message.place], kind: "frame.heartbeat", role: .fact)
    }

    static func nextDeadline(in state: borrowing State) -> Deadline<Message>? { nil }
}

/// Bodies as they are: what a codec costs is measured elsewhere.
struct BodyCodec: Codec {
    func encode(_ message: Counter.Message) -> [UInt8] { message.body }

    func decode(_ body: [UInt8], kind: Text) throws(CodecError) -> Counter.Message {
        Counter.Message(place: 0, body: body)
    }
}
