import Testing
import Wire

@Suite("Fingerprints")
struct FingerprintTests {
    @Test(
        "are FNV-1a: published values",
        arguments: [("", 0xCBF2_9CE4_8422_2325), ("a", 0xAF63_DC4C_8601_EC8C), ("foobar", 0x8594_4171_F739_67E8)])
    func published(_ text: String, _ value: UInt64) {
        #expect(Fingerprint(of: text.utf8).value == value)
    }

    @Test("differ for all different frames of the captures")
    func captures() {
        let frames = Set(Capture.all.flatMap(\.records).map(\.frame))
        #expect(Set(frames.map { Fingerprint(of: $0) }).count == frames.count)
    }
}
