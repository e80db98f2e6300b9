import Testing

@testable import Server

@Suite("Assembling WebSocket messages")
struct MessageAssemblerTests {
    @Test("A whole binary message, and one in parts")
    func assembles() {
        var assembler = MessageAssembler()
        #expect(assembler.add(.binary, isLast: true, [1, 2]) == .binary([1, 2]))
        #expect(assembler.add(.binary, isLast: false, [1]) == .nothing)
        #expect(assembler.add(.continuation, isLast: false, [2]) == .nothing)
        #expect(assembler.add(.continuation, isLast: true, [3]) == .binary([1, 2, 3]))
        #expect(assembler.add(.binary, isLast: true, []) == .binary([]))
    }

    @Test("Text is not looked at")
    func ignoresText() {
        var assembler = MessageAssembler()
        #expect(assembler.add(.text, isLast: false, [1]) == .nothing)
        #expect(assembler.add(.continuation, isLast: true, [2]) == .nothing)
        #expect(assembler.add(.binary, isLast: true, [3]) == .binary([3]))
    }

    @Test("Parts without a beginning, or a beginning within a message, are faults")
    func findsFaults() {
        var assembler = MessageAssembler()
        #expect(assembler.add(.continuation, isLast: true, [1]) == .fault)
        #expect(assembler.add(.binary, isLast: false, [1]) == .nothing)
        #expect(assembler.add(.binary, isLast: true, [2]) == .fault)
    }

    @Test("4 MiB pass, one byte more does not, whole or in parts")
    func limits() {
        let most = [UInt8](repeating: 7, count: MessageAssembler.limit)
        let tooLarge = MessageAssembler.Outcome.tooLarge(
            start: Array(most.prefix(MessageAssembler.startByteCount)), byteCount: most.count + 1)
        var assembler = MessageAssembler()
        #expect(assembler.add(.binary, isLast: true, most) == .binary(most))
        #expect(assembler.add(.binary, isLast: true, most + [7]) == tooLarge)
        var parts = MessageAssembler()
        #expect(parts.add(.binary, isLast: false, most) == .nothing)
        #expect(parts.add(.continuation, isLast: false, [7]) == tooLarge)
        #expect(parts.add(.continuation, isLast: false, most) == .nothing)
        #expect(parts.add(.continuation, isLast: true, [7]) == .nothing)
        #expect(parts.add(.binary, isLast: true, [7]) == .nothing)
    }
}
