import Engine
import Testing

@Suite("Object names")
struct ObjectNameTests {
    @Test("Names that the server makes", arguments: ["a", "agt_1/run_7Hq2mZ0aB1c-2.enc", "A/b/C.d", "a..b", "-x_"])
    func good(text: String) {
        #expect(ObjectName(text)?.text == text)
    }

    @Test(
        "What must not become a path",
        arguments: [
            "", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/..", ".a", "a/.incoming", "a b", "a\0b",
            "a\\b",
            "a%2e", "ä", "a\n", "a?b", "a.key", "a.key/b", "a.sha256", "a.frozen",
            String(repeating: "a", count: 241), String(repeating: "a/", count: 256) + "a",
        ])
    func bad(text: String) {
        #expect(ObjectName(text) == nil)
    }

    @Test("512 bytes are the most")
    func length() {
        let parts = Array(repeating: String(repeating: "a", count: 102), count: 5).joined(separator: "/")
        #expect(parts.utf8.count == 514)
        #expect(ObjectName(parts) == nil)
        #expect(ObjectName(String(parts.dropFirst(2))) != nil)
    }
}
