import Core
import Testing

@testable import Server

@Suite struct RESTMomentTests {
    @Test(
        "Moments are written and read back",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00.000Z"), (1_767_225_600_000, "2026-01-01T00:00:00.000Z"),
            (951_782_400_001, "2000-02-29T00:00:00.001Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"), (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ])
    func both(milliseconds: Int64, text: String) {
        #expect(Moment.text(Timestamp(milliseconds: milliseconds)) == text)
        #expect(Moment.parse(text) == Timestamp(milliseconds: milliseconds))
    }

    @Test("Moments beyond the calendar are clamped")
    func clamped() {
        #expect(Moment.text(Timestamp(milliseconds: .max)) == "9999-12-31T23:59:59.999Z")
        #expect(Moment.text(Timestamp(milliseconds: .min)) == "0000-01-01T00:00:00.000Z")
    }

    @Test("Offsets, fractions and lower case are read")
    func forms() {
        let moment = Timestamp(milliseconds: 1_767_225_600_000)
        for text in [
            "2026-01-01T00:00:00Z", "2026-01-01t00:00:00z", "2026-01-01T02:00:00+02:00", "2025-12-31T19:30:00.0-04:30",
            "2026-01-01 00:00:00.0000001Z", "2025-12-31T23:59:60Z",
        ] { #expect(Moment.parse(text) == moment, "\(text)") }
        for text in [
            "", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
            "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+2:00",
            "2026-01-01T00:00:00Zx", "1767225600000", "2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z",
            "٢٠٢٦-01-01T00:00:00Z",
            "2026-01-01T00:00:00." + String(repeating: "1", count: 100) + "Z", "2026-01-01T00:00:00+99:00",
        ] { #expect(Moment.parse(text) == nil, "\(text)") }
    }
}
