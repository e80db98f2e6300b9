extension String {
    /// The same text with its control characters made visible, such as `\u{1B}`. Names, steps and errors come from outside:
    /// as they are, they could steer the terminal that shows them, or forge lines of a log.
    ///
    /// Made visible are those of C0 and C1, DEL, and the two separators of Unicode that end lines for some readers.
    ///
    /// - Parameter keepingLines: leaves line breaks and tabs, for texts that have lines.
    public func visible(keepingLines: Bool) -> String {
        guard unicodeScalars.contains(where: { Self.isControl($0) }) else { return self }
        var out = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar {
            case "\n" where !keepingLines: out.append(contentsOf: "\\n".unicodeScalars)
            case "\t" where !keepingLines: out.append(contentsOf: "\\t".unicodeScalars)
            case "\n", "\t": out.append(scalar)
            case _ where Self.isControl(scalar):
                out.append(contentsOf: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".unicodeScalars)
            default: out.append(scalar)
            }
        }
        return String(out)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar == "\u{2028}" || scalar == "\u{2029}"
    }
}

/// Where a handler of log lines as text writes: each piece is one line, whatever the message holds.
public struct VisibleLines: TextOutputStream, Sendable {
    private let writeLine: @Sendable (String) -> Void

    /// - Parameter write: gets a line with its end.
    public init(write: @escaping @Sendable (String) -> Void) { writeLine = write }

    /// Writes one line, which must come whole.
    public func write(_ line: String) {
        var text = line.unicodeScalars
        if text.last == "\n" { text.removeLast() }
        writeLine(String(text).visible(keepingLines: false) + "\n")
    }
}
