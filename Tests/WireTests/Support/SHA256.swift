/// FIPS 180-4, for comparing small files in tests without another dependency.
enum SHA256 {
    static func hexadecimal(_ message: [UInt8]) -> String {
        var hash: [UInt32] = primes.prefix(8).map { fraction(of: $0.squareRoot()) }
        let constants: [UInt32] = primes.map { fraction(of: cubeRoot($0)) }
        var padded = message + [0x80]
        while padded.count % 64 != 56 { padded.append(0) }
        padded += (0..<8).map { UInt8(truncatingIfNeeded: (message.count * 8) >> (56 - $0 * 8)) }
        for block in stride(from: 0, to: padded.count, by: 64) {
            var words = (0..<16).map { word in
                (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(padded[block + word * 4 + $1]) }
            }
            for index in 16..<64 {
                let early = words[index - 15]
                let late = words[index - 2]
                let first = rotate(early, 7) ^ rotate(early, 18) ^ early >> 3
                let second = rotate(late, 17) ^ rotate(late, 19) ^ late >> 10
                words.append(words[index - 16] &+ first &+ words[index - 7] &+ second)
            }
            var work = hash
            for index in 0..<64 {
                let sum1 = rotate(work[4], 6) ^ rotate(work[4], 11) ^ rotate(work[4], 25)
                let choice = (work[4] & work[5]) ^ (~work[4] & work[6])
                let first = work[7] &+ sum1 &+ choice &+ constants[index] &+ words[index]
                let sum0 = rotate(work[0], 2) ^ rotate(work[0], 13) ^ rotate(work[0], 22)
                let majority = (work[0] & work[1]) ^ (work[0] & work[2]) ^ (work[1] & work[2])
                work = [first &+ sum0 &+ majority] + work[0..<3] + [work[3] &+ first] + work[4..<7]
            }
            for index in 0..<8 { hash[index] &+= work[index] }
        }
        return hash.flatMap { word in (0..<8).map { String(word >> UInt32(28 - $0 * 4) & 15, radix: 16) } }.joined()
    }

    private static let primes: [Double] = (2..<312).filter { candidate in
        !(2..<candidate).contains { candidate % $0 == 0 }
    }.prefix(64).map(Double.init)

    private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }

    private static func fraction(of number: Double) -> UInt32 {
        UInt32((number - number.rounded(.down)) * 4_294_967_296)
    }

    private static func cubeRoot(_ number: Double) -> Double {
        var root = number / 3
        for _ in 0..<60 { root -= (root * root * root - number) / (3 * root * root) }
        return root
    }
}
