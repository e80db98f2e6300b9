import Foundation
import Testing

@Suite("Generated code belongs to the schemas")
struct GeneratedCodeTests {
    static let output = "Sources/Wire/Generated"
    static let advice: Comment = "run scripts/generate-protobuf.sh and commit what it writes"

    @Test("Every schema and every generated file is as the script left it")
    func checksums() throws {
        let manifest = try String(
            contentsOf: packageRoot.appending(path: "\(Self.output)/SCHEMAS.sha256"), encoding: .utf8)
        var listed: [String: String] = [:]
        for line in manifest.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            try #require(parts.count == 2)
            listed[parts[1]] = parts[0]
        }

        var found: [String: String] = [:]
        for (folder, suffix) in [("Schemas", ".proto"), (Self.output, ".pb.swift")] {
            let names = try FileManager.default.subpathsOfDirectory(atPath: packageRoot.appending(path: folder).path)
            for name in names where name.hasSuffix(suffix) {
                let path = "\(folder)/\(name)"
                found[path] = SHA256.hexadecimal([UInt8](try Data(contentsOf: packageRoot.appending(path: path))))
            }
        }
        #expect(listed == found, Self.advice)
        #expect(listed.keys.contains("Schemas/backupv1/envelope.proto"))
    }

    @Test("The digest used here is SHA-256")
    func digest() {
        #expect(
            SHA256.hexadecimal([UInt8]("abc"))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
