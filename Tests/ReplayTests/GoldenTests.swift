import Core
import Engine
import Foundation
import Recordings
import Testing
import Wire

@Suite("Each capture folds to its golden result")
struct GoldenTests {
    @Test("There are captures, and each has a golden result")
    func present() throws {
        #expect(CaptureFiles.names.count == 15)
        for name in CaptureFiles.names { _ = try CaptureFiles.golden(of: name) }
    }

    @Test("The result is the golden one", arguments: CaptureFiles.names)
    func golden(name: String) throws {
        let summary = try ReplaySummary(of: Capture(contentsOf: CaptureFiles.path(of: name)))
        #expect(
            try summary.json + "\n" == CaptureFiles.golden(of: name),
            "scripts/write-goldens.sh writes it anew; a change of results means that Fleet.rules must be raised")
    }

    @Test("The import's own state is the one that its log folds to", arguments: CaptureFiles.names)
    func folded(name: String) throws {
        let kernel = try CaptureImport.run(Capture(contentsOf: CaptureFiles.path(of: name)), into: MemoryLog())
        #expect(try StateDigest(of: kernel.state) == ReplaySummary(of: kernel.log).digest)
        #expect(kernel.staged.isEmpty && kernel.outbox.isEmpty)
    }

    @Test("Decides today what it decided when it was imported", arguments: CaptureFiles.names)
    func decisions(name: String) throws {
        var check = ReplayCheck<Fleet>()
        try check.run(CaptureFiles.log(of: name), codec: FleetCodec())
        #expect(check.divergences.map(\.description) == [])
        #expect(check.decisionCount > 0)
    }

    @Test("Two processes with different hash seeds print the same bytes")
    func determinism() throws {
        let paths = CaptureFiles.names.map(CaptureFiles.path)
        let first = try probe(paths)
        #expect(try probe(paths) == first)
        #expect(try first == CaptureFiles.names.map(CaptureFiles.golden).joined())
    }

    /// Runs `replay-probe`, which the build puts beside the tests. Hash seeds are random for each process unless
    /// `SWIFT_DETERMINISTIC_HASHING` is set.
    private func probe(_ paths: [String]) throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: own).deletingLastPathComponent().appending(path: "replay-probe")
        process.arguments = paths
        process.environment = ProcessInfo.processInfo.environment.filter { $0.key != "SWIFT_DETERMINISTIC_HASHING" }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: bytes, as: UTF8.self)
    }
}
