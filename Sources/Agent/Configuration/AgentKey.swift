/// What the agent shows the server. Its text never reaches a log, an error or a child process.
public struct AgentKey: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// The whole key, for the one header that carries it and the one key that is derived from it.
    let text: String

    /// A key as the server printed it: `bkpy_live_` or `bkpy_test_` and 32 letters or digits. White space around it is
    /// dropped.
    public init(_ text: String) throws(AgentSetupError) {
        let bytes = Array(text.utf8)
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        let trimmed = String(
            decoding: bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed(), as: UTF8.self)
        let secret = trimmed.utf8.dropFirst(10)
        guard trimmed.hasPrefix("bkpy_live_") || trimmed.hasPrefix("bkpy_test_"), secret.count == 32,
            secret.allSatisfy({
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
            })
        else { throw .malformedKey(byteCount: trimmed.utf8.count) }
        self.text = trimmed
    }

    /// Never the key.
    public var description: String { "agent key (hidden)" }

    /// Never the key.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
