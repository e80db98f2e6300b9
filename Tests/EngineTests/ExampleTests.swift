import Foundation
import Testing

/// The example in the README is the machine that these tests run.
@Test("The README's embedding example is the code of Stock.swift")
func exampleIsCurrent() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let source = try String(contentsOf: folder.appending(path: "Stock.swift"), encoding: .utf8)
    let readme = try String(
        contentsOf: folder.deletingLastPathComponent().deletingLastPathComponent().appending(path: "README.md"),
        encoding: .utf8)
    let parts = source.components(separatedBy: "// example: ")
    try #require(parts.count == 3)
    let example = parts[1].dropFirst("begin\n".count).trimmingCharacters(in: .newlines)
    #expect(readme.contains(example))
}
