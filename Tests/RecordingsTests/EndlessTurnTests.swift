import Core
import Engine
import Testing

@testable import Recordings

/// A machine that always has something more to say.
private enum Endless: Machine {
    struct State: Canonical, Sendable {
        func encode<Encoder: CanonicalEncoder>(into encoder: inout Encoder) {}
    }
    enum Message: Hashable, Sendable {
        case began
        case went(Int)
        case fault(Text)
    }
    static let rules: UInt32 = 1
    static var initial: State { State() }

    static func fold(_ entry: Entry<Message>, into state: inout State) -> [Int] {
        switch entry.message {
        case .began: [0]
        case .went(let count): [count]
        case .fault: []
        }
    }

    static func decide(_ change: Int, _ entry: Entry<Message>, in state: borrowing State) -> [Message] {
        [.went(change + 1)]
    }

    static func describe(_ message: Message, in state: borrowing State) -> Description {
        switch message {
        case .began: Description(stream: .engine, kind: "began", role: .fact)
        case .went: Description(stream: .engine, kind: "went", role: .decision)
        case .fault: Description(stream: .engine, kind: "fault", role: .fact)
        }
    }

    static func nextDeadline(in state: borrowing State) -> Deadline<Message>? { nil }
    static func fault(_ text: Text) -> Message? { .fault(text) }
}

/// Enough for a kernel that is never reloaded.
private struct EndlessCodec: Codec {
    func encode(_ message: Endless.Message) -> [UInt8] { [] }
    func decode(_ body: [UInt8], kind: Text) throws(CodecError) -> Endless.Message { .began }
}

@Suite("A turn that was cut off")
struct EndlessTurnTests {
    @Test("The fault belongs to its turn, and so do no more decisions")
    func cutOff() throws {
        var kernel = try Kernel<Endless, MemoryLog, EndlessCodec>(log: MemoryLog(), codec: EndlessCodec())
        for _ in 0..<2 { _ = try kernel.turn(.began, at: Timestamp(milliseconds: 1)) }
        let entries = kernel.staged.map(\.entry)
        #expect(entries.last?.kind == "fault")
        var check = ReplayCheck<Endless> { _ in nil }
        for entry in entries { check.add(entry) }
        check.finish()
        #expect(check.divergences.map(\.description) == [])

        var early = ReplayCheck<Endless> { _ in nil }
        for entry in entries.prefix(100) + entries.suffix(1) { early.add(entry) }
        #expect(!early.isGood)
    }
}
