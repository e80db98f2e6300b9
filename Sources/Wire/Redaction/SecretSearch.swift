/// Finds any of many patterns in one pass over the bytes.
///
/// A table indexed by a hash of four bytes leads to the patterns that begin with such four bytes. So the cost per byte
/// does not grow with the number of patterns, and nothing at all is done when there are none.
struct SecretSearch: Sendable {
    private static let tableBits: UInt32 = 12

    private var patterns: [SecretPattern] = []
    /// Per hash: index of the first pattern, or -1. Empty while there are no patterns.
    private var heads: [Int32] = []
    /// Per pattern: index of the next one with the same hash, or -1.
    private var followers: [Int32] = []
    /// Some pattern holds a blank, which may stand as `+`.
    private var hasBlank = false

    var isEmpty: Bool { patterns.isEmpty }

    /// Patterns shorter than four bytes cannot be searched and are left out.
    init(_ candidates: [SecretPattern]) {
        for pattern in candidates where pattern.bytes.count >= 4 {
            if heads.isEmpty { heads = Array(repeating: -1, count: 1 << Int(Self.tableBits)) }
            let word = pattern.bytes[0..<4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let slot = Self.slot(of: word)
            followers.append(heads[slot])
            heads[slot] = Int32(patterns.count)
            patterns.append(pattern)
            if pattern.isSecretItself, pattern.bytes.contains(0x20) { hasBlank = true }
        }
    }

    private static func slot(of word: UInt32) -> Int {
        Int((word &* 0x9E37_79B1) >> (32 - tableBits))
    }

    /// All places in `range` where a pattern stands, as itself or escaped, joined where they touch: ascending, disjoint.
    func matches(in frame: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
        guard !isEmpty, range.count >= 4 else { return [] }
        var found = standing(in: frame, range)
        for reading in Reading.all(of: frame[range], plusIsBlank: hasBlank) {
            found += standing(in: reading.bytes, reading.bytes.indices).map(reading.source)
        }
        return joined(found)
    }

    private func joined(_ ranges: [Range<Int>]) -> [Range<Int>] {
        var joined: [Range<Int>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) { append(range, to: &joined) }
        return joined
    }

    private func standing(in frame: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
        var found: [Range<Int>] = []
        var word: UInt32 = 0
        for index in range {
            word = word >> 8 | UInt32(frame[index]) << 24
            let start = index - 3
            guard start >= range.lowerBound else { continue }
            var candidate = heads[Self.slot(of: word)]
            while candidate >= 0 {
                let pattern = patterns[Int(candidate)]
                if pattern.bytes.count <= range.upperBound - start, stands(pattern.bytes, at: start, in: frame) {
                    append(widened(pattern, at: start, in: frame, range), to: &found)
                }
                candidate = followers[Int(candidate)]
            }
        }
        return found
    }

    private func stands(_ bytes: [UInt8], at start: Int, in frame: [UInt8]) -> Bool {
        for index in bytes.indices where frame[start + index] != bytes[index] { return false }
        return true
    }

    private func widened(_ pattern: SecretPattern, at start: Int, in frame: [UInt8], _ range: Range<Int>) -> Range<Int>
    {
        var lower = start
        var upper = start + pattern.bytes.count
        if pattern.sharesFirst, lower > range.lowerBound, SecretPattern.isBase64(frame[lower - 1]) { lower -= 1 }
        if pattern.sharesLast, upper < range.upperBound, SecretPattern.isBase64(frame[upper]) { upper += 1 }
        return lower..<upper
    }

    private func append(_ match: Range<Int>, to found: inout [Range<Int>]) {
        if let last = found.last, match.lowerBound <= last.upperBound {
            found[found.count - 1] =
                min(last.lowerBound, match.lowerBound)..<max(last.upperBound, match.upperBound)
        } else {
            found.append(match)
        }
    }
}
