extension Redactor {
    /// The secrets that a server's frame hands to an agent, for recognising them in what that agent says later.
    ///
    /// Data keys (`RunBackup`), passwords that are not `env:` or `file:` references, and from URLs (upload URLs, hosts
    /// that are URIs) the user info, the password in it, and the values of signing parameters, also percent-decoded.
    ///
    /// - Parameter frame: The bytes before redaction. Of a malformed frame, what could be found before the fault.
    /// - Returns: In order of appearance, repeats included, lengths unchecked: ``init(secrets:)`` sorts that out.
    public static func secrets(in frame: [UInt8]) -> [[UInt8]] {
        var visitor = HarvestingVisitor()
        var frame = frame  // not altered, so not copied
        _ = FrameWalker.walk(&frame, with: &visitor)
        return visitor.secrets
    }
}

private struct HarvestingVisitor: FrameVisitor {
    var secrets: [[UInt8]] = []

    mutating func visit(_ content: FrameContent, _ range: Range<Int>, in frame: inout [UInt8]) {
        guard !range.isEmpty else { return }
        switch content {
        case .dataKey:
            secrets.append(Array(frame[range]))
        case .passwordReference:
            if !isReference(range, in: frame) { secrets.append(Array(frame[range])) }
        case .url:
            var scanner = CredentialScanner(range)
            while let found = scanner.next(in: frame) { addURLPart(frame[found]) }
        case .plain, .freeText, .echoedDataKey, .message:
            break
        }
    }

    private mutating func addURLPart(_ part: ArraySlice<UInt8>) {
        addDecoded(part)
        if let colon = part.firstIndex(of: UInt8(ascii: ":")) { addDecoded(part[(colon + 1)...]) }
    }

    private mutating func addDecoded(_ part: ArraySlice<UInt8>) {
        secrets.append(Array(part))
        let decoded = percentDecoded(part)
        if !part.elementsEqual(decoded) { secrets.append(decoded) }
    }

    private func percentDecoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var decoded: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let high = rest.first.flatMap(digit),
                let low = rest.dropFirst().first.flatMap(digit)
            {
                decoded.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte)
            }
        }
        return decoded
    }

    private func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
