import Core
import Engine
import Foundation
import Recordings
import Wire

/// Inputs to begin with, made from the recordings of this repository: the same ones at every build.
enum Seeds {
    private static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Writes a folder for each target.
    static func write(into folder: String) throws {
        for target in Target.all {
            let path = URL(fileURLWithPath: folder).appending(path: target.name)
            try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
            for (index, seed) in try target.seeds().enumerated() where seed.count <= target.maximumByteCount {
                try Data(seed).write(to: path.appending(path: "seed-\(index)"))
            }
        }
    }

    /// The files of all captures, in the order of their names.
    static func captureFiles() throws -> [[UInt8]] {
        let folder = repository.appending(path: "Replays/captures")
        return try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".frames") }.sorted()
            .map { [UInt8](try Data(contentsOf: folder.appending(path: $0))) }
    }

    /// What they hold.
    static func captures() throws -> [Capture] { try captureFiles().map { try Capture(bytes: $0) } }

    /// All their frames, of both directions.
    static func frames() throws -> [[UInt8]] { try captures().flatMap { $0.records.map(\.frame) } }

    /// A blob of another implementation.
    static func blob() throws -> [UInt8] {
        [UInt8](
            try Data(contentsOf: repository.appending(path: "Tests/ObjectsTests/Fixtures/sample-backup.enc")))
    }

    /// The logs that the captures become.
    static func logs() throws -> [[EncodedEntry]] {
        try captures().map { capture in
            var kernel = try CaptureImport.run(capture, into: MemoryLog())
            _ = try kernel.commit()
            return kernel.log.read(after: .start, limit: 10_000)
        }
    }
}
