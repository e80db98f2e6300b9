import Core
import Engine
import Foundation
import Testing

@Suite("What the documents say about digests")
struct DocumentedDigestTests {
    @Test("docs/log-format.md names the digest of the control plane's state before the first entry, and no other")
    func emptyState() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "docs/log-format.md"), encoding: .utf8)
        let digests = text.matches(of: /s[0-9]+:[0-9a-f]{64}/).map { String($0.output) }
        #expect(digests == [StateDigest(of: Fleet.initial).description])
    }
}
