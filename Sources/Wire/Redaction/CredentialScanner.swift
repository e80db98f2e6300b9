/// Finds what is a secret by its looks, in any text: user info and signatures of URLs, and agent keys.
///
/// - User info: in `scheme://user:password@host`, all between `//` and the last `@` before the authority's end.
/// - Values of parameters whose name ends in `signature`, `credential`, `token`, `awsaccesskeyid` or `password`, or is
///   `sig`, in any case: so `X-Amz-Signature`, `X-Amz-Credential`, `X-Amz-Security-Token` and their like elsewhere.
///   Up to the next `&`, `#`, quote, angle bracket, backslash, blank or control character.
/// - `bkpy_live_…` and `bkpy_test_…`: all alphanumerics that follow, also fewer than a whole key's 32, since free text
///   is often cut. Behind `bkpy_` alone, or with another word between: 16 alphanumerics or more, as tokens have them.
///
/// A URL within a URL's query is percent-encoded, once or twice: `%3D`, `%253D` and so on count as well. What is found
/// begins and ends beside ASCII, so overwriting it with ASCII keeps a text valid UTF-8. One pass, linear in the bytes.
struct CredentialScanner {
    private var position: Int
    private let start: Int
    private let end: Int

    init(_ range: Range<Int>) {
        position = range.lowerBound
        start = range.lowerBound
        end = range.upperBound
    }

    /// The next secret, in ascending order and without overlap; nil at the end. Never empty.
    mutating func next(in text: [UInt8]) -> Range<Int>? {
        while position < end {
            let here = position
            position += 1
            let found: Range<Int>? =
                switch text[here] {
                case UInt8(ascii: "="): parameter(nameEnd: here, valueStart: here + 1, level: 0, in: text)
                case UInt8(ascii: "%"): encoded(at: here, in: text)
                case UInt8(ascii: ":"): userInfo(at: here, in: text)
                case UInt8(ascii: "b"): agentKey(at: here, in: text)
                default: nil
                }
            if let found, !found.isEmpty {
                position = found.upperBound
                return found
            }
        }
        return nil
    }

    private func encoded(at here: Int, in text: [UInt8]) -> Range<Int>? {
        for level in 1...2 {
            if let width = width(of: UInt8(ascii: "="), at: here, level: level, in: text) {
                return parameter(nameEnd: here, valueStart: here + width, level: level, in: text)
            }
        }
        return userInfo(at: here, in: text)
    }

    // MARK: Parameters

    private static let nameEndings: [[UInt8]] = ["signature", "credential", "token", "awsaccesskeyid", "password"]
        .map { Array($0.utf8) }
    private static let shortName = Array("sig".utf8)
    private static let valueEnds = Array("&#".utf8)

    private func parameter(nameEnd: Int, valueStart: Int, level: Int, in text: [UInt8]) -> Range<Int>? {
        let isSecret =
            Self.nameEndings.contains { isName($0, endingAt: nameEnd, in: text) }
            || isName(Self.shortName, endingAt: nameEnd, in: text)
                && isWordStart(nameEnd - Self.shortName.count, in: text)
        guard isSecret else { return nil }
        var stop = valueStart
        while stop < end, !isValueEnd(at: stop, level: level, in: text) { stop += 1 }
        return valueStart..<stop
    }

    private func isName(_ name: [UInt8], endingAt nameEnd: Int, in text: [UInt8]) -> Bool {
        guard nameEnd - start >= name.count else { return false }
        let first = nameEnd - name.count
        return name.indices.allSatisfy { text[first + $0] | 0x20 == name[$0] }
    }

    /// Letters before `sig` make another word of it (`config`), unless they belong to an encoded character (`%26sig`).
    private func isWordStart(_ index: Int, in text: [UInt8]) -> Bool {
        if index == start || !Self.isAlphanumeric(text[index - 1]) { return true }
        return index - start >= 3 && text[index - 3] == UInt8(ascii: "%")
    }

    private func isValueEnd(at index: Int, level: Int, in text: [UInt8]) -> Bool {
        Self.endsAnything(text[index]) || isAny(of: Self.valueEnds, at: index, level: level, in: text)
    }

    // MARK: User info

    private static let schemeEnd = Array("://".utf8)
    private static let authorityEnds = Array("/?#".utf8)
    private static let userInfoEnd = Array("@".utf8)

    private func userInfo(at colon: Int, in text: [UInt8]) -> Range<Int>? {
        var first = colon
        var level = 0
        for character in Self.schemeEnd {
            guard let (width, found) = widthAndLevel(of: character, at: first, in: text) else { return nil }
            first += width
            level = max(level, found)
        }
        var index = first
        var lastAt: Int?
        while index < end, !Self.endsAnything(text[index]),
            !isAny(of: Self.authorityEnds, at: index, level: level, in: text)
        {
            if isAny(of: Self.userInfoEnd, at: index, level: level, in: text) { lastAt = index }
            index += 1
        }
        return lastAt.map { first..<$0 }
    }

    // MARK: Agent keys

    private static let keyPrefixes = ["bkpy_live_", "bkpy_test_"].map { Array($0.utf8) }

    private func agentKey(at here: Int, in text: [UInt8]) -> Range<Int>? {
        for prefix in Self.keyPrefixes where end - here > prefix.count {
            guard prefix.indices.allSatisfy({ text[here + $0] == prefix[$0] }) else { continue }
            let first = here + prefix.count
            var stop = first
            while stop < end, Self.isAlphanumeric(text[stop]) { stop += 1 }
            return first..<stop
        }
        return token(at: here, in: text)
    }

    private static let tokenPrefix = Array("bkpy_".utf8)
    private static let leastTokenByteCount = 16

    private func token(at here: Int, in text: [UInt8]) -> Range<Int>? {
        let prefix = Self.tokenPrefix
        guard end - here > prefix.count, prefix.indices.allSatisfy({ text[here + $0] == prefix[$0] }) else {
            return nil
        }
        var first = here + prefix.count
        var stop = first
        while stop < end, Self.isAlphanumeric(text[stop]) || text[stop] == UInt8(ascii: "_") {
            stop += 1
            if text[stop - 1] == UInt8(ascii: "_") { first = stop }
        }
        return stop - first >= Self.leastTokenByteCount ? first..<stop : nil
    }

    // MARK: Characters

    /// Bytes that `character` takes here: 1 as itself, 3 as `%3D` from level 1 on, 5 as `%253D` from level 2 on; nil if
    /// something else stands here.
    private func width(of character: UInt8, at index: Int, level: Int, in text: [UInt8]) -> Int? {
        if index < end, text[index] == character { return 1 }
        guard level >= 1, index < end, text[index] == UInt8(ascii: "%") else { return nil }
        if isHex(of: character, at: index + 1, in: text) { return 3 }
        guard level >= 2, isHex(of: UInt8(ascii: "%"), at: index + 1, in: text) else { return nil }
        return isHex(of: character, at: index + 3, in: text) ? 5 : nil
    }

    private func widthAndLevel(of character: UInt8, at index: Int, in text: [UInt8]) -> (width: Int, level: Int)? {
        width(of: character, at: index, level: 2, in: text).map { ($0, $0 / 2) }
    }

    private func isAny(of characters: [UInt8], at index: Int, level: Int, in text: [UInt8]) -> Bool {
        if characters.contains(text[index]) { return true }
        guard level > 0, text[index] == UInt8(ascii: "%") else { return false }
        return characters.contains { width(of: $0, at: index, level: level, in: text) != nil }
    }

    private func isHex(of character: UInt8, at index: Int, in text: [UInt8]) -> Bool {
        guard end - index >= 2 else { return false }
        let digits = Hexadecimal.lowercaseDigits
        return text[index] | 0x20 == digits[Int(character >> 4)] | 0x20
            && text[index + 1] | 0x20 == digits[Int(character & 15)] | 0x20
    }

    private static func endsAnything(_ byte: UInt8) -> Bool {
        switch byte {
        case 0...0x20, 0x7F, UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"), UInt8(ascii: "<"),
            UInt8(ascii: ">"), UInt8(ascii: "\\"):
            true
        default: false
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }
}
