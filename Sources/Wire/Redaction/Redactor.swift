/// Removes secrets from a frame's bytes, in place and without changing their number, before anything decodes them.
///
/// So what is folded is what is stored, and no later step can forget to redact. Secrets are overwritten with `*`:
///
/// - by field: `encrypted_dek`, `password_secret_ref` unless it is an `env:` or `file:` reference, and what a container's
///   credential variables hold, unless it is `set`;
/// - by looks: user info and signatures in URLs, agent keys and tokens, in any text (``CredentialScanner`` has the rules);
/// - by value: the secrets given here, as themselves, in hex, in base64 at any alignment, as lists of bytes, and all of
///   that also under one or two layers of percent-encoding or backslashes (``Reading``). Those of 8 bytes and more anywhere, those of 4 to 7 bytes only in free text (errors, steps, log
///   lines, reasons), where a chance hit costs nothing; shorter ones not at all.
///
/// A frame that decoded before decodes after: only contents of fields are overwritten, never a tag or a length, and
/// text stays UTF-8. Of a secret that is spread over several fields, the parts that are content go. A frame that is
/// malformed has no structure to preserve: there, all rules apply to all bytes. Bytes that are cut from a frame must be
/// cut after this.
public struct Redactor: Sendable {
    private let long: SecretSearch
    private let short: SecretSearch

    /// - Parameter secrets: What to look for, any bytes, any lengths; typically one agent's open data keys, passwords
    ///   and signatures. Repeats and already redacted values (all `*`) are ignored.
    public init(secrets: [[UInt8]] = []) {
        var longPatterns: [SecretPattern] = []
        var shortPatterns: [SecretPattern] = []
        var seen: Set<[UInt8]> = []
        for secret in secrets where secret.count >= 4 && !secret.allSatisfy({ $0 == star }) {
            guard seen.insert(secret).inserted else { continue }
            if secret.count >= 8 {
                longPatterns += SecretPattern.all(of: secret)
            } else {
                shortPatterns += SecretPattern.all(of: secret)
            }
        }
        long = SecretSearch(longPatterns)
        short = SecretSearch(shortPatterns)
    }

    /// Overwrites every secret in the frame.
    ///
    /// - Parameter frame: Any bytes; afterwards the same number of bytes.
    /// - Returns: Whether the frame was well formed as an envelope's fields. It may still fail to decode, for text that
    ///   is not UTF-8.
    @discardableResult
    public func redact(_ frame: inout [UInt8]) -> Bool {
        // Found before anything is overwritten: half a secret that another rule left would not be found any more.
        let known = long.matches(in: frame, frame.indices)
        var visitor = RedactingVisitor(short: short, known: known)
        if FrameWalker.walk(&frame, with: &visitor) { return true }
        for range in known { overwrite(range, in: &frame) }
        visitor.redactText(frame.indices, isFree: true, in: &frame)
        return false
    }
}

extension Redactor {
    /// A text of no particular structure without its secrets: all rules apply to all of it.
    public func redacted(_ text: String) -> String {
        String(decoding: redacted(Array(text.utf8)), as: UTF8.self)
    }

    /// The same for bytes.
    public func redacted(_ text: [UInt8]) -> [UInt8] {
        var text = text
        let known = long.matches(in: text, text.indices)
        let visitor = RedactingVisitor(short: short, known: [])
        visitor.redactText(text.indices, isFree: true, in: &text)
        for range in known { visitor.overwriteCharacters(range, within: text.indices, in: &text) }
        return text
    }

    /// Whether a text holds what looks like a secret: a password or signature in a URL, an agent key, a token.
    ///
    /// - Returns: false where nothing but a shell's variable (`$NAME`) stands in such a place.
    public static func looksSecret(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        var scanner = CredentialScanner(bytes.indices)
        while let found = scanner.next(in: bytes) {
            if bytes[found.lowerBound] != UInt8(ascii: "$"), found.contains(where: { bytes[$0] != star }) {
                return true
            }
        }
        return false
    }
}

/// What secrets are overwritten with.
private let star = UInt8(ascii: "*")

private func overwrite(_ range: Range<Int>, in frame: inout [UInt8]) {
    for index in range { frame[index] = star }
}

private struct RedactingVisitor: FrameVisitor {
    let short: SecretSearch
    /// Where known long secrets stand; those before `cursor` end before the next content.
    let known: [Range<Int>]
    var cursor = 0

    mutating func visit(_ content: FrameContent, _ range: Range<Int>, in frame: inout [UInt8]) {
        switch content {
        case .dataKey, .echoedDataKey:
            overwrite(range, in: &frame)
        case .passwordReference:
            if isReference(range, in: frame) {
                redactText(range, isFree: false, in: &frame)
            } else {
                overwrite(range, in: &frame)
            }
        case .credentialHint:
            if !frame[range].elementsEqual("set".utf8) { overwrite(range, in: &frame) }
        case .freeText:
            redactText(range, isFree: true, in: &frame)
        case .plain, .url, .message:
            redactText(range, isFree: false, in: &frame)
        }
        while cursor < known.count, known[cursor].upperBound <= range.lowerBound { cursor += 1 }
        var next = cursor
        while next < known.count, known[next].lowerBound < range.upperBound {
            overwriteCharacters(known[next].clamped(to: range), within: range, in: &frame)
            next += 1
        }
    }

    func redactText(_ range: Range<Int>, isFree: Bool, in frame: inout [UInt8]) {
        let matches = isFree ? short.matches(in: frame, range) : []
        for found in EncodedKeys.matches(in: frame, range) { overwriteCharacters(found, within: range, in: &frame) }
        var scanner = CredentialScanner(range)
        while let found = scanner.next(in: frame) { overwrite(found, in: &frame) }
        for match in matches { overwriteCharacters(match, within: range, in: &frame) }
    }

    /// A secret of arbitrary bytes may begin or end within a character: then the whole character goes, since the rest of it
    /// would make the text invalid.
    func overwriteCharacters(_ match: Range<Int>, within range: Range<Int>, in frame: inout [UInt8]) {
        var lower = match.lowerBound
        var upper = match.upperBound
        while lower > range.lowerBound, match.lowerBound - lower < 3, isContinuation(frame[lower]) { lower -= 1 }
        while upper < range.upperBound, upper - match.upperBound < 3, isContinuation(frame[upper]) { upper += 1 }
        overwrite(lower..<upper, in: &frame)
    }

    private func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}

/// Whether a `password_secret_ref` only says where the password is.
func isReference(_ range: Range<Int>, in frame: [UInt8]) -> Bool {
    frame[range].starts(with: "env:".utf8) || frame[range].starts(with: "file:".utf8)
}
