import Core
import Engine
import Foundation
import Recordings
import SQLiteLog
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
    static func frames() throws -> [[UInt8]] { try captures().flatMap { $0.records.map(\.frame) } + oddFrames }

    /// What no recording holds, and protobuf allows: unknown fields of each wire type, groups within groups, long
    /// varints, fields out of order and again, cut-off lengths, text that is not UTF-8.
    static let oddFrames: [[UInt8]] = [
        [0xF8, 0x3F, 0x01], [0xF9, 0x3F, 1, 2, 3, 4, 5, 6, 7, 8], [0xFD, 0x3F, 1, 2, 3, 4], [0xFA, 0x3F, 2, 9, 9],
        [0xFB, 0x3F, 0x08, 1, 0xFC, 0x3F], [0x1B, 0x23, 0x2B, 0x2C, 0x24, 0x1C],
        [UInt8](repeating: 0x1B, count: 101) + [UInt8](repeating: 0x1C, count: 101), [0x1B, 0x24],
        [0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0x08, 0x80, 0x80, 0x00, 0x08, 0x02],
        [0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], [0x1A, 3, 0xED, 0xA0, 0x80], [0x1A, 1, 0xFF], [0x00], [0x07, 0x00],
        [0x5A, 2, 0x12, 0], [0x62, 4, 0x0A, 2, 0x32, 0], [0xB2, 1, 0], [0x82, 0x3F, 0], [0x6A, 3, 0x0A, 9, 0x41],
    ]

    /// A blob of another implementation.
    static func blob() throws -> [UInt8] {
        [UInt8](
            try Data(contentsOf: repository.appending(path: "Tests/ObjectsTests/Fixtures/sample-backup.enc")))
    }

    /// The logs that former releases wrote.
    static func keptLogs() throws -> [[EncodedEntry]] {
        let folder = repository.appending(path: "Replays/logs")
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("rules-") }
            .sorted()
            .map { name in
                // SQLite writes beside what it reads.
                let copy = FileManager.default.temporaryDirectory.appending(path: "seeds-\(getpid())-\(name)")
                try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
                defer { try? FileManager.default.removeItem(at: copy) }
                try FileManager.default.copyItem(
                    at: folder.appending(path: "\(name)/log.sqlite"), to: copy.appending(path: "log.sqlite"))
                return try SQLiteLogReader(directory: copy.path).read(after: .start, limit: 10_000)
            }
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
