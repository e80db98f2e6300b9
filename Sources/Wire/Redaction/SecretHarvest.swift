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

extension Redactor {
    /// The secrets of one URL: user info, the password in it, and the values of signing parameters, also
    /// percent-decoded.
    public static func secrets(inURL url: String) -> [[UInt8]] {
        var visitor = HarvestingVisitor()
        let text = Array(url.utf8)
        visitor.addParts(ofURL: text.indices, in: text)
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
            addParts(ofURL: range, in: frame)
        case .plain, .freeText, .echoedDataKey, .credentialHint, .message:
            break
        }
    }

    mutating func addParts(ofURL range: Range<Int>, in text: [UInt8]) {
        var scanner = CredentialScanner(range)
        while let found = scanner.next(in: text) { addURLPart(text[found]) }
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
            if byte == UInt8(ascii: "%"), let high = rest.first.flatMap(Hexadecimal.value),
                let low = rest.dropFirst().first.flatMap(Hexadecimal.value)
            {
                decoded.append(UInt8(high << 4 | low))
                rest = rest.dropFirst(2)
            } else {
                decoded.append(byte)
            }
        }
        return decoded
    }
}
