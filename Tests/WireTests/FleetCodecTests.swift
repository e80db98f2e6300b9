import Core
import Engine
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("The control plane's messages as bytes")
struct FleetCodecTests {
    let codec = FleetCodec()

    @Test("Encoded and decoded is equal", arguments: MessageSamples.all.indices)
    func roundTrip(index: Int) throws {
        let message = MessageSamples.all[index]
        let body = codec.encode(message)
        #expect(try codec.decode(body, kind: "k") == message)
        let generated: [UInt8] = try RecordFleetMessage(message).serializedBytes()
        #expect(body == generated, "put together by hand and by the generated code")
    }

    @Test("Every case has a sample")
    func everyCase() {
        func covers<Value>(
            _ values: [Value], _ number: (Value) -> Int, _ numbers: Range<Int>, _ later: [Int] = [], line: Int = #line
        ) {
            #expect(Set(values.map(number)) == Set(numbers).union(later), "of \(Value.self), line \(line)")
        }
        let reports = MessageSamples.frames.compactMap { if case .received(_, let it) = $0 { it.report } else { nil } }
        let orders = MessageSamples.frames.compactMap { if case .captured(_, let it) = $0 { it.order } else { nil } }
        covers(MessageSamples.all, MessageCases.number, 0..<18, [19, 21, 22, 23, 24])
        covers(reports, MessageCases.number, 0..<10)
        covers(orders, MessageCases.number, 0..<5)
        covers(MessageSamples.requests, MessageCases.number, 0..<19, [30, 35, 40, 41, 45, 46, 50])
        covers(MessageSamples.acceptances, MessageCases.number, 0..<20, [30, 35, 40, 41, 45, 46, 50])
        covers(MessageSamples.settingsFields, MessageCases.number, 0..<4)
        covers(MessageSamples.targetFields, MessageCases.number, 0..<11)
        covers(MessageSamples.jobFields, MessageCases.number, 0..<12, [15])
        covers(MessageSamples.checkFields, MessageCases.number, 0..<11)
        covers(MessageSamples.checkDecisions, MessageCases.number, 0..<3)
        covers(MessageSamples.timers, MessageCases.number, 0..<4, [5, 6, 7, 8, 9, 10, 11, 12, 14, 20, 21])
        covers(MessageSamples.verdicts, MessageCases.number, 0..<5)
        covers(MessageSamples.commands, MessageCases.number, 0..<9, [10, 14, 17, 18])
        covers(MessageSamples.results, MessageCases.number, 0..<5, [8, 9, 10])
        covers(MessageSamples.slotVerdicts, MessageCases.number, 0..<4)
    }

    @Test(
        "What a later version added is refused",
        arguments: [
            [], [0x92, 0x03, 0x00],  // no message; field 50
            [0x52, 0x04, 0x0A, 0x02, 0x0A, 0x00],  // an acceptance of nothing
            [0x5A, 0x03, 0x0A, 0x01, 0x58],  // a refusal with code X
            [0x6A, 0x03, 0x12, 0x01, 0x58],  // presence X
            [0x32, 0x04, 0x1A, 0x00, 0x28, 0x63],  // a frame with failure class 99
            [0x32, 0x03, 0x1A, 0x01, 0xFF],  // a frame that is no envelope
        ] as [[UInt8]])
    func newer(body: [UInt8]) {
        #expect(throws: CodecError.self) { try codec.decode(body, kind: "k") }
    }

    @Test("Random bodies never trap", arguments: UInt64(0)..<4)
    func random(seed: UInt64) {
        var choices = Choices(seed: seed)
        for _ in 0..<5_000 { check(choices.bytes(Int.random(in: 0...60, using: &choices))) }
    }

    @Test("Bodies with faults never trap", arguments: UInt64(0)..<4)
    func mutated(seed: UInt64) {
        let bodies = MessageSamples.all.map(codec.encode)
        var choices = Choices(seed: seed)
        for _ in 0..<5_000 { check(choices.mutate(bodies.randomElement(using: &choices) ?? [])) }
    }

    /// Whatever decodes must encode, and then decode to the same.
    private func check(_ body: [UInt8]) {
        guard let message = try? codec.decode(body, kind: "k") else { return }
        #expect((try? codec.decode(codec.encode(message), kind: "k")) == message, "\(body)")
    }
}
