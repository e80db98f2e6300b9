import Core
import Engine
import Foundation
import Recordings
import Wire

/// The package's root folder, found from this file, so that tests run from anywhere.
let packageRoot = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

enum CaptureFiles {
    static let folder = packageRoot.appending(path: "Replays/captures")

    /// All captures, by name.
    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix(".frames") }.map { String($0.dropLast(".frames".count)) }.sorted()
    }()

    static func path(of name: String) -> String { folder.appending(path: "\(name).frames").path }

    static func golden(of name: String) throws -> String {
        try String(contentsOf: folder.appending(path: "\(name).golden.json"), encoding: .utf8)
    }

    /// The log that a capture becomes.
    static func log(of name: String) throws -> MemoryLog {
        try CaptureImport.run(Capture(contentsOf: path(of: name)), into: MemoryLog()).log
    }
}
