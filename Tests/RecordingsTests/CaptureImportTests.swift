import Core
import Engine
import Foundation
import Testing
import Wire

@testable import Recordings

@Suite("A capture becomes a log")
struct CaptureImportTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Replays/captures")

    static func capture(_ name: String) throws -> Capture {
        try Capture(contentsOf: folder.appending(path: "\(name).frames").path)
    }

    private func entries(_ capture: Capture) throws -> [EncodedEntry] {
        try CaptureImport.run(capture, into: MemoryLog()).log.read(after: .start, limit: .max)
    }

    @Test("Time never decreases, deadlines stand at the moment they are due, and it all ends after 24 h")
    func time() throws {
        let capture = try Self.capture("backlog-hang")
        let entries = try entries(capture)
        let first = try #require(capture.records.first).recordedAt
        let last = try #require(capture.records.last).recordedAt
        #expect(entries.first?.recordedAt == first)
        #expect(zip(entries, entries.dropFirst()).allSatisfy { $0.recordedAt <= $1.recordedAt })
        #expect(entries.last.map { $0.recordedAt <= last + .hours(24) } == true)
        let silence = try #require(entries.first { $0.kind == "deadline.silence" })
        let register = try #require(entries.last { $0.kind == "frame.register" })
        #expect(silence.recordedAt == register.recordedAt + .seconds(90))
        #expect(entries.prefix(2).map(\.kind) == ["engine.started", "capture.opened"])
    }

    @Test("A recorder's clock that goes back does not take the log with it")
    func backwards() throws {
        let bytes = CaptureReaderTests.record(time: 9_000, []) + CaptureReaderTests.record(time: 1_000, [])
        let times = try entries(Capture(bytes: bytes)).map(\.recordedAt.milliseconds)
        #expect(times == [9_000, 9_000, 9_000, 9_000])
    }

    @Test("No secret of the file is in any entry", arguments: ["pg-success", "failures", "kill-restart"])
    func secrets(name: String) throws {
        let capture = try Self.capture(name)
        let secrets = capture.records.filter { !$0.isFromAgent }.flatMap { Redactor.secrets(in: $0.frame) }
            .filter { $0.count >= 8 }
        #expect(!secrets.isEmpty)
        for entry in try entries(capture) {
            let body = Data(entry.body)
            for secret in secrets { #expect(body.range(of: Data(secret)) == nil, "at \(entry.position)") }
        }
    }

    @Test("A log with entries takes no capture")
    func notEmpty() throws {
        let capture = try Self.capture("idle-timeout")
        let log = try CaptureImport.run(capture, into: MemoryLog()).log
        #expect(throws: CaptureImportError.logNotEmpty(log.head.position)) {
            try CaptureImport.run(capture, into: log)
        }
    }

    @Test("Files with faults are refused or folded, and never trap", arguments: UInt64(0)..<4)
    func hostile(seed: UInt64) throws {
        let whole = try [UInt8](Data(contentsOf: Self.folder.appending(path: "kill-restart.frames")))
        var random = SplitMix(state: seed)
        var foldedCount = 0
        for _ in 0..<60 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let capture = try? Capture(bytes: bytes) else { continue }
            let log = try CaptureImport.run(capture, into: MemoryLog()).log
            var check = ReplayCheck<Fleet>()
            try check.run(log, codec: FleetCodec())
            #expect(check.isGood, "seed \(seed)")
            foldedCount += 1
        }
        #expect(foldedCount > 0)
    }
}

/// Arbitrary but repeatable numbers.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 1
        return Mix.bits(seed: 0x5EED, counter: state)
    }
}
