import Core
import Foundation
import Testing

@testable import Recordings

@Suite("Reading a capture")
struct CaptureReaderTests {
    static func record(time: UInt64 = 1_000, direction: UInt8 = 0, length: UInt32? = nil, _ frame: [UInt8]) -> [UInt8] {
        var bytes = withUnsafeBytes(of: time.bigEndian) { Array($0) } + [direction]
        bytes += withUnsafeBytes(of: (length ?? UInt32(frame.count)).bigEndian) { Array($0) }
        return bytes + frame
    }

    private func problem(_ bytes: [UInt8]) -> CaptureError.Problem? {
        do {
            _ = try Capture(bytes: bytes, path: "x.frames")
            return nil
        } catch {
            #expect(error.description.hasPrefix("x.frames: "))
            return error.problem
        }
    }

    @Test("Records come in the order of the file, empty frames included")
    func records() throws {
        let bytes = Self.record(time: 5, direction: 1, [1, 2]) + Self.record(time: 3, [])
        let capture = try Capture(bytes: bytes)
        #expect(
            capture.records == [
                CaptureRecord(recordedAt: Timestamp(milliseconds: 5), isFromAgent: false, frame: [1, 2]),
                CaptureRecord(recordedAt: Timestamp(milliseconds: 3), isFromAgent: true, frame: []),
            ])
    }

    @Test("The agent's id and the seed come from the file's digest")
    func identity() throws {
        // SHA-256 of pg-success.frames as the notes on the captures have it: c70fb0f5bd13f059 a3694272c78035e6 …
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let capture = try Capture(contentsOf: root.appending(path: "Replays/captures/pg-success.frames").path)
        #expect(capture.agent == AgentID(bits: 0xC70F_B0F5_BD13_F059))
        #expect(capture.seed == 0xA369_4272_C780_35E6)
        #expect(capture.records.count == 29)
    }

    @Test("What is wrong is said with its place")
    func problems() {
        let good = Self.record([7, 8, 9])
        #expect(problem([]) == .empty)
        #expect(problem(good + [0, 0]) == .cutOff(offset: 16, missingByteCount: 11))
        #expect(problem(good + Self.record(length: 5, [1])) == .cutOff(offset: 16, missingByteCount: 4))
        #expect(
            problem(good + Self.record(length: .max, [1]))
                == .frameTooLong(offset: 16, byteCount: 4_294_967_295))
        #expect(problem(Self.record(direction: 2, [])) == .badDirection(offset: 0, 2))
        #expect(problem(Self.record(time: .max, [])) == .badTime(offset: 0, milliseconds: .max))
        #expect(throws: CaptureError(path: "/nowhere", problem: .unreadable)) { try Capture(contentsOf: "/nowhere") }
    }
}
